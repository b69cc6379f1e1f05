import type { RoomState } from './types.ts';

/** A failover loses less than two of the busiest seconds, and no more than these. */
const jumpMin = 1000;

/** What this process saw of a room: the highest of each, and how many joined in a second. */
type Seen = {
  rev: number;
  epoch: number;
  tail: number;
  front: number;
  joinsPeak: number;
  windowFromMs: number;
  windowTail: number;
};
type Sight = Pick<RoomState, 'epoch' | 'tail' | 'front' | 'nowMs'> & { rev?: number };

/**
 * What this process has seen of rooms that are stored elsewhere. A promoted server may know less,
 * and what it gives from then on must not collide with what was given before.
 */
export const makeSights = () => {
  const rooms = new Map<string, Seen>();
  const of = (showId: string): Seen => {
    const known = rooms.get(showId);
    if (known !== undefined) return known;
    const none = { rev: 0, epoch: 0, tail: 0, front: 0, joinsPeak: 0 };
    const seen = { ...none, windowFromMs: 0, windowTail: 0 };
    rooms.set(showId, seen);
    return seen;
  };
  const see = (showId: string, { rev = 0, epoch, tail, front, nowMs }: Sight): void => {
    const seen = of(showId);
    // In another epoch the tail has jumped: nobody joined.
    if (epoch !== seen.epoch) Object.assign(seen, { epoch, windowFromMs: nowMs, windowTail: tail });
    const elapsedMs = nowMs - seen.windowFromMs;
    const joins = ((tail - seen.windowTail) * 1000) / Math.max(1000, elapsedMs);
    seen.joinsPeak = Math.max(seen.joinsPeak, Math.ceil(joins));
    if (elapsedMs >= 1000) Object.assign(seen, { windowFromMs: nowMs, windowTail: tail });
    seen.rev = Math.max(seen.rev, rev);
    seen.tail = Math.max(seen.tail, tail);
    seen.front = Math.max(seen.front, front);
  };
  /** How far the tail jumps over entries that were given but not seen by this process. */
  const jumpOf = (showId: string): number => Math.max(jumpMin, 2 * of(showId).joinsPeak);
  return { of, see, jumpOf };
};

import type { RoomState } from './types.ts';

/**
 * Numbers that a recovery skipped, because the lost store may have given them: above `from`, up to
 * `to`. Nobody waits there, so they count neither as people ahead nor in the rate.
 */
export type Skipped = { from: number; to: number };

export const nothingSkipped: Skipped = { from: 0, to: 0 };

/**
 * What was skipped between two readings of a room; null: nothing. Only of numbers after the draw:
 * entries that a recovery skips in the lobby are scattered by the draw.
 */
export const findSkipped = (
  before: Pick<RoomState, 'epoch' | 'tail'>,
  after: Pick<RoomState, 'epoch' | 'passEpoch' | 'tail' | 'drawnAtMs'>,
): Skipped | null => {
  // Revoking passes raises both epochs, a recovery only one.
  const hasRecovered = after.epoch > before.epoch && after.epoch > after.passEpoch;
  return hasRecovered && after.drawnAtMs > 0 ? { from: before.tail, to: after.tail } : null;
};

/** How many numbers up to this one were given to people. */
export const countGiven = (number: number, { from, to }: Skipped): number =>
  number - Math.max(0, Math.min(number, to) - from);

/** How far ahead of the front people are near who are at most `near` given numbers behind it. */
export const widenNear = (front: number, near: number, { from, to }: Skipped): number =>
  front < to && from < front + near ? near + to - Math.max(from, front) : near;

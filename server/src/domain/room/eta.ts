import type { RoomState } from './words.ts';

/**
 * When will it be my turn: from how the front really moved over the last minute, never from what
 * was hoped for, and as a range.
 */
export type ObservedRate = {
  /** By how many numbers the front moves a minute; absent people count, they move me too. */
  perMinute: number;
  /** The mean rate ÷ that of the slow fifth of the slices, from 1 to 3: four in five are faster. */
  spread: number;
};

const sliceMs = 5_000;
const slices = 12;
const spreadMax = 3;
/** Below this much of a running room there is nothing to observe yet. */
const leastSlices = 2;
/** What changes by less is shown as it was, so that the expected time does not flicker. */
const deadBand = 0.1;

/**
 * The rate of one room. Only time in which the room runs counts: while it is paused the last rate
 * stays, and with it everybody's expectation of what comes after. Make a new one for a new epoch.
 */
export const makeRate = () => {
  /** The front at the end of each full slice of running time, newest last. */
  let fronts: number[] = [];
  let last: { atMs: number; front: number; isRunning: boolean } | null = null;
  let runningMs = 0;
  let shown: ObservedRate | null = null;

  const observe = (): ObservedRate | null => {
    if (fronts.length <= leastSlices) return null;
    const moves = fronts.slice(1).map((front, at) => front - fronts[at]!);
    const mean = moves.reduce((sum, move) => sum + move, 0) / moves.length;
    const slow = quantile(moves, 0.2);
    const spread = mean <= 0 ? 1 : Math.min(spreadMax, Math.max(1, mean / Math.max(slow, 1e-9)));
    return { perMinute: (mean * 60_000) / sliceMs, spread };
  };

  const endSlice = (front: number): void => {
    fronts = [...fronts, front].slice(-slices - 1);
    const fresh = observe();
    if (fresh === null) return;
    shown = {
      perMinute: steady(fresh.perMinute, shown?.perMinute),
      spread: steady(fresh.spread, shown?.spread),
    };
  };

  return {
    /** The front as it is; `isRunning`: people are being called. In the order of time. */
    add: (sample: { atMs: number; front: number; isRunning: boolean }): void => {
      if (last === null) fronts = [sample.front];
      else if (last.isRunning) {
        const elapsedMs = Math.max(0, sample.atMs - last.atMs);
        const moved = sample.front - last.front;
        const from = { runningMs, front: last.front };
        runningMs += elapsedMs;
        for (let end = sliceEnd(from.runningMs); end <= runningMs; end += sliceMs) {
          // Between two samples the front is taken to have moved evenly.
          endSlice(from.front + (moved * (end - from.runningMs)) / elapsedMs);
        }
      }
      last = sample;
    },
    /** `ratePerMinute`, the operator's, stands in until there is something to observe. */
    observed: (ratePerMinute: number): ObservedRate =>
      shown ?? { perMinute: ratePerMinute, spread: 1 },
  };
};

const sliceEnd = (runningMs: number): number => (Math.floor(runningMs / sliceMs) + 1) * sliceMs;

const steady = (fresh: number, shown: number | undefined): number =>
  shown !== undefined && Math.abs(fresh - shown) <= shown * deadBand ? shown : fresh;

/** By linear interpolation between the two values beside it. */
const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
};

/**
 * Half of the people wait no longer than `from`, four in five no longer than `to`, in ms. Null when
 * nothing moves: nobody can say.
 */
export const etaOf = (
  ahead: number,
  { perMinute, spread }: ObservedRate,
): { from: number; to: number } | null => {
  if (perMinute <= 0) return null;
  const from = (ahead / perMinute) * 60_000;
  return { from: Math.round(from), to: Math.round(from * spread) };
};

export type LongerReason = 'paused' | 'few-seats' | 'room-full' | 'slower';

/**
 * Why the expected time grows, the weightiest reason first; null: it does not. `before` is the rate
 * that the earlier expectation was made with.
 */
export const whyLonger = (
  room: Pick<RoomState, 'override' | 'active' | 'called' | 'activeMax'> & {
    /** Seats that are not sold; null: not known. */
    seatsLeft: number | null;
  },
  rate: { before: number; now: number },
): LongerReason | null => {
  if (room.override === 'paused' || room.override === 'reject') return 'paused';
  if (rate.now >= rate.before * (1 - deadBand)) return null;
  const inside = room.active + room.called;
  // No more people are called than there are seats, nor than the room has room for.
  if (room.seatsLeft !== null && inside >= room.seatsLeft) return 'few-seats';
  return inside >= room.activeMax ? 'room-full' : 'slower';
};

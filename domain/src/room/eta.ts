import type { RoomState } from './types.ts';

/**
 * When will it be my turn? Estimated from how the front really moved in the last minute, never from
 * a target, and as a range.
 */
export type ObservedRate = {
  /** Numbers per minute by which the front moves; absent people count, since they move me, too. */
  perMinute: number;
  /** Mean rate ÷ rate of the slowest fifth of the slices, from 1 to 3: four in five are faster. */
  spread: number;
  /** The highest rate shown in the last minute, on which people's expected waits were based. */
  earlierPerMinute: number;
};

const sliceMs = 5_000;
const slices = 12;
const spreadMax = 3;
/** Minimum running time before there is anything to observe. */
const leastSlices = 2;
/**
 * Until then the operator's rate is all there is, and a room rarely reaches it: people who do not
 * claim or who stay longer slow it down. Half as fast is the range that the first minute shows.
 */
const unmeasuredSpread = 2;
/** Smaller changes are not shown, so that the expected time does not flicker. */
const deadBand = 0.1;

/**
 * The rate of one room. Only running time counts: while the room is paused the last rate remains,
 * and with it everybody's expected wait. Make a new one for a new epoch.
 */
export const makeRate = () => {
  /** The front at the end of each full slice of running time, newest last. */
  let fronts: number[] = [];
  let last: { atMs: number; front: number; isRunning: boolean } | null = null;
  let runningMs = 0;
  /** What was shown at the end of each full slice, newest last. */
  let shown: { perMinute: number; spread: number }[] = [];

  const observe = (): (typeof shown)[number] | null => {
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
    const last = shown.at(-1);
    const next = {
      perMinute: steady(fresh.perMinute, last?.perMinute),
      spread: steady(fresh.spread, last?.spread),
    };
    shown = [...shown, next].slice(-slices);
  };

  return {
    /** The current front; `isRunning`: people are being called. Call in order of time. */
    add: (sample: { atMs: number; front: number; isRunning: boolean }): void => {
      if (last === null) fronts = [sample.front];
      else if (last.isRunning) {
        const elapsedMs = Math.max(0, sample.atMs - last.atMs);
        const moved = sample.front - last.front;
        const from = { runningMs, front: last.front };
        runningMs += elapsedMs;
        for (let end = sliceEnd(from.runningMs); end <= runningMs; end += sliceMs) {
          // Assume that the front moved evenly between two samples.
          endSlice(from.front + (moved * (end - from.runningMs)) / elapsedMs);
        }
      }
      last = sample;
    },
    /** `ratePerMinute`, the operator's, is used until there is something to observe. */
    observed: (ratePerMinute: number): ObservedRate => {
      const { perMinute, spread } = shown.at(-1) ?? {
        perMinute: ratePerMinute,
        spread: unmeasuredSpread,
      };
      const earlierPerMinute = Math.max(perMinute, ...shown.map((rate) => rate.perMinute));
      return { perMinute, spread, earlierPerMinute };
    },
  };
};

const sliceEnd = (runningMs: number): number => (Math.floor(runningMs / sliceMs) + 1) * sliceMs;

const steady = (fresh: number, shown: number | undefined): number =>
  shown !== undefined && Math.abs(fresh - shown) <= shown * deadBand ? shown : fresh;

/** Linear interpolation between the two nearest values. */
const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
};

/**
 * Half of the people wait no longer than `from`, four in five no longer than `to`, in ms. null if
 * nothing moves and the wait is unknown. `heldMs`: how long nobody is called yet.
 */
export const etaOf = (
  ahead: number,
  { perMinute, spread }: Pick<ObservedRate, 'perMinute' | 'spread'>,
  heldMs: number,
): { from: number; to: number } | null => {
  if (perMinute <= 0) return null;
  const movingMs = (ahead / perMinute) * 60_000;
  return { from: Math.round(heldMs + movingMs), to: Math.round(heldMs + movingMs * spread) };
};

/** Too few seats, a full room, or people who take longer. */
export const longerReasons = ['seats', 'room', 'slow'] as const;
export type LongerReason = (typeof longerReasons)[number];

/**
 * Why the expected time has grown within the last minute; null: it has not. A pause is not a
 * reason: the rate does not change during it, and the document says that the room is paused.
 */
export const whyLonger = (
  room: Pick<RoomState, 'active' | 'called' | 'activeMax'> & {
    /** Unsold seats; null: not known. */
    seatsLeft: number | null;
  },
  rate: Pick<ObservedRate, 'perMinute' | 'earlierPerMinute'>,
): LongerReason | null => {
  if (rate.perMinute >= rate.earlierPerMinute * (1 - deadBand)) return null;
  const inside = room.active + room.called;
  // Seats and free slots both limit how many people are called.
  if (room.seatsLeft !== null && inside >= room.seatsLeft) return 'seats';
  return inside >= room.activeMax ? 'room' : 'slow';
};

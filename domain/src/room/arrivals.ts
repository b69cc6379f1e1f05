import * as limits from './constants.ts';

const minuteMs = 60_000;
/** Readings closer together than this count as one. */
const sliceMs = 5_000;

/** How many people joined a room within the last minute. Make a new one for a new epoch. */
export const makeArrivals = () => {
  /** The tail at the beginning of each slice, oldest first. */
  let slices: { atMs: number; tail: number }[] = [];
  let last = 0;
  return {
    /** The highest number at this time; call in order of time. */
    add: (atMs: number, tail: number): void => {
      last = tail;
      const newest = slices.at(-1);
      if (newest !== undefined && atMs - newest.atMs < sliceMs) return;
      slices = [...slices.filter((slice) => atMs - slice.atMs <= minuteMs), { atMs, tail }];
    },
    inMinute: (): number => last - (slices[0]?.tail ?? last),
  };
};

/**
 * The work of the challenge now, in hashes: what the operator set, and as many times more as the
 * joins of the last minute exceed what is calm for the room. 0 stays 0: no challenge.
 */
export const challengeCostOf = (
  settings: { challengeCost: number; ratePerMinute: number },
  joinsInMinute: number,
): number => {
  const calm = Math.max(limits.calmJoinsMin, limits.calmMinutes * settings.ratePerMinute);
  const times = Math.min(limits.challengeGrowsMax, Math.max(1, joinsInMinute / calm));
  return Math.min(limits.challengeCostMax, Math.round(settings.challengeCost * times));
};

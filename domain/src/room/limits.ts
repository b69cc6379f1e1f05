import type { RoomTerms } from './types.ts';

/**
 * How many may be called: a token bucket in whole numbers, so that every store counts alike, and
 * Little's law, by which an operator sets two of three figures and sees the third.
 */

/** What calling one person costs; a rate of one a minute earns one of these each ms. */
export const personCredit = 60_000;

/**
 * The bucket's size: what two ticks earn, and the person that is being saved for. Without the one,
 * what was earned beyond a whole person would be lost at every call, and of 119 a minute 80 would
 * be called (ticks of 250 ms).
 */
export const burstOf = (ratePerMinute: number, { tickMs }: Pick<RoomTerms, 'tickMs'>): number =>
  personCredit + ratePerMinute * 2 * tickMs;

/** The credit after `elapsedMs` more; a rate that was lowered takes the bucket with it. */
export const creditAfter = (
  bucket: { credit: number; ratePerMinute: number; elapsedMs: number },
  terms: Pick<RoomTerms, 'tickMs'>,
): number =>
  Math.min(
    burstOf(bucket.ratePerMinute, terms),
    bucket.credit + bucket.ratePerMinute * bucket.elapsedMs,
  );

/** How many people a credit is good for. */
export const peopleFor = (credit: number): number => Math.floor(credit / personCredit);

/** How long people stay of whom `active` make room for `perMinute`; null when nobody goes in. */
export const meanStayMsOf = (active: number, perMinute: number): number | null =>
  perMinute > 0 ? Math.round((active / perMinute) * 60_000) : null;

/** What an operator may set: a larger figure is a slip of the finger, not a wish. */
export const LIMIT_BOUNDS = {
  ratePerMinute: { min: 1, max: 600_000 },
  activeMax: { min: 1, max: 1_000_000 },
  meanStayMinutes: { min: 0.1, max: 240 },
  bypassMinutes: { min: 1, max: 240 },
  pollMultiplier: { min: 0.5, max: 20 },
} as const;

export type WantedLimits = {
  ratePerMinute?: number | undefined;
  activeMax?: number | undefined;
  meanStayMinutes?: number | undefined;
};

export type Limits =
  | { outcome: 'limits'; limits: { ratePerMinute?: number; activeMax?: number } }
  | { outcome: 'refused'; detail: string };

/**
 * Active = rate × stay. One or both of rate and active as they are; with the mean stay exactly one
 * of them, the other is computed: active rounded up (the rate is reached), the rate rounded down
 * (active is not outgrown).
 */
export const limitsOf = (wanted: WantedLimits): Limits => {
  const { ratePerMinute, activeMax, meanStayMinutes } = wanted;
  const given = { ...(ratePerMinute && { ratePerMinute }), ...(activeMax && { activeMax }) };
  const count = Object.keys(given).length;
  if (meanStayMinutes === undefined) {
    if (count > 0) return { outcome: 'limits', limits: given };
    return refuse('Set the rate, the most active, or the mean stay with one of them.');
  }
  if (count !== 1) {
    return refuse('Set two of rate, most active and mean stay: the third follows from them.');
  }
  const limits = {
    // 50 × 1.1 is a little more than 55 to a computer, and is 55 to whoever set it.
    ratePerMinute: Math.floor((activeMax ?? 0) / meanStayMinutes + tiny),
    activeMax: Math.ceil((ratePerMinute ?? 0) * meanStayMinutes - tiny),
    ...given,
  };
  if (limits.ratePerMinute < 1) {
    return refuse(`Of ${limits.activeMax} people who stay so long, not one a minute leaves.`);
  }
  const rateMax = LIMIT_BOUNDS.ratePerMinute.max;
  if (limits.ratePerMinute > rateMax) {
    return refuse(
      `That would admit ${limits.ratePerMinute} people a minute; ${rateMax} is the most.`,
    );
  }
  const activeMost = LIMIT_BOUNDS.activeMax.max;
  if (limits.activeMax > activeMost) {
    return refuse(
      `That would let ${limits.activeMax} people in at once; ${activeMost} is the most.`,
    );
  }
  return { outcome: 'limits', limits };
};

const tiny = 1e-6;

const refuse = (detail: string): Limits => ({ outcome: 'refused', detail });

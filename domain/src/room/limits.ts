import type { RoomTerms } from './types.ts';

/**
 * How many people may be called: a token bucket in whole numbers, so that all stores count alike,
 * and Little's law, by which an operator sets two of three figures and sees the third.
 */

/** Cost of calling one person; a rate of one per minute earns one credit per ms. */
export const personCredit = 60_000;

/**
 * Size of the bucket: the credit of two ticks and one person. Without that one, the fraction beyond
 * a whole person would be lost at every call, and of 119 per minute only 80 would be called (ticks
 * of 250 ms).
 */
export const burstOf = (ratePerMinute: number, { tickMs }: Pick<RoomTerms, 'tickMs'>): number =>
  personCredit + ratePerMinute * 2 * tickMs;

/** The credit after another `elapsedMs`; a lower rate also lowers the size of the bucket. */
export const creditAfter = (
  bucket: { credit: number; ratePerMinute: number; elapsedMs: number },
  terms: Pick<RoomTerms, 'tickMs'>,
): number =>
  Math.min(
    burstOf(bucket.ratePerMinute, terms),
    bucket.credit + bucket.ratePerMinute * bucket.elapsedMs,
  );

/** How many people a credit pays for. */
export const peopleFor = (credit: number): number => Math.floor(credit / personCredit);

/**
 * The share of late people, in whole numbers: a new person who is called adds one, a late person
 * who is called while others wait takes `lateOneIn` - 1.
 */
export const firstLateShare = ({ lateOneIn }: Pick<RoomTerms, 'lateOneIn'>): number =>
  lateOneIn - 1;

/** How many late people may be called now, of `slots`. */
export const lateSlotsOf = (
  room: { slots: number; lateShare: number; doOthersWait: boolean },
  { lateOneIn }: Pick<RoomTerms, 'lateOneIn'>,
): number =>
  room.doOthersWait
    ? Math.min(room.slots, Math.floor(room.lateShare / (lateOneIn - 1)))
    : room.slots;

/** The share after people were called; it is saved up to one slot in `lateOneIn`, at least one. */
export const lateShareAfter = (
  room: {
    lateShare: number;
    doOthersWait: boolean;
    recalled: number;
    released: number;
    activeMax: number;
  },
  { lateOneIn }: Pick<RoomTerms, 'lateOneIn'>,
): number => {
  const price = lateOneIn - 1;
  const most = price * Math.max(1, Math.floor(room.activeMax / lateOneIn));
  const spent = room.doOthersWait ? price * room.recalled : 0;
  return Math.min(most, Math.max(0, room.lateShare - spent) + room.released);
};

/** Mean stay if `active` people are inside and `perMinute` are admitted; null if nobody is. */
export const meanStayMsOf = (active: number, perMinute: number): number | null =>
  perMinute > 0 ? Math.round((active / perMinute) * 60_000) : null;

/** Largest values that an operator may set; anything larger is a typing error. */
export const limitBounds = {
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

type Limits =
  | { outcome: 'limits'; limits: { ratePerMinute?: number; activeMax?: number } }
  | { outcome: 'refused'; detail: string };

/**
 * Active = rate × stay. Without a mean stay, rate and active are taken as given. With a mean stay
 * and exactly one of them, the other is computed: active rounded up (so the rate is reached), the
 * rate rounded down (so active is not exceeded).
 */
export const limitsOf = (wanted: WantedLimits): Limits => {
  const { ratePerMinute, activeMax, meanStayMinutes } = wanted;
  const given = { ...(ratePerMinute && { ratePerMinute }), ...(activeMax && { activeMax }) };
  const count = Object.keys(given).length;
  if (meanStayMinutes === undefined) {
    if (count > 0) return { outcome: 'limits', limits: given };
    return refuse('Set the rate, the maximum active, or the mean stay with one of them.');
  }
  if (count !== 1) {
    return refuse(
      'Set only two of rate, maximum active and mean stay: the third follows from them.',
    );
  }
  const limits = {
    // 50 × 1.1 is a little more than 55 in floating point, but the operator means 55.
    ratePerMinute: Math.floor((activeMax ?? 0) / meanStayMinutes + tiny),
    activeMax: Math.ceil((ratePerMinute ?? 0) * meanStayMinutes - tiny),
    ...given,
  };
  if (limits.ratePerMinute < 1) {
    return refuse(
      `If ${limits.activeMax} people stay that long, fewer than one per minute leaves.`,
    );
  }
  const rateMax = limitBounds.ratePerMinute.max;
  if (limits.ratePerMinute > rateMax) {
    return refuse(
      `That would admit ${limits.ratePerMinute} people per minute; the maximum is ${rateMax}.`,
    );
  }
  const activeMost = limitBounds.activeMax.max;
  if (limits.activeMax > activeMost) {
    return refuse(
      `That would let in ${limits.activeMax} people at once; the maximum is ${activeMost}.`,
    );
  }
  return { outcome: 'limits', limits };
};

const tiny = 1e-6;

const refuse = (detail: string): Limits => ({ outcome: 'refused', detail });

import { lateOneIn, tickMs } from '@usher/domain/room/constants.ts';
import { burstOf, lateShareAfter, lateSlotsOf, personCredit } from '@usher/domain/room/limits.ts';
import type { RoomDecision } from '@usher/domain/room/types.ts';
import type { Check } from './audit.ts';
import type { Visit } from './visit.ts';

/** The room's own record: not samples, but every moment. */
export type RoomHistory = {
  /** Oldest first; at least the last thousand. */
  decisions: readonly RoomDecision[];
  /** Called and active together after each commit of the room's journal; null without one. */
  mostInside: number | null;
};

/** W10: each call, by the room's own record: in order, once, within the cap and the rate. */
export const checkDecisions = (
  { decisions, mostInside }: RoomHistory,
  limits: { activeMax: number; ratePerMinute: number },
): Check => {
  const { activeMax } = limits;
  const breaches = [...orderBreaches(decisions), ...rateBreaches(decisions, limits)];
  for (const { front, called, active } of decisions)
    if (called + active > activeMax)
      breaches.push(`front ${front}: ${active} active and ${called} called of ${activeMax}`);
  if (mostInside !== null && mostInside > activeMax)
    breaches.push(`${mostInside} called and active after a commit, of ${activeMax}`);
  const promise = 'the room’s own record: everybody called once, in order, within cap and rate';
  return { id: 'W10', promise, breaches };
};

const orderBreaches = (decisions: readonly RoomDecision[]): string[] => {
  const breaches: string[] = [];
  let last = 0;
  for (const { front, released, recalled } of decisions) {
    for (const number of released) {
      if (number <= last) breaches.push(`number ${number} was called after ${last}`);
      last = Math.max(last, number);
    }
    for (const number of [...released, ...recalled])
      if (number > front) breaches.push(`number ${number} was called beyond the front ${front}`);
  }
  return breaches;
};

/**
 * The bucket held at most a burst when an interval began, so no interval has more calls than that
 * plus what the rate earned in it. Checked for all intervals at once: the sum so far, minus what
 * was earned so far, compared with the smallest such value before.
 */
const rateBreaches = (
  decisions: readonly RoomDecision[],
  { ratePerMinute }: { ratePerMinute: number },
): string[] => {
  const breaches: string[] = [];
  const burst = burstOf(ratePerMinute, { tickMs }) / personCredit;
  let calls = 0;
  let least = Infinity;
  for (const { atMs, front, released, recalled } of decisions) {
    const earned = (atMs * ratePerMinute) / 60_000;
    least = Math.min(least, calls - earned);
    calls += released.length + recalled.length;
    const over = calls - earned - least - burst;
    // Instants are whole milliseconds, so the earned credit may be off by as much.
    if (over > 1e-3 + ratePerMinute / 60_000)
      breaches.push(`front ${front}: ${over.toFixed(1)} calls more than rate and burst allow`);
  }
  return breaches;
};

/** The server's clock is known here to about a second, and a tick decides on what was before. */
const knownToMs = 2000;

/**
 * W11: once the room knows that a late person is back, nobody new is called before them, unless
 * late people have had their share. The share is taken as nothing when the person comes back: it
 * may have been more.
 */
export const checkLateFirst = (
  { decisions }: RoomHistory,
  visits: readonly Pick<Visit, 'places' | 'lateToldAtMs'>[],
  { activeMax }: { activeMax: number },
): Check => {
  /** The first of these who was called although the share of late people was not used up. */
  const firstBefore = (between: readonly RoomDecision[]): number | null => {
    const doOthersWait = true;
    let lateShare = 0;
    for (const { recalled, released } of between) {
      const owed = lateSlotsOf({ slots: Infinity, lateShare, doOthersWait }, { lateOneIn });
      if (recalled.length < owed && released.length > 0) return released[0] ?? null;
      const called = { recalled: recalled.length, released: released.length };
      lateShare = lateShareAfter({ lateShare, doOthersWait, activeMax, ...called }, { lateOneIn });
    }
    return null;
  };
  const breaches = visits.flatMap(({ places, lateToldAtMs }) => {
    const number = places.at(-1)?.number ?? null;
    if (lateToldAtMs === null || number === null || places.length > 1) return [];
    const after = decisions.filter(({ atMs }) => atMs > lateToldAtMs - knownToMs);
    const turn = after.find(({ recalled }) => recalled.includes(number))?.atMs ?? Infinity;
    const before = firstBefore(
      after.filter(({ atMs }) => atMs > lateToldAtMs + knownToMs && atMs < turn),
    );
    return before === null ? [] : [`number ${number} waited while ${before} was called`];
  });
  const promise = 'late people who come back go before new people, up to their share';
  return { id: 'W11', promise, breaches };
};

import type { Check } from './audit.ts';
import type { Slot, Visit } from './visit.ts';

/** The room as the operator saw it at some moment between request and response. */
export type RoomSample = {
  askedMs: number;
  toldMs: number;
  epoch: number;
  front: number;
  tail: number;
  waiting: number;
  called: number;
  late: number;
  active: number;
  admitted: number;
  ratePerMinute: number;
  activeMax: number;
  /** Not sold. */
  seatsLeft: number;
};

/** A process may answer from data that it read this long ago. */
const staleMs = 1000;

/** W1: a number belongs to one person. */
export const checkNumbers = (visits: readonly Visit[]): Check => {
  const breaches: string[] = [];
  const owners = { entry: new Map<number, number>(), number: new Map<number, number>() };
  for (const [person, { places }] of visits.entries())
    for (const place of places)
      for (const what of ['entry', 'number'] as const) {
        const value = place[what];
        if (value === null) continue;
        const owner = owners[what].get(value);
        if (owner === undefined) owners[what].set(value, person);
        else breaches.push(`${what} ${value}: persons ${owner} and ${person}`);
      }
  return { id: 'W1', promise: 'no two places have the same number', breaches };
};

/** W2: an account has one place, which does not change. */
export const checkPlaces = (visits: readonly Visit[]): Check => ({
  id: 'W2',
  promise: 'a place never changes: across tabs, devices, retries, crashes',
  breaches: visits.flatMap(({ changes }, person) =>
    changes.map((change) => `person ${person}: ${change}`),
  ),
});

/** W3: after the draw first come, first served; people from the lobby go first. */
export const checkJoinOrder = (visits: readonly Visit[], drawEntries: number): Check => {
  const breaches: string[] = [];
  const later = visits
    .flatMap(({ places }) => places)
    .filter(({ entry }) => entry >= drawEntries)
    .flatMap(({ number, ...place }) => (number === null ? [] : [{ ...place, number }]));
  for (const { entry, number } of later)
    if (number <= drawEntries) breaches.push(`entry ${entry} came late and has number ${number}`);
  const byAsked = [...later].sort((a, b) => a.joinAskedMs - b.joinAskedMs);
  const byTold = [...later].sort((a, b) => a.joinToldMs - b.joinToldMs);
  let highest = 0;
  let told = 0;
  for (const { joinAskedMs, number } of byAsked) {
    for (let next = byTold[told]; next !== undefined; next = byTold[++told]) {
      if (next.joinToldMs >= joinAskedMs) break;
      highest = Math.max(highest, next.number);
    }
    if (number < highest) breaches.push(`number ${number} began to join after ${highest} was in`);
  }
  const promise =
    'after the draw, a person who had joined before another began has the lower number';
  return { id: 'W3', promise, breaches };
};

/** W4: nobody who was present was told to wait while a higher number already had a pass. */
export const checkCallOrder = (visits: readonly Visit[]): Check => {
  const breaches: string[] = [];
  const byNumber = visits
    .flatMap((visit) => {
      const number = visit.places.length === 1 ? visit.places[0]?.number : null;
      return number == null ? [] : [{ number, visit }];
    })
    .sort((a, b) => b.number - a.number);
  let soonestMs = Infinity;
  let soonest = 0;
  for (const { number, visit } of byNumber) {
    const { hasStayed, notYetAskedMs, passToldMs } = visit;
    if (hasStayed && notYetAskedMs !== null && notYetAskedMs > soonestMs)
      breaches.push(`number ${number} was told to wait when ${soonest} had a pass`);
    if (passToldMs === null || passToldMs >= soonestMs) continue;
    soonestMs = passToldMs;
    soonest = number;
  }
  const promise = 'nobody who was present had to wait while a higher number already had a pass';
  return { id: 'W4', promise, breaches };
};

/** W5: people who stayed and claimed within the claim window did not become late. */
export const checkNobodySkipped = (
  visits: readonly Visit[],
  samples: readonly RoomSample[],
  claimWindowMs: number,
): Check => {
  const breaches: string[] = [];
  for (const { places, hasStayed, lateAskedMs } of visits) {
    const number = places.at(-1)?.number ?? null;
    if (!hasStayed || lateAskedMs === null || number === null || places.length > 1) continue;
    // Not called yet when this was requested: the call came after it.
    const notCalled = samples.findLast(({ front }) => front < number)?.askedMs;
    if (notCalled === undefined || lateAskedMs - (notCalled - staleMs) >= claimWindowMs) continue;
    breaches.push(`number ${number} was there, came in time and was made late`);
  }
  const promise = 'nobody who was present and claimed in time lost their turn';
  return { id: 'W5', promise, breaches };
};

/** W6: active + called never exceed the cap, in the operator's view and by people's slots. */
export const checkCap = (
  visits: readonly Visit[],
  samples: readonly RoomSample[],
): { check: Check; mostAtOnce: number; mostSlots: number } => {
  const breaches: string[] = [];
  let mostAtOnce = 0;
  let cap = 0;
  for (const { active, called, activeMax } of samples) {
    // Lowering the cap evicts nobody.
    cap = Math.max(cap, activeMax);
    mostAtOnce = Math.max(mostAtOnce, active + called);
    if (active + called > cap) breaches.push(`${active} active and ${called} called of ${cap}`);
  }
  const mostSlots = mostAtATime(visits.flatMap(({ slots }) => slots));
  if (mostSlots > cap) breaches.push(`${mostSlots} people held a slot at a time, of ${cap}`);
  const promise = 'called and active people together never exceed the cap';
  return { check: { id: 'W6', promise, breaches }, mostAtOnce, mostSlots };
};

const mostAtATime = (slots: readonly Slot[]): number => {
  const starts = slots.map(({ fromMs }) => fromMs).sort((a, b) => a - b);
  const ends = slots.map(({ toMs }) => toMs).sort((a, b) => a - b);
  let [most, ended] = [0, 0];
  for (const [begun, fromMs] of starts.entries()) {
    while ((ends[ended] ?? Infinity) <= fromMs) ended += 1;
    most = Math.max(most, begun + 1 - ended);
  }
  return most;
};

const minuteMs = 60_000;
/** Two ticks of 500 ms, the longest possible; each adds one person. */
const burstMs = 1000;

/**
 * W7: releases in any interval up to a minute ≤ rate × interval + burst. They are measured by the
 * growth of admitted + called, which is no more than were released. A failover may restore passes
 * of its last second: they count twice, hence one more second of the rate.
 */
export const checkRate = (samples: readonly RoomSample[]): Check => {
  const breaches: string[] = [];
  const firstEpoch = samples[0]?.epoch ?? 0;
  for (const [at, from] of samples.entries()) {
    let ratePerMinute = from.ratePerMinute;
    for (let next = at + 1; next < samples.length; next++) {
      const to = samples[next];
      if (to === undefined || to.epoch !== from.epoch) break;
      if (to.askedMs - from.toldMs > minuteMs) break;
      ratePerMinute = Math.max(ratePerMinute, to.ratePerMinute);
      const released = to.admitted + to.called - from.admitted - from.called;
      const spanMs = to.toldMs - from.askedMs + staleMs;
      const againMs = from.epoch === firstEpoch ? 0 : 1000;
      const burst = 1 + (ratePerMinute * (burstMs + againMs)) / minuteMs;
      const allowed = (ratePerMinute * spanMs) / minuteMs + burst;
      if (released <= allowed) continue;
      breaches.push(
        `${released} in ${(spanMs / 1000).toFixed(1)} s, allowed ${allowed.toFixed(0)}`,
      );
      break;
    }
  }
  const promise = 'no interval of up to a minute has more calls than rate and burst allow';
  return { id: 'W7', promise, breaches };
};

/** W8: within an epoch, front, tail and the number of issued passes only grow. */
export const checkNeverBack = (samples: readonly RoomSample[]): Check => {
  const breaches: string[] = [];
  for (const [at, sample] of samples.entries()) {
    const before = samples[at - 1];
    if (before === undefined || before.epoch !== sample.epoch) continue;
    for (const what of ['front', 'tail', 'admitted'] as const)
      if (sample[what] < before[what])
        breaches.push(`${what} went from ${before[what]} to ${sample[what]}`);
  }
  return { id: 'W8', promise: 'front and tail never go back', breaches };
};

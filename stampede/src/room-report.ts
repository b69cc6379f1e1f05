import type { DrawRecord } from '@usher/domain/draw-check.ts';
import type { Check } from './audit.ts';
import { checkFairness, type Fairness } from './fairness.ts';
import { type Latency, latencyOf, makeHistogram } from './histogram.ts';
import {
  checkCallOrder,
  checkCap,
  checkJoinOrder,
  checkNeverBack,
  checkNobodySkipped,
  checkNumbers,
  checkPlaces,
  checkRate,
  type RoomSample,
} from './room-audit.ts';
import type { Visit } from './visit.ts';

/** The report's part about the waiting room. */
export type RoomReport = {
  /** People who were given a place. */
  cameIn: number;
  /** Of those who were admitted, from joining, or from the opening for those in the lobby. */
  waitingMs: Latency;
  admissions: {
    people: number;
    /** Mean over the seconds with an admission, and the busiest second. */
    perS: number;
    perSMax: number;
    ratePerS: number;
    activeMax: number;
    /** Called and active together: the most in the operator's view, and by people’s slots. */
    mostAtOnce: number;
    mostSlots: number;
  };
  inversions: number;
  duplicates: number;
  placesChanged: number;
  aboveCap: number;
  aboveRate: number;
  /** Missed their call, and how many of them were admitted all the same. */
  late: { people: number; admitted: number };
  /** 1, plus one for each failover of the room, or revoking of its passes. */
  epochs: number;
  /** Second tabs and devices, and places requested again after a loss. */
  askedAgain: number;
  fairness: Fairness;
};

export const makeRoomReport = (facts: {
  visits: readonly Visit[];
  samples: readonly RoomSample[];
  /** When the sale opened, on the clock of visits and samples. */
  opensAtMs: number;
  claimWindowMs: number;
  record: DrawRecord | null;
  promised: string | null;
}): { room: RoomReport; checks: Check[] } => {
  const { visits, samples, claimWindowMs, record, promised } = facts;
  const numbers = checkNumbers(visits);
  const places = checkPlaces(visits);
  const order = [
    checkJoinOrder(visits, record?.entries ?? 0),
    checkCallOrder(visits),
    checkNobodySkipped(visits, samples, claimWindowMs),
  ];
  const cap = checkCap(visits, samples);
  const rate = checkRate(samples);
  const { check: draw, fairness } = checkFairness(record, promised, visits);
  const late = visits.filter(({ lateAskedMs }) => lateAskedMs !== null);
  return {
    room: {
      cameIn: visits.filter((visit) => visit.places.length > 0).length,
      waitingMs: latencyOf(waits(visits, facts.opensAtMs)),
      admissions: {
        ...admissions(visits),
        ratePerS: (samples.at(-1)?.ratePerMinute ?? 0) / 60,
        activeMax: samples.at(-1)?.activeMax ?? 0,
        mostAtOnce: cap.mostAtOnce,
        mostSlots: cap.mostSlots,
      },
      inversions: order.reduce((sum, { breaches }) => sum + breaches.length, 0),
      duplicates: numbers.breaches.length,
      placesChanged: places.breaches.length,
      aboveCap: cap.check.breaches.length,
      aboveRate: rate.breaches.length,
      late: {
        people: late.length,
        admitted: late.filter(({ passToldMs }) => passToldMs !== null).length,
      },
      epochs: new Set(samples.map(({ epoch }) => epoch)).size,
      askedAgain: visits.reduce((sum, visit) => sum + visit.askedAgain, 0),
      fairness,
    },
    checks: [numbers, places, ...order, cap.check, rate, checkNeverBack(samples), draw],
  };
};

const waits = (visits: readonly Visit[], opensAtMs: number) => {
  const histogram = makeHistogram();
  for (const waitMs of waitsOf(visits, opensAtMs)) histogram.record(waitMs);
  return histogram;
};

/** How long each admitted person waited, ms. */
export const waitsOf = (visits: readonly Visit[], opensAtMs: number): number[] =>
  visits.flatMap(({ places, passToldMs }) => {
    const place = places.at(-1);
    if (place === undefined || passToldMs === null) return [];
    return [passToldMs - Math.max(place.joinAskedMs, opensAtMs)];
  });

const admissions = (visits: readonly Visit[]) => {
  const seconds = new Map<number, number>();
  let people = 0;
  for (const { passToldMs } of visits) {
    if (passToldMs === null) continue;
    people += 1;
    const second = Math.floor(passToldMs / 1000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  const perS = seconds.size === 0 ? 0 : Math.round((10 * people) / seconds.size) / 10;
  return { people, perS, perSMax: Math.max(0, ...seconds.values()) };
};

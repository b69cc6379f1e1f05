import { expect, test } from 'vitest';
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
import { beginSlot, endSlot, makeVisit, notePlace, type Visit } from './visit.ts';

/** A person who joined at `atMs`, got the response 10 ms later, and stayed. */
const person = (entry: number, number: number | null, atMs = 0): Visit => {
  const visit = makeVisit();
  const when = { askedMs: atMs, toldMs: atMs + 10, mayBeNew: false };
  notePlace(visit, { number, receipt: { entry, key: `key ${entry}` } }, when);
  return visit;
};
const told = { askedMs: 50, toldMs: 60, mayBeNew: false };

const sample = (atMs: number, change: Partial<RoomSample> = {}): RoomSample => ({
  askedMs: atMs,
  toldMs: atMs + 5,
  epoch: 1,
  front: 0,
  tail: 100,
  waiting: 90,
  called: 0,
  late: 0,
  active: 0,
  admitted: 0,
  ratePerMinute: 60,
  activeMax: 10,
  seatsLeft: 50,
  ...change,
});

test('people with different numbers are no breach', () => {
  expect(checkNumbers([person(0, 2), person(1, 1), person(2, null)]).breaches).toEqual([]);
});

test('two people with the same number, or entry, are a breach', () => {
  expect(checkNumbers([person(0, 5), person(1, 5)]).breaches).toHaveLength(1);
  expect(checkNumbers([person(3, null), person(3, null)]).breaches).toHaveLength(1);
});

test('the same place again, and a number after the draw, are no change', () => {
  const visit = person(4, null);
  notePlace(visit, { number: 9, receipt: { entry: 4, key: 'key 4' } }, told);
  notePlace(visit, { number: 9, receipt: { entry: 4, key: 'key 4' } }, told);
  expect(checkPlaces([visit]).breaches).toEqual([]);
  expect(visit.places).toEqual([expect.objectContaining({ entry: 4, number: 9 })]);
});

test('a second tab that gets a second place is a breach', () => {
  const visit = person(4, 9);
  notePlace(visit, { number: 12, receipt: { entry: 11, key: 'key 11' } }, told);
  expect(checkPlaces([visit]).breaches).not.toEqual([]);
});

test('a number that changes or is lost, or a receipt that changes, is a breach', () => {
  for (const answer of [
    { number: 10, receipt: { entry: 4, key: 'key 4' } },
    { number: null, receipt: { entry: 4, key: 'key 4' } },
    { number: 9, receipt: { entry: 4, key: 'another' } },
  ]) {
    const visit = person(4, 9);
    notePlace(visit, answer, told);
    expect(checkPlaces([visit]).breaches).toHaveLength(1);
  }
});

test('a new place after the old one ended is no change', () => {
  const visit = person(4, 9);
  const answer = { number: 31, receipt: { entry: 30, key: 'key 30' } };
  notePlace(visit, answer, { ...told, mayBeNew: true });
  expect(checkPlaces([visit]).breaches).toEqual([]);
  expect(visit.places).toHaveLength(2);
});

test('a crowd with numbers in order of joining is no breach, even with overlaps', () => {
  const visits = [person(0, 2, 0), person(1, 1, 5), person(2, 4, 100), person(3, 3, 105)];
  expect(checkJoinOrder(visits, 2).breaches).toEqual([]);
});

test('a person who joined before another began, but has the higher number, is a breach', () => {
  const visits = [person(2, 4, 100), person(3, 3, 200)];
  expect(checkJoinOrder(visits, 2).breaches).toHaveLength(1);
});

test('a latecomer with a number before people from the lobby is a breach', () => {
  expect(checkJoinOrder([person(2, 1, 100)], 2).breaches).toHaveLength(1);
});

/** Number 1 asked at `askedMs` and was told to wait; number 2 has had a pass since 1000. */
const overtaken = (askedMs: number, hasStayed = true): Visit[] => [
  { ...person(0, 1), notYetAskedMs: askedMs, hasStayed },
  { ...person(1, 2), passToldMs: 1000 },
];

test('a person who must wait although a higher number already has a pass is a breach', () => {
  expect(checkCallOrder(overtaken(900)).breaches).toEqual([]);
  expect(checkCallOrder(overtaken(1100)).breaches).toHaveLength(1);
});

test('an absent person may be overtaken, and a lower number with a pass overtakes nobody', () => {
  expect(checkCallOrder(overtaken(1100, false)).breaches).toEqual([]);
  const inOrder = [
    { ...person(0, 1), passToldMs: 1000 },
    { ...person(1, 2), notYetAskedMs: 1100 },
  ];
  expect(checkCallOrder(inOrder).breaches).toEqual([]);
});

test('a present person who claimed in time but became late is a breach', () => {
  const visits = [{ ...person(0, 7), lateAskedMs: 12_000 }];
  const samples = [sample(0, { front: 6 }), sample(10_000, { front: 6 }), sample(10_300)];
  const [before, last] = [samples.slice(0, 2), { ...sample(10_300), front: 7 }];
  expect(checkNobodySkipped(visits, [...before, last], 30_000).breaches).toHaveLength(1);
  // Called at 300 at the earliest, so that the claim may have arrived after it expired.
  const early = [sample(0, { front: 6 }), sample(300, { front: 7 })];
  expect(checkNobodySkipped(visits, early, 5000).breaches).toEqual([]);
  const away = visits.map((visit) => ({ ...visit, hasStayed: false }));
  expect(checkNobodySkipped(away, [...before, last], 30_000).breaches).toEqual([]);
});

/** `count` people with a slot each at the same time. */
const slots = (count: number): Visit[] =>
  Array.from({ length: count }, (_, at) => {
    const visit = person(at, at + 1);
    beginSlot(visit, 100 + at, 5000);
    return visit;
  });

test('a room that is full to the cap is no breach', () => {
  const { check, mostAtOnce, mostSlots } = checkCap(slots(10), [
    sample(0, { active: 7, called: 3 }),
  ]);
  expect([check.breaches, mostAtOnce, mostSlots]).toEqual([[], 10, 10]);
});

test('one person above the cap is a breach, in the operator’s view and by people’s passes', () => {
  expect(checkCap([], [sample(0, { active: 8, called: 3 })]).check.breaches).toHaveLength(1);
  expect(checkCap(slots(11), [sample(0)]).check.breaches).toHaveLength(1);
});

test('a slot counts only while it is certain, and lowering the cap evicts nobody', () => {
  const visits = slots(11);
  const [first] = visits;
  if (first !== undefined) endSlot(first, 105);
  expect(checkCap(visits, [sample(0)]).mostSlots).toBe(10);
  const lowered = [sample(0, { active: 10 }), sample(300, { active: 10, activeMax: 5 })];
  expect(checkCap([], lowered).check.breaches).toEqual([]);
});

test('a call and the pass that follows it are one slot', () => {
  const visit = person(0, 1);
  beginSlot(visit, 100, 30_100);
  beginSlot(visit, 400, 60_400);
  expect(visit.slots).toEqual([{ fromMs: 100, toMs: 60_400 }]);
});

test('releases at the rate with one burst are no breach; a second burst is', () => {
  // One a second: ten in ten seconds, and one of burst.
  const calm = [sample(0), sample(10_000, { admitted: 8, called: 3 })];
  expect(checkRate(calm).breaches).toEqual([]);
  const rushed = [sample(0), sample(10_000, { admitted: 10, called: 4 })];
  expect(checkRate(rushed).breaches).toHaveLength(1);
});

test('the rate is checked in every interval, not only from the beginning', () => {
  const idle = [sample(0), sample(30_000), sample(31_000, { called: 9 })];
  expect(checkRate(idle).breaches).toHaveLength(1);
});

test('counts that a failover set back are not counted as releases', () => {
  const after = [sample(0, { admitted: 0 }), sample(1000, { epoch: 2, admitted: 40 })];
  expect(checkRate(after).breaches).toEqual([]);
});

test('a front, tail or pass count that goes back is a breach, unless the epoch rose', () => {
  for (const what of ['front', 'tail', 'admitted'] as const) {
    const back = [sample(0, { [what]: 200 }), sample(300, { [what]: 199 })];
    expect(checkNeverBack(back).breaches).toHaveLength(1);
    const raised = [sample(0, { [what]: 200 }), sample(300, { [what]: 199, epoch: 2 })];
    expect(checkNeverBack(raised).breaches).toEqual([]);
  }
});

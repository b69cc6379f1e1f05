import type { RoomDecision } from '@usher/domain/room/types.ts';
import { expect, test } from 'vitest';
import { checkDecisions, checkLateFirst } from './decision-audit.ts';
import { makeVisit, notePlace } from './visit.ts';

const limits = { activeMax: 10, ratePerMinute: 600 };

/** Ten a second in steps of half a second, number by number; nobody stays. */
const calm = (): RoomDecision[] =>
  Array.from({ length: 40 }, (_, step) => {
    const from = 5 * step;
    return {
      atMs: 500 * step,
      front: from + 5,
      called: 5,
      active: 3,
      recalled: [],
      released: [1, 2, 3, 4, 5].map((number) => from + number),
    };
  });
const changed = (at: number, change: Partial<RoomDecision>): RoomDecision[] =>
  calm().map((decision, step) => (step === at ? { ...decision, ...change } : decision));
const breachesOf = (decisions: readonly RoomDecision[], mostInside: number | null = 8) =>
  checkDecisions({ decisions, mostInside }, limits).breaches;

test('a room that calls in order, at its rate and below its cap is no breach', () => {
  expect(breachesOf(calm())).toEqual([]);
});

test('late people who are called again are called with the others, even twice', () => {
  const again = changed(20, { recalled: [3, 7], released: [101, 102, 103] }).map((each, step) =>
    step === 21 ? { ...each, recalled: [3], released: [106, 107, 108, 109] } : each,
  );
  expect(breachesOf(again)).toEqual([]);
});

test('a number that is called twice, out of order or beyond the front is a breach', () => {
  expect(breachesOf(changed(20, { released: [100, 101, 102] }))).toHaveLength(1);
  expect(breachesOf(changed(20, { recalled: [500] }))).not.toEqual([]);
});

test('one person above the cap is a breach, at a decision and between two of them', () => {
  expect(breachesOf(changed(20, { called: 8 }))).toHaveLength(1);
  expect(breachesOf(calm(), 11)).toHaveLength(1);
  expect(breachesOf(calm(), null)).toEqual([]);
});

test('a burst is allowed once, and not again before it was earned', () => {
  const inOneSecond = (atMs: number): RoomDecision[] =>
    calm().map((decision, step) => ({ ...decision, atMs: step < 4 ? atMs * step : 500 * step }));
  expect(breachesOf(inOneSecond(480))).toEqual([]);
  expect(breachesOf(inOneSecond(0)).length).toBeGreaterThan(0);
});

/** Number 7, called at 500 and late, is back at `backMs`. */
const late = (backMs: number) => {
  const visit = makeVisit();
  const told = { number: 7, receipt: { entry: 6, key: 'k' } };
  notePlace(visit, told, { askedMs: 0, toldMs: 1, mayBeNew: false });
  return [{ ...visit, lateToldAtMs: backMs }, makeVisit()];
};

test('a late person who is back goes before new people, up to the share of late people', () => {
  const breachesIn = (decisions: readonly RoomDecision[]) =>
    checkLateFirst({ decisions, mostInside: 8 }, late(5000), limits).breaches;
  expect(breachesIn(changed(11, { recalled: [7] }))).toEqual([]);
  // Seconds in which only others were called; the first five of them paid for a late one.
  expect(breachesIn(changed(22, { recalled: [7] }))).toEqual([
    'number 7 waited while 81 was called',
  ]);
  // Other late people were called before them, though not each time.
  const recalled = [1, 2];
  const sometimes = calm().map((each, step) => (step % 2 === 0 ? { ...each, recalled } : each));
  expect(breachesIn(sometimes)).toEqual(['number 7 waited while 86 was called']);
  expect(breachesIn(calm().map((each) => ({ ...each, recalled })))).toEqual([]);
  // Nobody at all was called after it.
  expect(breachesIn(calm().slice(0, 10))).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import {
  blockFaults,
  MAX_PERFORMANCES,
  performanceFaults,
  showFaults,
  withRounds,
} from './show-rules.ts';

const day = 86_400_000;
const sound = {
  grades: [{ code: 'VIP' }, { code: 'R' }],
  planGrades: ['VIP', 'R'],
  saleOpensAtMs: 10 * day,
  saleClosesAtMs: 20 * day,
  performancesStartAtMs: [15 * day],
};
const pathsOf = (faults: { path: string }[]) => faults.map(({ path }) => path);

describe('a show', () => {
  test('whose grades, sale and performances fit has no faults', () => {
    expect(showFaults(sound)).toEqual([]);
  });
  test('must price every grade of the plan, and no other, once', () => {
    const grades = [{ code: 'VIP' }, { code: 'VIP' }, { code: 'S' }];
    expect(showFaults({ ...sound, grades })).toEqual([
      { path: 'grades.1.code', message: 'grade VIP is listed twice' },
      { path: 'grades.2.code', message: 'no seat of the seating plan has grade S' },
      { path: 'grades', message: 'grade R of the seating plan has no price' },
    ]);
  });
  test('must open its sale before it closes, and before every performance', () => {
    expect(pathsOf(showFaults({ ...sound, saleClosesAtMs: 10 * day }))).toEqual(['saleClosesAt']);
    expect(pathsOf(showFaults({ ...sound, saleOpensAtMs: 15 * day }))).toEqual(['saleOpensAt']);
  });
  test('is told all its faults at once', () => {
    const faults = showFaults({ ...sound, grades: [], saleOpensAtMs: 30 * day });
    expect(pathsOf(faults)).toEqual(['grades', 'grades', 'saleClosesAt', 'saleOpensAt']);
  });
  test('of an unknown plan is held to the rules that need none', () => {
    const show = { ...sound, planGrades: null, grades: [{ code: 'X' }, { code: 'X' }] };
    expect(pathsOf(showFaults(show))).toEqual(['grades.1.code']);
  });
});

describe('performances', () => {
  const added = {
    startsAtMs: [15 * day],
    existingStartAtMs: [14 * day],
    saleOpensAtMs: 10 * day,
    nowMs: 12 * day,
  };
  test('that lie in the future and after the opening have no faults', () => {
    expect(performanceFaults(added)).toEqual([]);
  });
  test('may not be at the time of another, pass, or start before the sale', () => {
    const startsAtMs = [14 * day, 16 * day, 16 * day, 11 * day, 9 * day, 12 * day];
    expect(performanceFaults({ ...added, startsAtMs })).toEqual([
      { path: 'startsAt.0', message: 'the show has another performance at this time' },
      { path: 'startsAt.2', message: 'the show has another performance at this time' },
      { path: 'startsAt.3', message: 'this time has passed' },
      { path: 'startsAt.4', message: 'this time has passed' },
      { path: 'startsAt.4', message: 'a performance must start after the sale opens' },
      { path: 'startsAt.5', message: 'this time has passed' },
    ]);
  });
  test('of a show are bounded in number', () => {
    const existingStartAtMs = Array.from({ length: MAX_PERFORMANCES }, (_, i) => 100 * day + i);
    expect(pathsOf(performanceFaults({ ...added, existingStartAtMs }))).toEqual(['startsAt']);
  });
  test('are numbered by their start within the day of the venue', () => {
    const at = (instant: string) => ({ id: instant, startsAtMs: Date.parse(instant) });
    const evening = at('2026-11-21T10:30:00Z');
    const afternoon = at('2026-11-21T05:00:00Z');
    // Half past midnight in Seoul: the next day there, the same day in UTC.
    const late = at('2026-11-21T15:30:00Z');
    const rounds = withRounds([evening, late, afternoon], 'Asia/Seoul');
    expect(rounds.map(({ id, round }) => [id, round])).toEqual([
      [afternoon.id, 1],
      [evening.id, 2],
      [late.id, 1],
    ]);
    expect(withRounds([evening, late], 'UTC').map(({ round }) => round)).toEqual([1, 2]);
  });
});

test('seats to block must exist and be named once', () => {
  expect(blockFaults({ block: [0, 9], unblock: [5] }, 10)).toEqual([]);
  expect(pathsOf(blockFaults({ block: [10, 1, 1], unblock: [2, 1] }, 10))).toEqual([
    'block.0',
    'block.2',
    'unblock.1',
  ]);
});

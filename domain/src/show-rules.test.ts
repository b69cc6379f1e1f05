import { describe, expect, test } from 'vitest';
import {
  blockFaults,
  maxPerformances,
  performanceFaults,
  showFaults,
  withRounds,
} from './show-rules.ts';

const day = 86_400_000;
const gradeOf = (code: string, name = code) => ({ code, name: { ko: `${name}석`, en: name } });
const sound = {
  grades: [gradeOf('VIP'), gradeOf('R')],
  paintedGrades: ['VIP', 'R'],
  saleOpensAtMs: 10 * day,
  saleClosesAtMs: 20 * day,
  performancesStartAtMs: [15 * day],
};
const pathsOf = (faults: { path: string }[]) => faults.map(({ path }) => path);

describe('a show', () => {
  test('has no faults if its grades, sale and performances are valid', () => {
    expect(showFaults(sound)).toEqual([]);
  });
  test('must price each painted grade once, and no other', () => {
    const grades = [gradeOf('VIP'), gradeOf('VIP', 'Best'), gradeOf('S')];
    expect(showFaults({ ...sound, grades })).toEqual([
      { path: 'grades.1.code', message: 'grade VIP is listed twice' },
      { path: 'grades.2.code', message: 'no seat is painted with grade S' },
      { path: 'grades', message: 'seats are painted with R, which has no price' },
    ]);
  });
  test('must open its sale before it closes, and before every performance', () => {
    expect(pathsOf(showFaults({ ...sound, saleClosesAtMs: 10 * day }))).toEqual(['saleClosesAt']);
    expect(pathsOf(showFaults({ ...sound, saleOpensAtMs: 15 * day }))).toEqual(['saleOpensAt']);
  });
  test('gets all its faults at once', () => {
    const faults = showFaults({ ...sound, grades: [], saleOpensAtMs: 30 * day });
    expect(pathsOf(faults)).toEqual(['grades', 'grades', 'saleClosesAt', 'saleOpensAt']);
  });
  test('may not give two grades the same name in either language', () => {
    const grades = [gradeOf('VIP'), { code: 'R', name: { ko: 'VIP석', en: 'Royal' } }];
    expect(pathsOf(showFaults({ ...sound, grades }))).toEqual(['grades.1.name.ko']);
  });
  test('whose painting has faults is still checked by the rules that do not need it', () => {
    const grades = [gradeOf('X'), gradeOf('X', 'Y')];
    const show = { ...sound, paintedGrades: null, grades };
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
  test('have no faults if they are in the future and after the opening', () => {
    expect(performanceFaults(added)).toEqual([]);
  });
  test('may not be at the time of another, in the past, or before the sale', () => {
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
  test('of a show are limited in number', () => {
    const existingStartAtMs = Array.from({ length: maxPerformances }, (_, i) => 100 * day + i);
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

test('blocked seats must exist and be listed once', () => {
  expect(blockFaults({ block: [0, 9], unblock: [5] }, 10)).toEqual([]);
  expect(pathsOf(blockFaults({ block: [10, 1, 1], unblock: [2, 1] }, 10))).toEqual([
    'block.0',
    'block.2',
    'unblock.1',
  ]);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { periodOf, type RankingPeriod } from './ranking-period.ts';

const zones = [
  'UTC',
  'Asia/Seoul',
  'America/New_York',
  'Europe/Berlin',
  'America/Sao_Paulo', // until 2019 clocks went from 23:59 to 01:00
  'America/St_Johns', // until 2011 clocks changed at 00:01, back over midnight
  'America/Havana', // clocks go from 00:59 back to 00:00
  'Asia/Kathmandu', // 5 h 45 min
  'Australia/Lord_Howe', // half an hour of summer time
  'Pacific/Apia', // has no 30 December 2011
  'Pacific/Kiritimati', // UTC+14
];
const instant = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) });
const period = fc.constantFrom<RankingPeriod>('DAY', 'WEEK', 'MONTH');
const zone = fc.constantFrom(...zones);

const bounds = (now: string, name: RankingPeriod, timeZone: string): [string, string, string] => {
  const { startAtMs, endAtMs, key } = periodOf(Date.parse(now), name, timeZone);
  return [key, new Date(startAtMs).toISOString(), new Date(endAtMs).toISOString()];
};

describe('a ranking period', () => {
  test('contains its instant and adjoins the periods before and after, in every zone', () => {
    fc.assert(
      fc.property(instant, period, zone, (now, name, timeZone) => {
        const { startAtMs, endAtMs, key } = periodOf(now, name, timeZone);
        expect(startAtMs).toBeLessThanOrEqual(now);
        expect(endAtMs).toBeGreaterThan(now);
        expect(periodOf(startAtMs, name, timeZone).key).toBe(key);
        expect(periodOf(endAtMs - 1, name, timeZone).key).toBe(key);
        expect(periodOf(endAtMs, name, timeZone).startAtMs).toBe(endAtMs);
        expect(periodOf(startAtMs - 1, name, timeZone).endAtMs).toBe(startAtMs);
      }),
      { numRuns: 1000 },
    );
  });

  test('begins at local midnight; a week on Thursday, a month on the 1st', () => {
    const now = '2026-11-20T15:30:00.000Z'; // Saturday, half past midnight in Seoul
    expect(bounds(now, 'DAY', 'Asia/Seoul')).toEqual([
      'DAY:2026-11-21',
      '2026-11-20T15:00:00.000Z',
      '2026-11-21T15:00:00.000Z',
    ]);
    expect(bounds(now, 'WEEK', 'Asia/Seoul')).toEqual([
      'WEEK:2026-11-19',
      '2026-11-18T15:00:00.000Z',
      '2026-11-25T15:00:00.000Z',
    ]);
    expect(bounds(now, 'MONTH', 'Asia/Seoul')).toEqual([
      'MONTH:2026-11',
      '2026-10-31T15:00:00.000Z',
      '2026-11-30T15:00:00.000Z',
    ]);
  });

  test('starts a new week in the first instant of Thursday, not one before', () => {
    const thursday = Date.parse('2026-11-18T15:00:00.000Z');
    expect(periodOf(thursday - 1, 'WEEK', 'Asia/Seoul').key).toBe('WEEK:2026-11-12');
    expect(periodOf(thursday, 'WEEK', 'Asia/Seoul').key).toBe('WEEK:2026-11-19');
  });

  test('is 23 or 25 hours long on days when clocks change', () => {
    expect(bounds('2026-03-08T12:00:00.000Z', 'DAY', 'America/New_York')).toEqual([
      'DAY:2026-03-08',
      '2026-03-08T05:00:00.000Z',
      '2026-03-09T04:00:00.000Z',
    ]);
    expect(bounds('2026-11-01T12:00:00.000Z', 'DAY', 'America/New_York')).toEqual([
      'DAY:2026-11-01',
      '2026-11-01T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ]);
  });

  test('begins at one o’clock where midnight does not exist', () => {
    expect(bounds('2018-11-04T12:00:00.000Z', 'DAY', 'America/Sao_Paulo')).toEqual([
      'DAY:2018-11-04',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ]);
  });

  test('begins at the first midnight if it occurs twice', () => {
    expect(bounds('2026-11-01T12:00:00.000Z', 'DAY', 'America/Havana')).toEqual([
      'DAY:2026-11-01',
      '2026-11-01T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ]);
  });

  test('remains the new day when clocks go back past midnight', () => {
    // 2010-11-07 00:01 became 2010-11-06 23:01; the day had begun at 00:00.
    const begun = Date.parse('2010-11-07T02:30:00.000Z');
    const day = periodOf(begun, 'DAY', 'America/St_Johns');
    expect(periodOf(begun + 30 * 60_000, 'DAY', 'America/St_Johns')).toEqual(day);
    expect(day.key).toBe('DAY:2010-11-07');
  });

  test('follows the previous day when the zone skips a whole day', () => {
    expect(bounds('2011-12-29T20:00:00.000Z', 'DAY', 'Pacific/Apia')).toEqual([
      'DAY:2011-12-29',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ]);
    expect(periodOf(Date.parse('2011-12-30T10:00:00.000Z'), 'DAY', 'Pacific/Apia').key).toBe(
      'DAY:2011-12-31',
    );
  });

  test('is refused for an unknown zone', () => {
    expect(() => periodOf(0, 'DAY', 'Asia/Atlantis')).toThrow(RangeError);
  });
});

import { describe, expect, test } from 'vitest';
import { challengeCostOf, makeArrivals } from './arrivals.ts';

describe('the joins of the last minute', () => {
  /** Read every 250 ms; `perSecond` people join evenly. */
  const after = (courses: readonly (readonly [seconds: number, perSecond: number])[]): number => {
    const arrivals = makeArrivals();
    let [atMs, tail] = [0, 0];
    arrivals.add(atMs, tail);
    for (const [seconds, perSecond] of courses)
      for (let quarter = 0; quarter < 4 * seconds; quarter++) {
        atMs += 250;
        tail += perSecond / 4;
        arrivals.add(atMs, tail);
      }
    return arrivals.inMinute();
  };

  test('are counted from the first one on', () => {
    expect(makeArrivals().inMinute()).toBe(0);
    expect(after([[10, 100]])).toBe(1000);
  });

  test('are forgotten after a minute', () => {
    expect(
      after([
        [60, 1000],
        [66, 0],
      ]),
    ).toBe(0);
    const count = after([
      [600, 1000],
      [60, 100],
    ]);
    // To a slice of 5 s.
    expect(count).toBeGreaterThanOrEqual(6000);
    expect(count).toBeLessThanOrEqual(6000 + 5000);
  });
});

describe('the work of joining', () => {
  const settings = { challengeCost: 100_000, ratePerMinute: 600 };

  test('is what the operator set while people come calmly', () => {
    for (const joins of [0, 600, 3000]) expect(challengeCostOf(settings, joins)).toBe(100_000);
    expect(challengeCostOf({ ...settings, ratePerMinute: 1 }, 600)).toBe(100_000);
  });

  test('rises with the joins, and not without end', () => {
    expect(challengeCostOf(settings, 6000)).toBe(200_000);
    expect(challengeCostOf(settings, 30_000)).toBe(1_000_000);
    expect(challengeCostOf(settings, 1_000_000_000)).toBe(3_200_000);
    expect(challengeCostOf({ ...settings, challengeCost: 5_000_000 }, 30_000)).toBe(10_000_000);
  });

  test('stays nothing where the operator wants no challenge', () => {
    expect(challengeCostOf({ ...settings, challengeCost: 0 }, 1_000_000)).toBe(0);
  });
});

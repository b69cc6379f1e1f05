import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { etaOf, makeRate, whyLonger } from './eta.ts';

type Course = { forMs: number; perMinute: number; isRunning?: boolean };

/** A front that moves by these rates, seen every 500 ms. */
const seen = (courses: readonly Course[], rate = makeRate()) => {
  let [atMs, front] = [0, 0];
  for (const { forMs, perMinute, isRunning = true } of courses) {
    for (const endMs = atMs + forMs; atMs < endMs; atMs += 500) {
      rate.add({ atMs, front: Math.floor(front), isRunning });
      front += (perMinute * 500) / 60_000;
    }
  }
  rate.add({ atMs, front: Math.floor(front), isRunning: true });
  return rate;
};
const operators = 333;

describe('the observed rate', () => {
  test('is the operator’s rate until there is something to observe, then that of the front', () => {
    expect(makeRate().observed(operators)).toMatchObject({ perMinute: operators, spread: 2 });
    expect(seen([{ forMs: 5_000, perMinute: 600 }]).observed(operators).perMinute).toBe(operators);
    expect(seen([{ forMs: 15_000, perMinute: 600 }]).observed(operators).perMinute).toBeCloseTo(
      600,
    );
  });

  test('covers only the last minute', () => {
    const rate = seen([
      { forMs: 300_000, perMinute: 6_000 },
      { forMs: 65_000, perMinute: 600 },
    ]);
    expect(rate.observed(operators).perMinute).toBeCloseTo(600, -1);
  });

  test('does not change while the room is paused, however long', () => {
    const rate = seen([
      { forMs: 60_000, perMinute: 600 },
      { forMs: 3_600_000, perMinute: 0, isRunning: false },
      { forMs: 30_000, perMinute: 600 },
    ]);
    expect(rate.observed(operators)).toMatchObject({ perMinute: 600, spread: 1 });
  });

  test('falls to zero if the room runs and nobody is called', () => {
    const rate = seen([
      { forMs: 60_000, perMinute: 600 },
      { forMs: 70_000, perMinute: 0 },
    ]);
    expect(rate.observed(operators).perMinute).toBe(0);
  });

  test('does not flicker: changes of less than a tenth are not shown', () => {
    const rate = makeRate();
    const shown = new Set<number>();
    let front = 0;
    for (let tick = 0; tick < 2_400; tick++) {
      rate.add({ atMs: tick * 500, front, isRunning: true });
      // Five or so a tick, by turns one more and one less.
      front += 5 + ((tick >> 4) % 3) - 1;
      if (tick > 40) shown.add(rate.observed(operators).perMinute);
    }
    expect(shown.size).toBeLessThan(3);
    expect(Math.min(...shown)).toBeGreaterThan(480);
    expect(Math.max(...shown)).toBeLessThan(720);
  });

  test('does not depend on how often the room is read', () => {
    const often = makeRate();
    const seldom = makeRate();
    for (let atMs = 0; atMs <= 60_000; atMs += 250) {
      const sample = { atMs, front: atMs / 50, isRunning: true };
      often.add(sample);
      if (atMs % 4_000 === 0) seldom.add(sample);
    }
    expect(seldom.observed(1).perMinute).toBeCloseTo(often.observed(1).perMinute);
  });

  test('counts no time if the clock stands still or goes back', () => {
    const rate = makeRate();
    for (const atMs of [10_000, 10_000, 5_000, 10_000])
      rate.add({ atMs, front: 7, isRunning: true });
    expect(rate.observed(operators)).toMatchObject({ perMinute: operators, spread: 2 });
  });
});

describe('the spread', () => {
  test('is 1 for an even front, and up to 3 for one that moves in jumps', () => {
    expect(seen([{ forMs: 70_000, perMinute: 600 }]).observed(1).spread).toBeCloseTo(1, 1);
    const jumps = Array.from({ length: 12 }, (_, at) => ({
      forMs: 5_000,
      perMinute: at % 3 === 0 ? 1_800 : 0,
    }));
    expect(seen(jumps).observed(1).spread).toBe(3);
  });

  test('is the mean over the slow fifth: four in five slices are faster', () => {
    const slow = Array.from({ length: 13 }, (_, at) => ({
      forMs: 5_000,
      perMinute: at % 3 === 0 ? 300 : 600,
    }));
    const { perMinute, spread } = seen(slow).observed(1);
    expect(perMinute / spread).toBeGreaterThanOrEqual(300);
    expect(perMinute / spread).toBeLessThan(400);
  });
});

describe('the expected wait', () => {
  test('is the people ahead divided by the rate, up to the rate of the slowest fifth', () => {
    expect(etaOf(1_200, { perMinute: 600, spread: 1.5 }, 0)).toEqual({
      from: 120_000,
      to: 180_000,
    });
    expect(etaOf(0, { perMinute: 600, spread: 1.5 }, 0)).toEqual({ from: 0, to: 0 });
  });

  test('is unknown if nothing moves', () => {
    expect(etaOf(1, { perMinute: 0, spread: 1 }, 0)).toBeNull();
  });

  test('is a range from the first person on, before any rate has been observed', () => {
    const { from = 0, to = 0 } = etaOf(600, makeRate().observed(600), 0) ?? {};
    expect([from, to]).toEqual([60_000, 120_000]);
  });

  test('includes the time for which nobody is called yet', () => {
    expect(etaOf(1_200, { perMinute: 600, spread: 1.5 }, 8_000)).toEqual({
      from: 128_000,
      to: 188_000,
    });
  });

  test('shrinks as the front comes nearer, and its ends never swap', () => {
    const rates = fc.record({
      perMinute: fc.integer({ min: 1, max: 600_000 }),
      spread: fc.double({ min: 1, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.nat(1_000_000), rates, (ahead, rate) => {
        const far = etaOf(ahead + 1, rate, 0) ?? { from: -1, to: -1 };
        const near = etaOf(ahead, rate, 0) ?? { from: 1, to: 1 };
        expect(far.from).toBeGreaterThanOrEqual(near.from);
        expect(far.to).toBeGreaterThanOrEqual(near.to);
        expect(near.to).toBeGreaterThanOrEqual(near.from);
      }),
    );
  });

  test('is exact to the second for a line that is served evenly', () => {
    const rate = seen([{ forMs: 65_000, perMinute: 1_200 }]).observed(operators);
    const { from = 0, to = 0 } = etaOf(600, rate, 0) ?? {};
    expect(Math.abs(from - 30_000)).toBeLessThan(1_000);
    expect(to).toBeGreaterThanOrEqual(from);
  });
});

describe('the reason for a growing wait is given', () => {
  const room = { active: 100, called: 10, activeMax: 500, seatsLeft: 900 };
  const slower = { perMinute: 300, earlierPerMinute: 600 };

  test.each([
    ['nearly out of seats', { ...room, seatsLeft: 110 }, 'seats'],
    ['full', { ...room, active: 490 }, 'room'],
    ['neither', room, 'slow'],
    ['one whose seats are not known', { ...room, seatsLeft: null }, 'slow'],
  ] as const)('of a room that is %s', (_, state, reason) => {
    expect(whyLonger(state, slower)).toBe(reason);
  });

  test('only if the wait grows', () => {
    const full = { ...room, active: 490 };
    expect(whyLonger(full, { perMinute: 590, earlierPerMinute: 600 })).toBeNull();
    expect(whyLonger(full, { perMinute: 600, earlierPerMinute: 600 })).toBeNull();
  });

  test('for a minute after the rate fell, and no longer', () => {
    const falls = [{ forMs: 65_000, perMinute: 1_200 }];
    const after = (forMs: number) => {
      const rate = seen([...falls, { forMs, perMinute: 300 }]).observed(operators);
      return whyLonger(room, rate);
    };
    expect(after(0)).toBeNull();
    expect(after(30_000)).toBe('slow');
    expect(after(130_000)).toBeNull();
  });
});

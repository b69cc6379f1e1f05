import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  burstOf,
  creditAfter,
  limitBounds,
  limitsOf,
  meanStayMsOf,
  peopleFor,
  personCredit,
} from './limits.ts';

const terms = { tickMs: 250 };
const rate = fc.oneof(
  fc.integer({ min: 1, max: 600 }),
  fc.integer({ min: 1, max: limitBounds.ratePerMinute.max }),
);
/** Times between ticks: even, late, and after a long silence. */
const pauses = fc.array(fc.oneof(fc.integer({ min: 250, max: 500 }), fc.nat(200_000)), {
  minLength: 1,
  maxLength: 120,
});

type Release = { atMs: number; people: number };

/** Releases as many as it may at every tick. */
const greedy = (ratePerMinute: number, gapsMs: readonly number[], size = burstOf): Release[] => {
  let credit = size(ratePerMinute, terms);
  let atMs = 0;
  return gapsMs.map((elapsedMs) => {
    atMs += elapsedMs;
    credit = Math.min(
      size(ratePerMinute, terms),
      creditAfter({ credit, ratePerMinute, elapsedMs }, terms),
    );
    const people = peopleFor(credit);
    credit -= people * personCredit;
    return { atMs, people };
  });
};

/** The most that were released in any 60 s, both ends counted. */
const mostInAMinute = (releases: readonly Release[]): number =>
  Math.max(
    ...releases.map(({ atMs: end }) =>
      releases
        .filter(({ atMs }) => atMs <= end && atMs >= end - 60_000)
        .reduce((sum, { people }) => sum + people, 0),
    ),
  );

describe('the bucket', () => {
  test('lets no more than rate × 60 s + burst through in any 60 s, whenever ticks come', () => {
    fc.assert(
      fc.property(rate, pauses, (ratePerMinute, gapsMs) => {
        const allowed = ratePerMinute + peopleFor(burstOf(ratePerMinute, terms));
        expect(mostInAMinute(greedy(ratePerMinute, gapsMs))).toBeLessThanOrEqual(allowed);
      }),
    );
  });

  test('without its limit would let the people of a silent hour through at once', () => {
    const savedUp = { credit: 0, ratePerMinute: 600, elapsedMs: 3_600_000 };
    expect(savedUp.ratePerMinute * (savedUp.elapsedMs / personCredit)).toBe(36_000);
    expect(peopleFor(creditAfter(savedUp, terms))).toBe(6);
  });

  /** Per hour of even ticks, without what the bucket held at first. */
  const perHour = (ratePerMinute: number, tickMs: number, size = burstOf): number => {
    const gapsMs = new Array(3_600_000 / tickMs + 1).fill(tickMs);
    const [first, ...releases] = greedy(ratePerMinute, gapsMs, size);
    expect(first?.people).toBe(peopleFor(size(ratePerMinute, terms)));
    return releases.reduce((sum, { people }) => sum + people, 0);
  };
  const rates = [1, 2, 7, 60, 100, 119, 150, 239, 240, 599, 600, 8_191, 599_999];

  test.each(rates)('reaches %i a minute, whether ticks are 250 or 500 ms apart', (perMinute) => {
    for (const tickMs of [250, 400, 500]) {
      expect(Math.abs(perHour(perMinute, tickMs) - 60 * perMinute)).toBeLessThanOrEqual(1);
    }
  });

  test('with room for only two ticks would call 80 of 119 per minute', () => {
    const twoTicks: typeof burstOf = (perMinute) => Math.max(personCredit, perMinute * 500);
    expect(perHour(119, 250, twoTicks) / 60).toBe(80);
  });

  test('holds two ticks and one person, so a slow room calls one at a time', () => {
    expect(burstOf(600, terms)).toBe(600 * 500 + personCredit);
    expect(peopleFor(burstOf(119, terms))).toBe(1);
    expect(peopleFor(2 * personCredit - 1)).toBe(1);
  });

  test('loses the credit above its size when the rate is lowered', () => {
    const credit = burstOf(60_000, terms);
    expect(creditAfter({ credit, ratePerMinute: 60, elapsedMs: 0 }, terms)).toBe(
      burstOf(60, terms),
    );
  });

  test('uses whole numbers, so that two stores count alike', () => {
    fc.assert(
      fc.property(rate, fc.nat(2 ** 41), (ratePerMinute, elapsedMs) => {
        const credit = creditAfter({ credit: 0, ratePerMinute, elapsedMs }, terms);
        expect(Number.isSafeInteger(credit)).toBe(true);
      }),
    );
  });
});

describe('of rate, maximum active and mean stay', () => {
  test('two give the third, and the third with either gives the other back', () => {
    const stays = fc.integer({ min: 1, max: 2400 }).map((tenths) => tenths / 10);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), stays, (ratePerMinute, meanStayMinutes) => {
        const forth = limitsOf({ ratePerMinute, meanStayMinutes });
        if (forth.outcome === 'refused') throw new Error(forth.detail);
        const { activeMax = 0 } = forth.limits;
        expect(activeMax).toBeGreaterThanOrEqual(ratePerMinute * meanStayMinutes - 1e-6);
        expect(activeMax).toBeLessThan(ratePerMinute * meanStayMinutes + 1);
        const back = limitsOf({ activeMax, meanStayMinutes });
        if (back.outcome === 'refused') throw new Error(back.detail);
        // One person more, for whom activeMax was rounded up, may be more than one a minute.
        expect(back.limits.ratePerMinute).toBeGreaterThanOrEqual(ratePerMinute);
        expect(back.limits.ratePerMinute).toBeLessThanOrEqual(ratePerMinute + 1 / meanStayMinutes);
      }),
    );
  });

  test('rate and active are taken as given if no stay is given', () => {
    expect(limitsOf({ ratePerMinute: 90 })).toEqual({
      outcome: 'limits',
      limits: { ratePerMinute: 90 },
    });
    expect(limitsOf({ activeMax: 20 })).toEqual({ outcome: 'limits', limits: { activeMax: 20 } });
    expect(limitsOf({ ratePerMinute: 90, activeMax: 20 })).toEqual({
      outcome: 'limits',
      limits: { ratePerMinute: 90, activeMax: 20 },
    });
  });

  test('whole results stay whole, although 50 × 1.1 is more than 55 in floating point', () => {
    const meanStayMinutes = 1.1;
    for (const [ratePerMinute, activeMax] of [
      [50, 55],
      [30, 33],
      [100, 110],
    ] as const) {
      const limits = { ratePerMinute, activeMax };
      expect(limitsOf({ ratePerMinute, meanStayMinutes })).toMatchObject({ limits });
      expect(limitsOf({ activeMax, meanStayMinutes })).toMatchObject({ limits });
    }
  });

  test.each([
    ['nothing', {}, 'Set the rate'],
    ['a stay alone', { meanStayMinutes: 5 }, 'two of'],
    ['all three', { ratePerMinute: 60, activeMax: 300, meanStayMinutes: 5 }, 'two of'],
    ['less than one a minute', { activeMax: 3, meanStayMinutes: 5 }, 'fewer than one per minute'],
    ['more than may be', { activeMax: 1_000_000, meanStayMinutes: 1 }, '1000000 people per minute'],
    ['a crowd inside', { ratePerMinute: 600_000, meanStayMinutes: 5 }, 'in 3000000 people at once'],
  ])('%s is refused with what to do', (_, wanted, says) => {
    expect(limitsOf(wanted)).toEqual({
      outcome: 'refused',
      detail: expect.stringContaining(says),
    });
  });

  test('the mean stay is what is inside over what goes in, and unknown when nobody does', () => {
    expect(meanStayMsOf(500, 100)).toBe(300_000);
    expect(meanStayMsOf(500, 0)).toBeNull();
  });
});

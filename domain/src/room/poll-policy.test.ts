import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import {
  firstPollSpreadMs,
  heartbeatEveryMs,
  nearOf,
  openingHoldMs,
  type PollPolicy,
  pollIntervalMs,
  pollPolicy,
} from './poll-policy.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const asked = (etaMs: number | null, random = 0.5, multiplier = 1): number =>
  pollIntervalMs(pollPolicy, { etaMs, random, multiplier });

describe('a poll', () => {
  test('comes after an eighth of the wait, at least 2 s, at most 60 s', () => {
    expect([0, 16_000, 24_000, 480_000, 9e9].map((etaMs) => asked(etaMs))).toEqual([
      2_000, 2_000, 3_000, 60_000, 60_000,
    ]);
    expect(asked(null)).toBe(60_000);
  });

  test('is randomly up to 15 % earlier or later, times the operator’s multiplier', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        chance,
        fc.integer({ min: 1, max: 20 }),
        (etaMs, random, m) => {
          const middle = asked(etaMs) * m;
          expect(asked(etaMs, random, m)).toBeGreaterThanOrEqual(middle * 0.85 - 1e-6);
          expect(asked(etaMs, random, m)).toBeLessThanOrEqual(middle * 1.15 + 1e-6);
        },
      ),
    );
    expect(asked(0, 0)).toBeCloseTo(1_700);
    expect(asked(0, 1)).toBeCloseTo(2_300);
  });

  test('after the opening is spread so that no second has more than 20,000, up to a minute', () => {
    expect(firstPollSpreadMs(0)).toBe(0);
    expect(firstPollSpreadMs(100_000)).toBe(5_000);
    expect(firstPollSpreadMs(10_000_000)).toBe(60_000);
  });

  test('has been made by everybody, three times at the minimum, before anybody is called', () => {
    expect(openingHoldMs(0, 1)).toBe(0);
    expect(openingHoldMs(300, 1)).toBe(15 + 6_900 + 1_000);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 1, max: 5 }),
        (n, m) => {
          const slowest = firstPollSpreadMs(n) + 3 * asked(0, 1, m);
          expect(openingHoldMs(n, m)).toBeGreaterThanOrEqual(slowest);
        },
      ),
    );
  });
});

describe('heartbeats', () => {
  const beats = (ahead: number, perMinute: number, ratePerMinute: number) =>
    heartbeatEveryMs({ ahead, perMinute, ratePerMinute });

  test('are sent every 20 s by people whose turn is less than 180 s away', () => {
    expect(beats(1_800, 600, 600)).toBe(20_000);
    expect(beats(1_801, 600, 600)).toBeNull();
    expect(beats(3_000, 1_000, 600)).toBe(20_000);
  });

  test('continue in a full room, where nothing moves and ten may be called at once', () => {
    expect(beats(1_800, 0, 600)).toBe(20_000);
    expect(beats(1_801, 0, 600)).toBeNull();
  });

  test('in total are nine times the rate, however long the line', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), (ratePerMinute) => {
        const near = nearOf({ perMinute: ratePerMinute, ratePerMinute });
        expect(near / 20).toBeCloseTo((9 * ratePerMinute) / 60, 0);
        expect(beats(near, 0, ratePerMinute)).not.toBeNull();
        expect(beats(near + 1, 0, ratePerMinute)).toBeNull();
      }),
    );
  });
});

/**
 * Polls a second of `waiting` people of whom `perSecond` are called. For a long line
 * r·d·(1 + ln(c/f)) + (N − r·c·d)/c, over the multiplier; a short line lacks some of its terms.
 */
const pollsPerSecond = (
  policy: PollPolicy,
  load: { waiting: number; perSecond: number; multiplier: number },
): number => {
  const { waiting, perSecond, multiplier } = load;
  const [floor, ceiling] = [policy.floorMs / 1000, policy.ceilingMs / 1000];
  const atFloor = Math.min(waiting, perSecond * floor * policy.divisor);
  const belowCeiling = Math.min(waiting, perSecond * ceiling * policy.divisor);
  const between = belowCeiling > atFloor ? Math.log(belowCeiling / atFloor) : 0;
  const polls =
    atFloor / floor + perSecond * policy.divisor * between + (waiting - belowCeiling) / ceiling;
  return polls / multiplier;
};

type Crowd = { people: number; perSecond: number; seconds: number };
const slotMs = 100;

/** Polls in every second since the opening, for a crowd that always sees the same front. */
const pollsOf = (
  { people, perSecond, seconds }: Crowd,
  intervalMs: (etaMs: number, random: number) => number,
): Uint32Array => {
  const random = makeRandom(2_463_534_242).next;
  const polls = new Uint32Array(seconds);
  const slots = (seconds * 1000) / slotMs;
  // The pollers in a slot form a linked list: `first` of the slot, then `next` of each person.
  const first = new Int32Array(slots).fill(-1);
  const next = new Int32Array(people);
  const dueAt = new Float64Array(people);
  const put = (person: number, atMs: number): void => {
    const slot = Math.floor(atMs / slotMs);
    if (slot >= slots) return;
    dueAt[person] = atMs;
    next[person] = first[slot]!;
    first[slot] = person;
  };
  for (let person = 0; person < people; person++) put(person, random() * firstPollSpreadMs(people));
  for (let slot = 0; slot < slots; slot++) {
    while (first[slot]! !== -1) {
      const person = first[slot]!;
      first[slot] = next[person]!;
      const atMs = dueAt[person]!;
      polls[Math.floor(atMs / 1000)]! += 1;
      const etaMs = (person / perSecond) * 1000 - atMs;
      if (etaMs > 0) put(person, Math.max(atMs + intervalMs(etaMs, random()), (slot + 1) * slotMs));
    }
  }
  return polls;
};

/** For every minute after the first: its polls over what the formula expects in its middle. */
const againstFormula = (crowd: Crowd, intervalMs: (etaMs: number, random: number) => number) => {
  const polls = pollsOf(crowd, intervalMs);
  return Array.from({ length: crowd.seconds / 60 - 1 }, (_, minute) => {
    const from = (minute + 1) * 60;
    const seen = polls.subarray(from, from + 60).reduce((sum, count) => sum + count, 0) / 60;
    const waiting = crowd.people - crowd.perSecond * (from + 30);
    const { perSecond } = crowd;
    return seen / pollsPerSecond(pollPolicy, { waiting, perSecond, multiplier: 1 });
  });
};

const byPolicy =
  (policy: PollPolicy) =>
  (etaMs: number, random: number): number =>
    pollIntervalMs(policy, { etaMs, random, multiplier: 1 });

describe('the load of all polls', () => {
  test('is r·d·(1 + ln(c/f)) + (N − r·c·d)/c for a long line, over the multiplier', () => {
    const [r, d, f, c, N] = [100, 8, 2, 60, 1_000_000];
    const load = { waiting: N, perSecond: r, multiplier: 1 };
    const formula = r * d * (1 + Math.log(c / f)) + (N - r * c * d) / c;
    expect(pollsPerSecond(pollPolicy, load)).toBeCloseTo(formula);
    expect(pollsPerSecond(pollPolicy, { ...load, multiplier: 4 })).toBeCloseTo(formula / 4);
  });

  test('of a short line is all at the minimum, of one that stands still all at the maximum', () => {
    const load = { waiting: 100, perSecond: 1_000, multiplier: 1 };
    expect(pollsPerSecond(pollPolicy, load)).toBe(50);
    expect(pollsPerSecond(pollPolicy, { ...load, perSecond: 0 })).toBeCloseTo(100 / 60);
  });

  test.each([
    [100, 240],
    [833, 180],
    [2_000, 120],
  ])(
    'of 1 M people, %i called a second, is within a fifth of the formula over %i s',
    (perSecond, seconds) => {
      const ratios = againstFormula(
        { people: 1_000_000, perSecond, seconds },
        byPolicy(pollPolicy),
      );
      expect(ratios).toHaveLength(seconds / 60 - 1);
      expect(Math.min(...ratios)).toBeGreaterThan(0.8);
      expect(Math.max(...ratios)).toBeLessThan(1.2);
    },
  );

  test('at the opening is at most 20,000 a second, plus the people near the front', () => {
    const crowd = { people: 1_000_000, perSecond: 100, seconds: 50 };
    const near = pollsPerSecond(pollPolicy, { waiting: 48_000, perSecond: 100, multiplier: 1 });
    const most = Math.max(...pollsOf(crowd, byPolicy(pollPolicy)));
    expect(most).toBeLessThan(20_000 * 1.03 + near);
  });

  test('deviates detectably if clients use another interval, minimum, maximum or divisor', () => {
    const crowd = { people: 200_000, perSecond: 200, seconds: 240 };
    const isOff = (intervalMs: (etaMs: number, random: number) => number): boolean =>
      againstFormula(crowd, intervalMs).some((ratio) => ratio < 0.8 || ratio > 1.2);
    expect(isOff(byPolicy(pollPolicy))).toBe(false);
    expect(isOff(() => 5_000)).toBe(true);
    for (const wrong of [{ floorMs: 200 }, { ceilingMs: 20_000 }, { divisor: 4 }]) {
      expect(isOff(byPolicy({ ...pollPolicy, ...wrong }))).toBe(true);
    }
  });
});

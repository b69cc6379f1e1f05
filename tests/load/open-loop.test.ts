import { makeHistogram } from '@usher/stampede/histogram.ts';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { findSaturation, type Load, runAtRate } from './open-loop.ts';

test('arrivals are evenly spaced, and each is counted by its outcome', async () => {
  const meant: number[] = [];
  const load = await runAtRate({
    perS: 500,
    seconds: 0.2,
    op: async (nth, meantAtMs) => {
      meant[nth] = meantAtMs;
      if (nth % 10 === 1) return { kind: 'refused', reason: 'taken' };
      if (nth % 10 === 2) return { kind: 'open', reason: 'unknown' };
      if (nth % 10 === 3) return { kind: 'error', reason: 'odd' };
      if (nth % 10 === 4) throw new Error('broken');
      return { kind: 'done' };
    },
  });
  expect(meant).toHaveLength(100);
  for (const [nth, atMs] of meant.entries())
    expect(atMs - (meant[0] ?? 0)).toBeCloseTo((nth * 1000) / 500, 6);
  expect(load).toMatchObject({
    done: 60,
    refused: { taken: 10 },
    open: { unknown: 10 },
    errors: { odd: 10, 'Error: broken': 10 },
  });
  expect(load.latency.count).toBe(60);
});

/** 50 arrivals in 100 ms, each answered at the earliest so long after the last arrival. */
const answeredAfterEnd = (afterMs: number, soonMs: number): Promise<Load> =>
  runAtRate({
    perS: 500,
    seconds: 0.1,
    soonMs,
    op: async (nth, meantAtMs) => {
      const endMs = meantAtMs - nth * 2 + 100;
      await until('the end of the arrivals', () => performance.now() > endMs + afterMs);
      return { kind: 'done' };
    },
  });

test('an answer soon after the last arrival is not late, and does not lower the rate', async () => {
  const load = await answeredAfterEnd(1, 10_000);
  expect(load).toMatchObject({ done: 50, keptUp: 1, donePerS: 0 });
});

test('an answer long after the last arrival counts as falling behind', async () => {
  expect(await answeredAfterEnd(20, 10)).toMatchObject({ done: 50, keptUp: 0, donePerS: 0 });
});

/** The result of a load on a server with a limit. */
const loadAt = (perS: number, limitPerS: number): Load => ({
  offeredPerS: perS,
  seconds: 1,
  donePerS: Math.min(perS, limitPerS),
  done: perS,
  keptUp: Math.min(1, limitPerS / perS),
  refused: {},
  open: {},
  errors: {},
  latency: makeHistogram(),
});

test('the highest sustained rate is between the last good and the first bad one', async () => {
  const { bestPerS, tried } = await findSaturation({
    fromPerS: 100,
    toPerS: 100_000,
    tryRate: async (perS) => loadAt(perS, 1300),
  });
  expect(bestPerS).toBeGreaterThan(1100);
  // Within the 5 % by which a sustained rate may fall behind.
  expect(bestPerS).toBeLessThanOrEqual(1300 / 0.95);
  expect(tried.map(({ offeredPerS }) => offeredPerS).slice(0, 6)).toEqual([
    100, 200, 400, 800, 1600, 1600,
  ]);
});

test('one failed try does not reject a rate', async () => {
  let isSpoilt = true;
  const { bestPerS } = await findSaturation({
    fromPerS: 100,
    toPerS: 400,
    tryRate: async (perS) => {
      const load = isSpoilt ? loadAt(perS, 1) : loadAt(perS, 1e9);
      isSpoilt = !isSpoilt;
      return load;
    },
  });
  expect(bestPerS).toBe(400);
});

test('a rate with errors is not sustained, however fast it was', async () => {
  const { bestPerS } = await findSaturation({
    fromPerS: 100,
    toPerS: 800,
    tryRate: async (perS) => ({
      ...loadAt(perS, 1e9),
      errors: perS > 200 ? { ECONNRESET: 1 } : {},
    }),
  });
  expect(bestPerS).toBeGreaterThanOrEqual(200);
  expect(bestPerS).toBeLessThan(400);
});

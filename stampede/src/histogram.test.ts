import { createHistogram } from 'node:perf_hooks';
import { makeRandom } from '@usher/domain/random.ts';
import { expect, test } from 'vitest';
import { latencyOf, makeHistogram } from './histogram.ts';

const exactQuantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;

test('quantiles are within 0.1 % of the exact ones, from microseconds to hours', () => {
  const random = makeRandom(4);
  const values = Array.from({ length: 20_000 }, () => 10 ** (-3 + 9 * random.next()));
  const histogram = makeHistogram();
  for (const value of values) histogram.record(value);
  for (const q of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = exactQuantile(values, q);
    // In addition, a value is rounded to whole microseconds.
    expect(Math.abs(histogram.quantileMs(q) - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001);
  }
  expect(histogram.count).toBe(20_000);
  expect(histogram.maxMs).toBe(Math.max(...values));
});

test('no quantile exceeds the largest value', () => {
  const histogram = makeHistogram();
  histogram.record(1000.3);
  expect(latencyOf(histogram)).toEqual({
    count: 1,
    p50: 1000.3,
    p99: 1000.3,
    p999: 1000.3,
    max: 1000.3,
  });
});

test('an empty histogram is zero everywhere', () => {
  expect(latencyOf(makeHistogram())).toEqual({ count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
});

test('histograms can be added', () => {
  const [one, other, both] = [makeHistogram(), makeHistogram(), makeHistogram()];
  for (let ms = 1; ms <= 100; ms++) {
    (ms % 2 === 0 ? one : other).record(ms);
    both.record(ms);
  }
  one.add(other);
  expect(latencyOf(one)).toEqual(latencyOf(both));
});

test('a sum of many equals one that recorded everything', () => {
  const random = makeRandom(5);
  const [all, sum] = [makeHistogram(), makeHistogram()];
  for (let part = 0; part < 50; part++) {
    const histogram = makeHistogram();
    for (let i = 0; i < 200; i++) {
      const ms = 10 ** (-3 + 9 * random.next());
      histogram.record(ms);
      all.record(ms);
    }
    sum.add(histogram);
  }
  expect(sum.count).toBe(10_000);
  for (const q of [0.001, 0.25, 0.5, 0.99, 0.9999, 1])
    expect(sum.quantileMs(q)).toBe(all.quantileMs(q));
});

test('a duration above 19 hours is counted, and its maximum is exact', () => {
  const histogram = makeHistogram();
  const ms = 100 * 3_600_000;
  histogram.record(ms);
  expect(latencyOf(histogram)).toMatchObject({ count: 1, max: ms });
  expect(histogram.quantileMs(1)).toBeGreaterThan(19 * 3_600_000);
});

test('an accuracy of two digits would not be enough: the accuracy test detects it', () => {
  const random = makeRandom(4);
  const coarse = createHistogram({ lowest: 1, highest: 2 ** 36, figures: 2 });
  const values = Array.from({ length: 20_000 }, () => 10 ** (-3 + 9 * random.next()));
  for (const value of values) coarse.record(Math.max(1, Math.round(value * 1000)));
  const errors = [0.1, 0.5, 0.9, 0.99].map((q) => {
    const exact = exactQuantile(values, q);
    return Math.abs(coarse.percentile(100 * q) / 1000 - exact) / exact;
  });
  expect(Math.max(...errors)).toBeGreaterThan(0.001);
});

import { expect, test } from 'vitest';
import { latencyOf, makeHistogram } from './histogram.ts';
import { makeRandom } from './random.ts';

const exactQuantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;

test('quantiles are within 0.8 % of the exact ones, from microseconds to hours', () => {
  const random = makeRandom(4);
  const values = Array.from({ length: 20_000 }, () => 10 ** (-3 + 9 * random.next()));
  const histogram = makeHistogram();
  for (const value of values) histogram.record(value);
  for (const q of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = exactQuantile(values, q);
    // Besides, a value is rounded to whole microseconds.
    expect(Math.abs(histogram.quantileMs(q) - exact)).toBeLessThanOrEqual(exact * 0.008 + 0.001);
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

test('nothing recorded is zero everywhere', () => {
  expect(latencyOf(makeHistogram())).toEqual({ count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
});

test('histograms add up', () => {
  const [one, other, both] = [makeHistogram(), makeHistogram(), makeHistogram()];
  for (let ms = 1; ms <= 100; ms++) {
    (ms % 2 === 0 ? one : other).record(ms);
    both.record(ms);
  }
  one.add(other);
  expect(latencyOf(one)).toEqual(latencyOf(both));
});

import { expect, test } from 'vitest';
import { makeRandom, makeZipf } from './random.ts';

const draw = (seed: number, stream: number): number[] => {
  const random = makeRandom(seed, stream);
  return Array.from({ length: 8 }, () => random.next());
};

test('a seed gives the same whims again, another seed or person gives others', () => {
  expect(draw(7, 3)).toEqual(draw(7, 3));
  expect(draw(7, 3)).not.toEqual(draw(8, 3));
  expect(draw(7, 3)).not.toEqual(draw(7, 4));
});

test('numbers lie in their bounds and fill them evenly', () => {
  const random = makeRandom(1);
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const drawn = random.below(10);
    tenths[drawn] = (tenths[drawn] ?? 0) + 1;
  }
  expect(tenths).toHaveLength(10);
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('pauses stay between their bounds', () => {
  const random = makeRandom(2);
  for (let i = 0; i < 1000; i++) {
    const ms = random.pauseMs(300, 2000);
    expect(ms).toBeGreaterThanOrEqual(300);
    expect(ms).toBeLessThan(2000);
  }
});

test('a rank of Zipf’s law comes up as often as its weight says', () => {
  const count = 100;
  const drawRank = makeZipf(count, 1.1);
  const random = makeRandom(3);
  const seen = new Array<number>(count).fill(0);
  const draws = 200_000;
  for (let i = 0; i < draws; i++) {
    const rank = drawRank(random);
    seen[rank] = (seen[rank] ?? 0) + 1;
  }
  const weights = seen.map((_, rank) => 1 / (rank + 1) ** 1.1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const rank of [0, 1, 9, 99]) {
    const expected = (draws * (weights[rank] ?? 0)) / sum;
    expect(Math.abs((seen[rank] ?? 0) - expected) / expected).toBeLessThan(0.15);
  }
  expect(seen).toHaveLength(count);
});

import { makeRandom } from '@usher/domain/random.ts';
import { expect, test } from 'vitest';
import { drawPauseMs, makeZipf } from './chance.ts';

test('pauses stay between their bounds', () => {
  const random = makeRandom(2);
  for (let i = 0; i < 1000; i++) {
    const ms = drawPauseMs(random, 300, 2000);
    expect(ms).toBeGreaterThanOrEqual(300);
    expect(ms).toBeLessThan(2000);
  }
});

test('a rank of Zipf’s law is drawn as often as its weight says', () => {
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

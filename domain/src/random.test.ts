import { expect, test } from 'vitest';
import { makeRandom } from './random.ts';

const draw = (seed: number, stream: number): number[] => {
  const random = makeRandom(seed, stream);
  return Array.from({ length: 8 }, () => random.next());
};

test('a seed repeats the same numbers, another seed or person gives others', () => {
  expect(draw(7, 3)).toEqual(draw(7, 3));
  expect(draw(7, 3)).not.toEqual(draw(8, 3));
  expect(draw(7, 3)).not.toEqual(draw(7, 4));
});

test('numbers stay within their bounds and are evenly distributed', () => {
  const random = makeRandom(1);
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const drawn = random.below(10);
    tenths[drawn] = (tenths[drawn] ?? 0) + 1;
  }
  expect(tenths).toHaveLength(10);
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

import { expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import { countOnes, lowestOne, makeBits } from './bits.ts';

test.each([40, 300, 5000])('bits below %i behave like a set of numbers', (max) => {
  const dice = makeRandom(max).below;
  const bits = makeBits();
  const model = new Set<number>();
  const isIn = (from: number, to: number) => [...model].filter((at) => at >= from && at <= to);
  for (let step = 0; step < 4000; step++) {
    const at = dice(max);
    if (dice(3) === 0) expect(bits.clear(at)).toBe(model.delete(at));
    else {
      bits.set(at);
      model.add(at);
    }
    if (step % 100 > 0) continue;
    const to = at + dice(90);
    const gone = isIn(at, to);
    expect(bits.clearRange(at, to)).toBe(gone.length);
    for (const each of gone) model.delete(each);
    const from = dice(max);
    const [lowest = -1] = isIn(from, max).sort((a, b) => a - b);
    expect(bits.lowest(from)).toBe(lowest);
    const all = Array.from({ length: max + 100 }, (_, each) => each).filter(bits.has);
    expect(all).toEqual([...model].sort((a, b) => a - b));
  }
});

test('the lowest bit of an empty set is -1, wherever the search begins', () => {
  const bits = makeBits();
  bits.set(31);
  expect([0, 31, 32, 255, 256, 9999].map(bits.lowest)).toEqual([31, 31, -1, -1, -1, -1]);
  bits.clearAll();
  expect(bits.lowest(0)).toBe(-1);
});

test('set bits of a word are counted and found, including the sign bit', () => {
  for (let bit = 0; bit < 32; bit++) {
    const word = 1 << bit;
    expect([countOnes(word), lowestOne(word)]).toEqual([1, bit]);
    expect([countOnes(-1 << bit), lowestOne(-1 << bit)]).toEqual([32 - bit, bit]);
  }
  expect([countOnes(0), countOnes(0x55555555), countOnes(-1)]).toEqual([0, 16, 32]);
});

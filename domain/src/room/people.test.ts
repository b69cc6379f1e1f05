import { expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import { makePeople, noEntry } from './people.ts';

/** Keys as they usually are, and keys that are made to collide in the table. */
const kinds: Readonly<Record<string, (dice: (max: number) => number) => [number, number]>> = {
  random: (dice) => [dice(2 ** 32), dice(2 ** 32)],
  counted: (dice) => [dice(20_000), 0],
  'alike in the low half': (dice) => [7, dice(20_000)],
  'far apart': (dice) => [dice(20_000) * 65_536, 0],
};

test.each(Object.keys(kinds))('every person is found again, and nobody else: %s keys', (kind) => {
  const dice = makeRandom(kind.length).below;
  const people = makePeople();
  const model = new Map<string, number>();
  for (let entry = 0; entry < 30_000; entry++) {
    const [low, high] = kinds[kind]?.(dice) ?? [0, 0];
    expect(people.find(low, high)).toBe(model.get(`${low} ${high}`) ?? noEntry);
    people.put(low, high, entry);
    model.set(`${low} ${high}`, entry);
    if (dice(5) === 0) people.spend(entry);
    expect(people.isSpent(entry)).toBe(people.isSpent(people.find(low, high)));
  }
  for (const [key, entry] of model) {
    const [low, high] = key.split(' ').map(Number);
    expect(people.find(low ?? 0, high ?? 0)).toBe(entry);
  }
});

test('a person’s new entry is not spent, and the bytes of the old one stay', () => {
  const people = makePeople();
  people.put(1, 2, 0);
  people.spend(0);
  people.put(1, 2, 5000);
  expect([people.isSpent(0), people.isSpent(5000)]).toEqual([true, false]);
  const view = new DataView(new ArrayBuffer(24));
  for (const [at, entry] of [0, 5000, 9999].entries()) people.copyKey(entry, view, 8 * at);
  expect(new Uint32Array(view.buffer)).toEqual(new Uint32Array([1, 2, 1, 2, 0, 0]));
});

test('100,000 people take less than 20 bytes each, a hundred less than 50 kB', () => {
  const dice = makeRandom(1).below;
  const bytesOf = (count: number): number => {
    const people = makePeople();
    for (let entry = 0; entry < count; entry++) people.put(dice(2 ** 32), dice(2 ** 32), entry);
    return people.bytes;
  };
  expect(bytesOf(100_000)).toBeGreaterThan(8 * 100_000);
  expect(bytesOf(100_000)).toBeLessThan(20 * 100_000);
  expect(bytesOf(100)).toBeLessThan(50_000);
});

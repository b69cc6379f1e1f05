import { expect, test } from 'vitest';
import { makePlacesGiven } from './places-given.ts';

test('an address gets as many places as allowed over the whole lobby, others their own', () => {
  const places = makePlacesGiven(100);
  const taken = Array.from({ length: 5 }, () => places.take('192.0.2.1', 3));
  expect(taken).toEqual([true, true, true, false, false]);
  expect(places.take('192.0.2.2', 3)).toBe(true);
});

test('a join that gave no new place does not count', () => {
  const places = makePlacesGiven(100);
  for (let times = 0; times < 10; times++) {
    expect(places.take('192.0.2.1', 1)).toBe(true);
    places.giveBack('192.0.2.1');
  }
  expect(places.take('192.0.2.1', 1)).toBe(true);
  expect(places.take('192.0.2.1', 1)).toBe(false);
});

test('more addresses than are kept push out those that joined first', () => {
  const places = makePlacesGiven(2);
  for (const address of ['a', 'b', 'c']) expect(places.take(address, 1)).toBe(true);
  expect(['c', 'b', 'a'].map((address) => places.take(address, 1))).toEqual([false, false, true]);
});

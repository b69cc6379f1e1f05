import { expect, test } from 'vitest';
import { makeSights } from './sights.ts';

const show = 'show_1';
const sightsOf = (...seen: readonly (readonly [nowMs: number, tail: number, epoch?: number])[]) => {
  const sights = makeSights();
  for (const [nowMs, tail, epoch = 1] of seen)
    sights.see(show, { epoch, tail, front: 0, nowMs: 1_800_000_000_000 + nowMs });
  return sights;
};

test('the tail jumps by twice the busiest second seen, and by at least 1,000', () => {
  expect(sightsOf([0, 0], [900, 300]).jumpOf(show)).toBe(1000);
  expect(sightsOf([0, 0], [500, 5000], [900, 9000]).jumpOf(show)).toBe(18_000);
  expect(sightsOf([0, 0], [1000, 9000], [2000, 9100]).jumpOf(show)).toBe(18_000);
});

test('people who were there before, or joined while nobody looked, are no busy second', () => {
  expect(sightsOf([0, 1_000_000]).jumpOf(show)).toBe(1000);
  expect(sightsOf([0, 0], [600_000, 60_000]).jumpOf(show)).toBe(1000);
});

test('a jump does not count as joins: the next one is no larger because of it', () => {
  expect(sightsOf([0, 100], [250, 50_100, 2], [500, 50_110, 2]).jumpOf(show)).toBe(1000);
});

test('the highest of all observations counts', () => {
  const sights = sightsOf([0, 70], [100, 50]);
  sights.see(show, { epoch: 1, tail: 60, front: 9, nowMs: 1_800_000_000_200, rev: 4 });
  sights.see(show, { epoch: 1, tail: 60, front: 8, nowMs: 1_800_000_000_300 });
  expect(sights.of(show)).toMatchObject({ tail: 70, front: 9, rev: 4 });
});

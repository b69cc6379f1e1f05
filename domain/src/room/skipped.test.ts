import { describe, expect, test } from 'vitest';
import { countGiven, findSkipped, nothingSkipped, widenNear } from './skipped.ts';

describe('the numbers that a recovery skipped', () => {
  const before = { epoch: 3, tail: 4 };
  const after = { epoch: 4, passEpoch: 2, tail: 1004, drawnAtMs: 1 };

  test('are those between the last tail and the new one', () => {
    expect(findSkipped(before, after)).toEqual({ from: 4, to: 1004 });
  });

  test('are none if passes were revoked, in the same epoch, or before the draw', () => {
    expect(findSkipped(before, { ...after, passEpoch: 4 })).toBeNull();
    expect(findSkipped({ ...before, epoch: 4 }, after)).toBeNull();
    expect(findSkipped(before, { ...after, drawnAtMs: 0 })).toBeNull();
  });

  test('are not counted, at whatever side of them a number is', () => {
    const skipped = { from: 4, to: 1004 };
    const given = [0, 4, 5, 500, 1004, 1005, 1010].map((number) => countGiven(number, skipped));
    expect(given).toEqual([0, 4, 4, 4, 4, 5, 10]);
    expect(countGiven(77, nothingSkipped)).toBe(77);
  });

  test('keep nobody behind them from sending heartbeats in time', () => {
    const skipped = { from: 4, to: 1004 };
    for (const [front, near, wide] of [
      [0, 180, 1180],
      [4, 180, 1180],
      [600, 180, 584],
      [1004, 180, 180],
      [2000, 180, 180],
    ] as const) {
      expect(widenNear(front, near, skipped)).toBe(wide);
      // The last number that is near has `near` given ones up to it.
      const count = countGiven(front + wide, skipped) - countGiven(front, skipped);
      expect(count).toBe(near);
    }
    expect(widenNear(0, 4, skipped)).toBe(4);
    expect(widenNear(0, 180, nothingSkipped)).toBe(180);
  });
});

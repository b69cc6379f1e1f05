import { makeRandom } from '@usher/domain/random.ts';
import { expect, test } from 'vitest';
import { drawArrivalMs, lobbyLengthMs } from './arrivals.ts';

const people = 20_000;
const arrivals = (pace: number): number[] =>
  Array.from({ length: people }, (_, person) => drawArrivalMs(makeRandom(9, person), pace));
const shareIn = (list: readonly number[], fromMs: number, toMs: number): number =>
  list.filter((ms) => ms >= fromMs && ms < toMs).length / list.length;

test('most people arrive in the minutes before the opening and the seconds after it', () => {
  const list = arrivals(1);
  expect(shareIn(list, -300_000, 0)).toBeCloseTo(0.675, 1);
  expect(shareIn(list, 0, 30_000)).toBeCloseTo(0.15, 1);
  const perS = (fromMs: number, toMs: number) => shareIn(list, fromMs, toMs) / (toMs - fromMs);
  expect(perS(-20_000, 0)).toBeGreaterThan(2 * perS(-300_000, -100_000));
  expect(perS(0, 10_000)).toBeGreaterThan(perS(20_000, 30_000));
});

test('some people arrive early, and a tail arrives when others are already being served', () => {
  const list = arrivals(1);
  expect(shareIn(list, -600_000, -300_000)).toBeCloseTo(0.075, 1);
  expect(shareIn(list, 30_000, 600_001)).toBeCloseTo(0.1, 1);
});

test('nobody arrives before the lobby is open, at any pace', () => {
  for (const pace of [1, 0.1, 0]) {
    const first = Math.min(...arrivals(pace));
    expect(first).toBeGreaterThanOrEqual(-lobbyLengthMs(pace));
    expect(first).toBeLessThan(-0.9 * lobbyLengthMs(pace));
  }
});

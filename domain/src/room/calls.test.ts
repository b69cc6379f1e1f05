import { expect, test } from 'vitest';
import { makeRandom } from '../random.ts';
import { makeCalls } from './calls.ts';

const windowMs = 1000;

test.each([1, 2, 3, 4, 5, 6, 7, 8])('calls and late numbers match a naive list (%i)', (seed) => {
  const dice = makeRandom(seed).below;
  const calls = makeCalls();
  const called = new Map<number, number>();
  const late = new Set<number>();
  /** Of the called ones: those who were late. */
  const recalled = new Set<number>();
  let front = 0;
  for (let now = 0; now < 60_000; now += dice(60)) {
    const number = Math.max(1, front - dice(80));
    const expiresAtMs = now + windowMs;
    const what = dice(7);
    if (what === 0) {
      const from = front + 1;
      front += 1 + dice(70);
      const numbers = Array.from({ length: front - from + 1 }, (_, at) => from + at).filter(
        () => dice(3) > 0,
      );
      if (numbers.length > 0) calls.release(from, front, numbers, expiresAtMs);
      for (const each of numbers) {
        called.set(each, expiresAtMs);
        recalled.delete(each);
      }
    } else if (what === 1) expect(calls.take(number)).toBe(called.delete(number));
    // Only a number that the front has passed can be late.
    else if (what === 2 && number <= front && !called.has(number)) {
      calls.addLate(number);
      late.add(number);
    } else if (what === 3) expect(calls.removeLate(number)).toBe(late.delete(number));
    else if (what === 4) {
      const lowest = [...late].sort((a, b) => a - b).slice(0, dice(5));
      expect(calls.firstLate(lowest.length)).toEqual(lowest);
      for (const each of lowest) {
        calls.recall(each, expiresAtMs);
        late.delete(each);
        called.set(each, expiresAtMs);
        recalled.add(each);
      }
    } else if (what === 5) {
      const over = [...called].filter(([, endMs]) => endMs <= now);
      for (const [each] of over) called.delete(each);
      const { ended, lapsed } = calls.sweep(now);
      expect(ended).toBe(over.length);
      // Those of a second call, in the order of their ends.
      const again = over.map(([each]) => each).filter((each) => recalled.has(each));
      expect(lapsed.toSorted((a, b) => a - b)).toEqual(again.toSorted((a, b) => a - b));
    }
    expect([calls.called, calls.late]).toEqual([called.size, late.size]);
    expect(calls.expiryOf(number)).toBe(called.get(number) ?? 0);
    expect(calls.isLate(number)).toBe(late.has(number));
  }
  expect(calls.firstLate(1e9)).toEqual([...late].sort((a, b) => a - b));
});

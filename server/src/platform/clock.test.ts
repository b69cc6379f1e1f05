import { until } from '@usher/tests/support/until.ts';
import { describe, expect, test } from 'vitest';
import { makeLoop, manualClock, systemClock } from './clock.ts';

describe('the system clock', () => {
  test('returns milliseconds since 1970, and durations that only grow', () => {
    expect(new Date(systemClock.nowMs()).getUTCFullYear()).toBeGreaterThan(2025);
    const before = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });

  test('a sleep ends by itself', async () => {
    await expect(systemClock.sleep(1)).resolves.toBeUndefined();
  });

  test('a sleep that is cancelled ends at once and leaves no timer behind', async () => {
    const off = new AbortController();
    const sleep = systemClock.sleep(3_600_000, off.signal);
    off.abort();
    await expect(sleep).resolves.toBeUndefined();
  });

  test('a sleep that was cancelled before it began does not begin', async () => {
    await expect(systemClock.sleep(3_600_000, AbortSignal.abort())).resolves.toBeUndefined();
  });
});

describe('a manual clock', () => {
  test('stands still until it is advanced', async () => {
    const clock = manualClock(1000);
    await Promise.resolve();
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1000, 0]);
    await clock.advance(250);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1250, 250]);
  });

  test('wakes sleepers in the order of their times, each at its time', async () => {
    const clock = manualClock(0);
    const woken: string[] = [];
    const sleeper = (name: string, ms: number) =>
      clock.sleep(ms).then(() => woken.push(`${name} at ${clock.nowMs()}`));
    const all = [sleeper('c', 300), sleeper('a', 100), sleeper('b', 200), sleeper('late', 301)];
    await clock.advance(300);
    expect(woken).toEqual(['a at 100', 'b at 200', 'c at 300']);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    await Promise.all(all);
  });

  test('wakes a sleeper that sleeps again in the same advance', async () => {
    const clock = manualClock(0);
    const woken: number[] = [];
    const beat = (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(100);
        woken.push(clock.nowMs());
      }
    })();
    await clock.advance(1000);
    await beat;
    expect(woken).toEqual([100, 200, 300]);
    expect(clock.nowMs()).toBe(1000);
  });

  test('forgets a sleep that is cancelled', async () => {
    const clock = manualClock(0);
    const off = new AbortController();
    const sleep = clock.sleep(100, off.signal);
    off.abort();
    await sleep;
    expect(clock.sleeping).toBe(0);
  });
});

describe('a loop', () => {
  /** A loop in which every run waits until the test ends it. */
  const open = () => {
    const clock = manualClock(0);
    const errors: unknown[] = [];
    const runs: { end: () => void; fail: (error: Error) => void }[] = [];
    const loop = makeLoop({
      clock,
      everyMs: 100,
      run: () => new Promise((end, fail) => runs.push({ end, fail })),
      onError: (error) => errors.push(error),
    });
    const asleep = () => until('the loop sleeps', () => clock.sleeping === 1);
    return { clock, errors, runs, loop, asleep };
  };

  test('runs at once, and pauses between the end of a run and the next start', async () => {
    const { clock, runs, loop, asleep } = open();
    expect(runs).toHaveLength(1);
    await clock.advance(1000);
    expect(runs).toHaveLength(1);
    runs[0]?.end();
    await asleep();
    await clock.advance(99);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
    runs[1]?.end();
    await loop.stop();
  });

  test('ends its pause early when it is woken', async () => {
    const { runs, loop, asleep } = open();
    runs[0]?.end();
    await asleep();
    loop.wake();
    await until('the second run', () => runs.length === 2);
    runs[1]?.end();
    await loop.stop();
  });

  test('does not lose a wake during a run: another run follows without a pause', async () => {
    const { clock, runs, loop } = open();
    loop.wake();
    loop.wake();
    runs[0]?.end();
    await until('the second run', () => runs.length === 2);
    expect(clock.nowMs()).toBe(0);
    runs[1]?.end();
    await until('the loop sleeps', () => clock.sleeping === 1);
    expect(runs).toHaveLength(2);
    await loop.stop();
  });

  test('reports an error and continues', async () => {
    const { clock, runs, errors, loop, asleep } = open();
    runs[0]?.fail(new Error('lost'));
    await asleep();
    expect(errors).toEqual([new Error('lost')]);
    await clock.advance(100);
    expect(runs).toHaveLength(2);
    runs[1]?.end();
    await loop.stop();
  });

  test('waits for the current run when it is stopped, and starts no other', async () => {
    const { runs, loop } = open();
    let isStopped = false;
    const stopping = loop.stop().then(() => {
      isStopped = true;
    });
    await Promise.resolve();
    expect(isStopped).toBe(false);
    runs[0]?.end();
    await stopping;
    expect(runs).toHaveLength(1);
  });

  test('stops at once during a pause', async () => {
    const { runs, loop, asleep } = open();
    runs[0]?.end();
    await asleep();
    await loop.stop();
    expect(runs).toHaveLength(1);
  });
});

import TinyQueue from 'tinyqueue';
import type { Clock } from './clock.ts';

/**
 * Sleeps for ten thousand people: one heap of instants and one timer. A timer and a listener on the
 * run's signal for each person cost more than their polls, since a signal searches all its
 * listeners for each one that is added or removed.
 */
export type Wakes = {
  /** Resolves after `ms`, or at once if the run was stopped. Never rejects. */
  sleep(ms: number): Promise<void>;
  readonly sleeping: number;
};

type Sleeper = { atMs: number; wake: () => void };

export const makeWakes = (deps: { clock: Clock; signal: AbortSignal }): Wakes => {
  const { clock, signal } = deps;
  const heap = new TinyQueue<Sleeper>([], (a, b) => a.atMs - b.atMs);
  let nap = new AbortController();
  let napEndsMs = 0;
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
      const leftMs = signal.aborted ? 0 : first.atMs - clock.monotonicMs();
      if (leftMs <= 0) {
        heap.pop();
        first.wake();
        continue;
      }
      nap = new AbortController();
      napEndsMs = first.atMs;
      // Whole milliseconds: a remainder lost in rounding would never elapse.
      await clock.sleep(Math.ceil(leftMs), nap.signal);
    }
    isRunning = false;
  };
  signal.addEventListener('abort', () => nap.abort(), { once: true });

  return {
    get sleeping() {
      return heap.length;
    },
    sleep: (ms) => {
      if (signal.aborted) return Promise.resolve();
      const slept = Promise.withResolvers<void>();
      const atMs = clock.monotonicMs() + ms;
      heap.push({ atMs, wake: slept.resolve });
      if (!isRunning) void run();
      else if (atMs < napEndsMs) nap.abort();
      return slept.promise;
    },
  };
};

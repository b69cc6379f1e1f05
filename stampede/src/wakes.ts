import type { Clock } from './clock.ts';

/**
 * Sleeps for ten thousand: one heap of instants and one timer. A timer and a listener on the run's
 * signal for each person cost more than their polls, since a signal looks through all its listeners
 * for each that comes or goes.
 */
export type Wakes = {
  /** Resolves after `ms`, or at once when the run was stopped. Never rejects. */
  sleep(ms: number): Promise<void>;
  readonly sleeping: number;
};

type Sleeper = { atMs: number; wake: () => void };

export const makeWakes = (deps: { clock: Clock; signal: AbortSignal }): Wakes => {
  const { clock, signal } = deps;
  const heap = makeHeap();
  let nap = new AbortController();
  let napEndsMs = 0;
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    for (let first = heap.first(); first !== null; first = heap.first()) {
      const leftMs = signal.aborted ? 0 : first.atMs - clock.monotonicMs();
      if (leftMs <= 0) {
        heap.pop();
        first.wake();
        continue;
      }
      nap = new AbortController();
      napEndsMs = first.atMs;
      // Whole milliseconds: a rest that is lost in rounding would never be over.
      await clock.sleep(Math.ceil(leftMs), nap.signal);
    }
    isRunning = false;
  };
  signal.addEventListener('abort', () => nap.abort(), { once: true });

  return {
    get sleeping() {
      return heap.size();
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

/** A binary heap, the earliest on top. */
function makeHeap() {
  const items: Sleeper[] = [];
  const atMs = (at: number): number => items[at]?.atMs ?? Infinity;
  const swap = (a: number, b: number): void => {
    const [itemA, itemB] = [items[a], items[b]];
    if (itemA === undefined || itemB === undefined) return;
    items[a] = itemB;
    items[b] = itemA;
  };
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const child = atMs(left + 1) < atMs(left) ? left + 1 : left;
      if (atMs(child) >= atMs(at)) return;
      swap(at, child);
      at = child;
    }
  };
  const rise = (from: number): void => {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (atMs(parent) <= atMs(at)) return;
      swap(at, parent);
      at = parent;
    }
  };
  return {
    size: (): number => items.length,
    first: (): Sleeper | null => items[0] ?? null,
    push: (sleeper: Sleeper): void => {
      items.push(sleeper);
      rise(items.length - 1);
    },
    pop: (): void => {
      swap(0, items.length - 1);
      items.pop();
      sink(0);
    },
  };
}

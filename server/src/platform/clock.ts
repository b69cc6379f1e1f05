/**
 * The only way to read the time or to wait. Decisions about seats and money use the database's
 * clock; this one is for tokens, limits, intervals and logs.
 */
export type Clock = {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number;
  /** Milliseconds that only go forward; for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

export type ManualClock = Clock & {
  /** Advances the time and wakes those who slept until then, in order. */
  advance(ms: number): Promise<void>;
  /** How many sleepers there are now. */
  readonly sleeping: number;
};

/** A clock that stands still until a test moves it. */
export const manualClock = (startMs: number): ManualClock => {
  let now = startMs;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    nowMs: () => now,
    monotonicMs: () => now - startMs,
    get sleeping() {
      return sleepers.length;
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { atMs: now + ms, wake: resolve };
        sleepers.push(sleeper);
        const giveUp = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          resolve();
        };
        signal?.addEventListener('abort', giveUp, { once: true });
      }),
    advance: async (ms) => {
      const untilMs = now + ms;
      for (;;) {
        const next = sleepers.filter((s) => s.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        sleepers = sleepers.filter((s) => s !== next);
        now = next.atMs;
        next.wake();
        // Lets woken code run (and perhaps sleep again) before the time advances.
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      }
      now = untilMs;
    },
  };
};

/**
 * Calls `run` again and again with `everyMs` between the end of one call and the start of the next,
 * until stopped. An error goes to `onError` and does not end the loop.
 */
export const makeLoop = (options: {
  clock: Clock;
  everyMs: number;
  run: () => Promise<void>;
  onError: (error: unknown) => void;
}): { wake(): void; stop(): Promise<void> } => {
  const stopping = new AbortController();
  let nap = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await options.run();
      } catch (error) {
        options.onError(error);
      }
      if (stopping.signal.aborted) return;
      await options.clock.sleep(options.everyMs, nap.signal);
      nap = new AbortController();
    }
  };
  const ended = loop();
  return {
    // With a reason of ours: the usual one is an error with a stack, 10 us a call.
    wake: () => nap.abort(null),
    stop: () => {
      stopping.abort();
      nap.abort();
      return ended;
    },
  };
};

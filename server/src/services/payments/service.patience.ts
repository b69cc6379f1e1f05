import type { Clock } from '../../platform/clock.ts';

/**
 * When the program closes, buyers who wait for the provider get 202 after 4 s and the provider gets
 * another 0.5 s: together well within the 10 s that closing may take.
 */
const hurryMs = 4000;

/**
 * How long buyers wait for an outcome: `waitMs`, or less while the program closes. All wait equally
 * long, so they are let go in the order in which they came, by one timer for all: a timer and an
 * abort signal for each took 30 us of every payment.
 */
export const makePatience = (clock: Clock, waitMs: number) => {
  type Buyer = { untilMs: number; letGo: () => void };
  const waiting = new Set<Buyer>();
  const hurried = new AbortController();
  let isWatching = false;
  /** Runs while anybody waits. Those who come meanwhile are in the set, behind the others. */
  const watch = async (): Promise<void> => {
    isWatching = true;
    for (const { untilMs, letGo } of waiting) {
      const restMs = untilMs - clock.monotonicMs();
      if (restMs > 0) await clock.sleep(restMs, hurried.signal);
      letGo();
    }
    isWatching = false;
  };
  /** Everybody who waits now or later is answered at once. */
  const letAllGo = (): void => hurried.abort();
  return {
    /** The outcome, or null if it takes longer than a buyer waits. Rejects if the outcome does. */
    waitFor: <T>(outcome: Promise<T>): Promise<T | null> => {
      const gone = Promise.withResolvers<null>();
      const untilMs = clock.monotonicMs() + waitMs;
      const buyer: Buyer = { untilMs, letGo: () => gone.resolve(null) };
      waiting.add(buyer);
      if (!isWatching) void watch();
      return Promise.race([outcome, gone.promise]).finally(() => waiting.delete(buyer));
    },
    letAllGo,
    hurry: (): void => {
      void clock.sleep(hurryMs, hurried.signal).then(letAllGo);
    },
  };
};

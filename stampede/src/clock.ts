/** The clock of a run; a test passes a manual one. */
export type Clock = {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number;
  /** Milliseconds that only go forward; for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/**
 * Calls `run` repeatedly, `everyMs` after the end of the previous call, until it is stopped. An
 * error goes to `onError` and does not end the loop. `stop` resolves when the last call has ended.
 */
export const repeat = (options: {
  clock: Clock;
  everyMs: number;
  run: () => Promise<void>;
  onError: (error: unknown) => void;
}): { stop(): Promise<void> } => {
  const { clock, everyMs, run, onError } = options;
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await run().catch(onError);
      await clock.sleep(everyMs, stopping.signal);
    }
  };
  const ended = loop();
  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
};

import type { Clock } from '../platform/clock.ts';

/** Prints the progress of a start: a line for each finished phase, with the seconds it took. */
export type Progress = {
  /** Runs a phase; prints nothing if it fails, because its error will be printed. */
  phase<T>(done: string, run: () => Promise<T>): Promise<T>;
  /** The last line: the seconds since the first phase began. */
  end(done: string): void;
};

const formatLine = (what: string, ms: number): string =>
  `  ${what.padEnd(22)} ${(ms / 1000).toFixed(1).padStart(6)} s\n`;

export const makeProgress = (
  clock: Pick<Clock, 'monotonicMs'>,
  print: (line: string) => void,
): Progress => {
  const beganAtMs = clock.monotonicMs();
  return {
    phase: async (done, run) => {
      const startedAtMs = clock.monotonicMs();
      const result = await run();
      print(formatLine(done, clock.monotonicMs() - startedAtMs));
      return result;
    },
    end: (done) => print(formatLine(done, clock.monotonicMs() - beganAtMs)),
  };
};

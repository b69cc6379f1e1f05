import { type Histogram, makeHistogram } from './histogram.ts';

/** What is recorded during a run: how long steps took, what was refused, what was retried. */
export type Notes = {
  took(step: string, ms: number): void;
  refused(reason: string): void;
  retried(why: string): void;
  readonly steps: ReadonlyMap<string, Histogram>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly retries: Readonly<Record<string, number>>;
};

export const makeNotes = (): Notes => {
  const steps = new Map<string, Histogram>();
  const refusals: Record<string, number> = {};
  const retries: Record<string, number> = {};
  const count = (counts: Record<string, number>, name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    took: (step, ms) => {
      const histogram = steps.get(step) ?? makeHistogram();
      steps.set(step, histogram);
      histogram.record(ms);
    },
    refused: (reason) => count(refusals, reason),
    retried: (why) => count(retries, why),
    steps,
    refusals,
    retries,
  };
};

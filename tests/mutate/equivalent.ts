import { foldSpace } from './edits.ts';
import type { Mutant } from './mutants.ts';

/**
 * A mutant that no test can notice, because the program with it does the same. It is identified by
 * its file and its condition before and after, as `npm run mutate -- --list` prints them in full
 * with `--json`; so it survives a change of lines but not a change of the condition.
 */
export type Equivalent = {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
};

export const equivalents: readonly Equivalent[] = [];

const isOf = (entry: Equivalent, mutant: Mutant): boolean =>
  entry.file === mutant.file &&
  foldSpace(entry.from) === mutant.from &&
  foldSpace(entry.to) === mutant.to;

export const findEquivalent = (entries: readonly Equivalent[], mutant: Mutant): Equivalent | null =>
  entries.find((entry) => isOf(entry, mutant)) ?? null;

/** Entries about mutants that do not exist any more: their reasons may be wrong now. */
export const findOutdated = (
  entries: readonly Equivalent[],
  mutants: readonly Mutant[],
): Equivalent[] => entries.filter((entry) => !mutants.some((mutant) => isOf(entry, mutant)));

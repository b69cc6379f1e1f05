import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Mutant } from './mutants.ts';
import { formatVerdictJson } from './report.ts';
import type { Verdict } from './run.ts';

/** A file of verdicts, a JSON object in each line, so that a run can go on where one ended. */
export type VerdictLog = {
  /**
   * The verdict of an earlier run on this very text; null if there is none, or if the mutant
   * survived: a test of it may have been added since.
   */
  find(mutant: Mutant): Verdict | null;
  keep(verdict: Verdict): void;
};

/** A mutant is known by its text: a function that has changed in any way is judged again. */
const hashMutant = ({ file, text }: Mutant): string =>
  createHash('sha256').update(`${file}\n${text}`).digest('base64url');

/** Opens the file, or begins it. Fails if a line is no verdict. */
export const openLog = (path: string): VerdictLog => {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  const known = new Map<string, Pick<Verdict, 'outcome' | 'by'>>();
  for (const line of lines.filter((text) => text !== '')) {
    const { hash, outcome, by } = JSON.parse(line);
    if (outcome === 'survived' || outcome === 'equivalent') known.delete(hash);
    else known.set(hash, { outcome, by });
  }
  return {
    find: (mutant) => {
      const verdict = known.get(hashMutant(mutant));
      return verdict === undefined ? null : { mutant, ...verdict };
    },
    keep: (verdict) => {
      const kept = { hash: hashMutant(verdict.mutant), ...JSON.parse(formatVerdictJson(verdict)) };
      appendFileSync(path, `${JSON.stringify(kept)}\n`);
    },
  };
};

import { describeMutant, type Mutant } from './mutants.ts';
import type { Verdict } from './run.ts';

/** Of the mutants that are neither rejected nor equivalent, so many must be noticed. */
const noticedAtLeast = 0.95;

type Outcome = Verdict['outcome'];

const count = (verdicts: readonly Verdict[], ...outcomes: readonly Outcome[]): number =>
  verdicts.filter(({ outcome }) => outcomes.includes(outcome)).length;

/** The share of the mutants that tests noticed, 0 … 1; 1 if there is none. */
export const measureShare = (verdicts: readonly Verdict[]): number => {
  const noticed = count(verdicts, 'noticed', 'timed-out');
  const all = noticed + count(verdicts, 'survived');
  return all === 0 ? 1 : noticed / all;
};

export const isEnough = (verdicts: readonly Verdict[]): boolean =>
  measureShare(verdicts) >= noticedAtLeast;

export const formatVerdict = ({ mutant, outcome, by }: Verdict): string =>
  [outcome.padEnd(10), describeMutant(mutant), by === '' ? '' : `— ${by}`].join(' ').trimEnd();

/** One JSON object, without the text of the file. */
export const formatMutantJson = ({ text, ...shown }: Mutant): string => JSON.stringify(shown);

export const formatVerdictJson = ({ mutant, ...rest }: Verdict): string => {
  const { text, ...shown } = mutant;
  return JSON.stringify({ ...shown, ...rest });
};

/** A Markdown table: a row for each file, and their sum. */
export const formatTable = (verdicts: readonly Verdict[]): string => {
  const byFile = Map.groupBy(verdicts, ({ mutant }) => mutant.file);
  const rows = [...byFile].map(([file, own]) => formatRow(`\`${file}\``, own));
  return [
    '| file | mutants | noticed | of these timed out | survived | equivalent | share |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    formatRow('all', verdicts),
  ].join('\n');
};

const formatRow = (name: string, verdicts: readonly Verdict[]): string => {
  const cells = [
    name,
    verdicts.length - count(verdicts, 'rejected'),
    count(verdicts, 'noticed', 'timed-out'),
    count(verdicts, 'timed-out'),
    count(verdicts, 'survived'),
    count(verdicts, 'equivalent'),
    `${(100 * measureShare(verdicts)).toFixed(1)} %`,
  ];
  return `| ${cells.join(' | ')} |`;
};

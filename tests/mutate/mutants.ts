import { lineAt } from '../../server/tidy/source.ts';
import { applyEdit, type Edit } from './edits.ts';
import { mutateLua } from './lua.ts';
import { mutateSql } from './sql.ts';
import { mutateTypeScript } from './typescript.ts';

/** A source file with one condition changed. */
export type Mutant = {
  /** Relative to the repository, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly operator: string;
  /** The condition before and after, on one line; `to` is '' when it is dropped. */
  readonly from: string;
  readonly to: string;
  /** From 1: which of the places of the file that have this condition, by this change. */
  readonly nth: number;
  /** The whole file. */
  readonly text: string;
};

const editsOf = (file: string, text: string): Edit[] => {
  if (file.endsWith('.sql')) return mutateSql(text);
  if (file.endsWith('.lua')) return mutateLua(text);
  if (file.endsWith('.ts')) return mutateTypeScript(file, text);
  throw new Error(`no operators for ${file}`);
};

/** Every mutant of a file, in the order of its lines; none is equal to the file or to another. */
export const makeMutants = (file: string, text: string): Mutant[] => {
  const seen = new Set([text]);
  const mutants: Mutant[] = [];
  for (const edit of editsOf(file, text).toSorted((a, b) => a.start - b.start)) {
    const mutated = applyEdit(text, edit);
    if (seen.has(mutated)) continue;
    seen.add(mutated);
    const { operator, from, to } = edit;
    const nth = 1 + mutants.filter((other) => other.from === from && other.to === to).length;
    const line = lineAt(text, edit.start);
    mutants.push({ file, line, operator, from, to, nth, text: mutated });
  }
  return mutants;
};

const shownMax = 90;
const shorten = (text: string): string =>
  text.length > shownMax ? `${text.slice(0, shownMax - 1)}…` : text;

/** `seats/sql/free.sql:24 drop «c.state = 'held'»` */
export const describeMutant = ({ file, line, operator, from, to }: Mutant): string => {
  const place = `${file.replace('server/src/services/', '')}:${line}`;
  const change = to === '' ? `«${shorten(from)}»` : `«${shorten(from)}» → «${shorten(to)}»`;
  return `${place} ${operator} ${change}`;
};

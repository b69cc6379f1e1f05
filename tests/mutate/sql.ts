import type { Tokenized } from './conditions.ts';
import {
  type Change,
  changeCondition,
  type Grammar,
  type Span,
  setCondition,
} from './conditions.ts';
import { type Edit, makeEditWithin } from './edits.ts';
import { measureNesting, tokenizeSqlBody } from './tokens.ts';

/**
 * The mutations of a database function. A condition is what stands after WHERE, ON, HAVING, FILTER,
 * IF, ELSIF, WHEN and WHILE:
 *   drop     one AND-term or OR-term, a lock (FOR UPDATE), or SKIP LOCKED
 *   affirm   a NOT removed
 *   compare  = ↔ <>, < ↔ <=, > ↔ >=, IS NULL ↔ IS NOT NULL, IN ↔ NOT IN, EXISTS → NOT EXISTS
 *   set      IF, WHEN and FILTER as TRUE or FALSE; so an assertion whose IF is FALSE is dropped
 * A comparison with the clock is inverted (<= → >): no test can meet the exact microsecond.
 * Not mutated: ORDER BY. The order of locks shows only in deadlocks, which the races of
 * payments/races.postgres.test.ts and tests/load look for; the order of results is compared by
 * every test of a batch.
 */
export const mutateSql = (text: string): Edit[] => {
  const tokens = tokenizeSqlBody(text);
  const source = { text, tokens, nesting: measureNesting(tokens) };
  return tokens.flatMap((_, at) => [...mutateConditionAt(source, at), ...dropLockAt(source, at)]);
};

const clauseEnds = [
  'GROUP',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'FOR',
  'RETURNING',
  'UNION',
  'EXCEPT',
  'HAVING',
  'WINDOW',
  'INTO',
  'LOOP',
  ';',
];
const joinEnds = ['JOIN', 'LEFT', 'RIGHT', 'INNER', 'CROSS', 'FULL', 'WHERE', 'SET', ',', 'WHEN'];

/** The words after which a condition stands, and where it ends. */
const endsAfter: Readonly<Record<string, readonly string[]>> = {
  WHERE: clauseEnds,
  HAVING: clauseEnds,
  ON: [...clauseEnds, ...joinEnds],
  IF: ['THEN'],
  ELSIF: ['THEN'],
  WHEN: ['THEN', ';'],
  WHILE: ['LOOP'],
};
/** Conditions that choose between two ways, so that each way is tried always and never. */
const choosing = new Set(['IF', 'ELSIF', 'WHEN']);

/** The condition after the word at a token; null if it is not one of these words. */
const findCondition = (source: Tokenized, at: number): Span | null => {
  const { tokens, nesting } = source;
  const word = tokens[at]?.word ?? '';
  const ends = endsAfter[word];
  if (ends === undefined || !opensCondition(source, at)) return null;
  const depth = nesting.depths[at] ?? 0;
  let to = at + 1;
  while (to < tokens.length && !isEnd(source, to, depth, ends)) to++;
  return { from: at + 1, to };
};

const opensCondition = ({ tokens, nesting }: Tokenized, at: number): boolean => {
  const word = tokens[at]?.word;
  if (word === 'IF') return tokens[at - 1]?.word !== 'END';
  if (word === 'ON') return tokens[at + 1]?.word !== 'CONFLICT';
  if (word !== 'WHEN') return true;
  // `EXCEPTION WHEN unique_violation` has no condition.
  const parent = tokens[nesting.parents[at] ?? -1];
  return parent?.word === 'CASE' || leavesLoop(tokens.slice(Math.max(0, at - 2), at));
};

const leavesLoop = (before: Tokenized['tokens']): boolean => {
  const [label, last] = [before.at(-2)?.word, before.at(-1)?.word];
  return last === 'EXIT' || last === 'CONTINUE' || label === 'EXIT' || label === 'CONTINUE';
};

const isEnd = (
  { tokens, nesting }: Tokenized,
  at: number,
  depth: number,
  ends: readonly string[],
): boolean => {
  const here = nesting.depths[at] ?? 0;
  if (here < depth) return true;
  if (here > depth) return false;
  const token = tokens[at];
  const next = tokens[at + 1];
  // left(…) and right(…) are functions.
  if ((token?.word === 'LEFT' || token?.word === 'RIGHT') && next?.text === '(') return false;
  if (token?.word === 'ON' && next?.word === 'CONFLICT') return true;
  return ends.includes(token?.word || token?.text || '');
};

const mutateConditionAt = (source: Tokenized, at: number): Edit[] => {
  const span = findCondition(source, at);
  if (span === null) return [];
  const { tokens } = source;
  const word = tokens[at]?.word ?? '';
  if (word === 'WHEN' && isSimpleCase(source, at)) return setCondition(source, span, ['NULL']);
  const edits = changeCondition(source, span, sqlGrammar);
  if (choosing.has(word)) edits.push(...setCondition(source, span, ['TRUE', 'FALSE']));
  if (word === 'WHERE' && tokens[at - 2]?.word === 'FILTER')
    edits.push(...setCondition(source, span, ['TRUE']));
  return edits;
};

/** `CASE value WHEN 'A' THEN …`: the arm compares, and NULL is equal to nothing. */
const isSimpleCase = ({ tokens, nesting }: Tokenized, at: number): boolean => {
  const parent = nesting.parents[at] ?? -1;
  return tokens[parent]?.word === 'CASE' && tokens[parent + 1]?.word !== 'WHEN';
};

const inverted: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};
const moved: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const clockNames = new Set(['NOW_AT', 'AT', 'NOW', 'CLOCK_TIMESTAMP']);

const changeComparison = ({ tokens }: Tokenized, at: number): Change[] => {
  const token = tokens[at];
  const opposite = token?.kind === 'symbol' ? inverted[token.text] : undefined;
  if (token === undefined || opposite === undefined) return [];
  const next = tokens[at + 1];
  const meetsClock = [tokens[at - 1], next].some((near) => clockNames.has(near?.word ?? ''));
  const { start, end } = token;
  const change = { operator: 'compare', start };
  // The opposite of «is one of» is «is none of».
  if (next?.word === 'ANY') return [{ ...change, end: next.end, replacement: `${opposite} ALL` }];
  if (next?.word === 'ALL') return [{ ...change, end: next.end, replacement: `${opposite} ANY` }];
  return [{ ...change, end, replacement: meetsClock ? opposite : (moved[token.text] ?? opposite) }];
};

const changeTest = ({ tokens }: Tokenized, at: number): Change[] => {
  const token = tokens[at];
  const next = tokens[at + 1];
  if (token === undefined) return [];
  const { start, end } = token;
  const operator = 'compare';
  if (token.word === 'IS' && next?.word === 'NOT')
    return [{ operator, start, end: next.end, replacement: 'IS' }];
  if (token.word === 'IS') return [{ operator, start, end, replacement: 'IS NOT' }];
  if (token.word === 'NOT' && next?.word === 'IN')
    return [{ operator, start, end: next.end, replacement: 'IN' }];
  const isAlone = tokens[at - 1]?.word !== 'NOT';
  if ((token.word === 'IN' || token.word === 'EXISTS') && isAlone)
    return [{ operator, start, end, replacement: `NOT ${token.text}` }];
  return [];
};

const sqlGrammar: Grammar = {
  and: 'AND',
  or: 'OR',
  not: 'NOT',
  changesAt: (source, at) => [...changeComparison(source, at), ...changeTest(source, at)],
  // A query or a CASE inside a condition has conditions of its own.
  skipFrom: ({ tokens, nesting }, at) => {
    const begins = tokens[at]?.text === '(' && tokens[at + 1]?.word === 'SELECT';
    return begins || tokens[at]?.word === 'CASE' ? (nesting.closers.get(at) ?? null) : null;
  },
};

/** `FOR UPDATE OF s SKIP LOCKED`: without the lock, and waiting instead of skipping. */
const dropLockAt = ({ text, tokens }: Tokenized, at: number): Edit[] => {
  const word = (ahead: number): string => tokens[at + ahead]?.word ?? '';
  if (word(0) !== 'FOR' || !['UPDATE', 'SHARE', 'NO', 'KEY'].includes(word(1))) return [];
  let to = at + 1;
  while (['UPDATE', 'SHARE', 'NO', 'KEY'].includes(tokens[to]?.word ?? '')) to++;
  if (tokens[to]?.word === 'OF') to += 2;
  const skips = tokens[to]?.word === 'SKIP';
  const last = tokens[skips ? to + 1 : to - 1];
  const first = tokens[at];
  if (first === undefined || last === undefined) return [];
  const range = { start: first.start, end: last.end };
  const edits = [makeEditWithin(text, range, { operator: 'drop', ...range, replacement: '' })];
  const before = tokens[to - 1];
  if (skips && before !== undefined) {
    const waiting = { operator: 'drop', start: before.end, end: last.end, replacement: '' };
    edits.push(makeEditWithin(text, range, waiting));
  }
  return edits;
};

import type { Tokenized } from './conditions.ts';
import {
  type Change,
  changeCondition,
  type Grammar,
  type Span,
  setCondition,
} from './conditions.ts';
import { type Edit, makeEditWithin } from './edits.ts';
import { measureNesting, tokenizeLua } from './tokens.ts';

/**
 * The mutations of a script:
 *   in the conditions of if, elseif and while: a term dropped, a `not` removed, a comparison
 *   changed (== ↔ ~=, < ↔ <=, > ↔ >=), and the whole as true or false (a loop as false only, as
 *   a loop without an end says nothing)
 *   elsewhere: a comparison changed, a `not` removed, `and` ↔ `or`
 */
export const mutateLua = (text: string): Edit[] => {
  const tokens = tokenizeLua(text);
  const source = { text, tokens, nesting: measureNesting(tokens) };
  const edits: Edit[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const span = findCondition(source, at);
    if (span === null) {
      edits.push(...changeElsewhere(source, at));
      continue;
    }
    const values = tokens[at]?.word === 'while' ? ['false'] : ['true', 'false'];
    edits.push(...changeCondition(source, span, luaGrammar), ...setCondition(source, span, values));
    at = span.to;
  }
  return edits;
};

const endsAfter: Readonly<Record<string, string>> = { if: 'then', elseif: 'then', while: 'do' };

const findCondition = ({ tokens }: Tokenized, at: number): Span | null => {
  const end = endsAfter[tokens[at]?.word ?? ''];
  if (end === undefined) return null;
  let to = at + 1;
  while (to < tokens.length && tokens[to]?.word !== end) to++;
  return { from: at + 1, to };
};

const compared: Readonly<Record<string, string>> = {
  '==': '~=',
  '~=': '==',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
};

const changeComparison = ({ tokens }: Tokenized, at: number): Change[] => {
  const token = tokens[at];
  const replacement = token?.kind === 'symbol' ? compared[token.text] : undefined;
  if (token === undefined || replacement === undefined) return [];
  return [{ operator: 'compare', start: token.start, end: token.end, replacement }];
};

const luaGrammar: Grammar = {
  and: 'and',
  or: 'or',
  not: 'not',
  changesAt: changeComparison,
  skipFrom: () => null,
};

const swapped: Readonly<Record<string, string>> = { and: 'or', or: 'and' };

const changeElsewhere = (source: Tokenized, at: number): Edit[] => {
  const { text, tokens } = source;
  const token = tokens[at];
  const next = tokens[at + 1];
  if (token === undefined) return [];
  const changes = changeComparison(source, at);
  const other = swapped[token.word];
  const { start, end } = token;
  if (other !== undefined) changes.push({ operator: 'swap', start, end, replacement: other });
  if (token.word === 'not' && next !== undefined)
    changes.push({ operator: 'affirm', start, end: next.start, replacement: '' });
  const line = {
    start: text.lastIndexOf('\n', start) + 1,
    end: text.indexOf('\n', end) === -1 ? text.length : text.indexOf('\n', end),
  };
  return changes.map((change) => makeEditWithin(text, line, change));
};

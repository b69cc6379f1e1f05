import { type Edit, foldSpace, makeEditWithin } from './edits.ts';
import type { Nesting, Token } from './tokens.ts';

/** The tokens [from, to) of a text. */
export type Span = { readonly from: number; readonly to: number };

/** A text that is being mutated, and its tokens. */
export type Tokenized = {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly nesting: Nesting;
};

/** The words of a language for conditions. */
export type Grammar = {
  readonly and: string;
  readonly or: string;
  readonly not: string;
  /** The changes of one comparison or test that begins at a token. */
  readonly changesAt: (source: Tokenized, at: number) => readonly Change[];
  /** Where something begins that has conditions of its own: where it ends, else null. */
  readonly skipFrom: (source: Tokenized, at: number) => number | null;
};
export type Change = Pick<Edit, 'operator' | 'start' | 'end' | 'replacement'>;

export const rangeOf = ({ tokens }: Tokenized, span: Span): { start: number; end: number } => ({
  start: tokens[span.from]?.start ?? 0,
  end: tokens[span.to - 1]?.end ?? 0,
});

/** The parts between the words at the span's own depth; the AND of a BETWEEN divides nothing. */
const splitAt = ({ tokens, nesting }: Tokenized, span: Span, word: string): Span[] => {
  const parts: Span[] = [];
  const depth = nesting.depths[span.from];
  let from = span.from;
  let isBetween = false;
  for (let at = span.from; at < span.to; at++) {
    if (nesting.depths[at] !== depth) continue;
    if (tokens[at]?.word === 'BETWEEN') isBetween = true;
    if (tokens[at]?.word === 'AND' && isBetween) isBetween = false;
    else if (tokens[at]?.word === word) {
      parts.push({ from, to: at });
      from = at + 1;
    }
  }
  return [...parts, { from, to: span.to }];
};

/** Each part left out, together with the word that joins it to its neighbour. */
const dropEach = (source: Tokenized, parts: readonly Span[]): Edit[] =>
  parts.map((part, at) => {
    const { start, end } = rangeOf(source, part);
    const before = parts[at - 1];
    const after = parts[at + 1];
    const from = before === undefined ? start : rangeOf(source, before).end;
    const to = before === undefined && after ? rangeOf(source, after).start : end;
    return {
      operator: 'drop',
      start: from,
      end: to,
      replacement: '',
      from: foldSpace(source.text.slice(start, end)),
      to: '',
    };
  });

/** Every change of a condition: a term dropped, a negation removed, a comparison inverted. */
export const changeCondition = (source: Tokenized, span: Span, grammar: Grammar): Edit[] => {
  for (const word of [grammar.or, grammar.and]) {
    const parts = splitAt(source, span, word);
    if (parts.length > 1)
      return [
        ...dropEach(source, parts),
        ...parts.flatMap((part) => changeCondition(source, part, grammar)),
      ];
  }
  const first = source.tokens[span.from];
  const second = source.tokens[span.from + 1];
  if (first?.word === grammar.not && second !== undefined) {
    const negation = {
      operator: 'affirm',
      start: first.start,
      end: second.start,
      replacement: '',
    };
    return [
      makeEditWithin(source.text, rangeOf(source, span), negation),
      ...changeCondition(source, { from: span.from + 1, to: span.to }, grammar),
    ];
  }
  if (first?.text === '(' && source.nesting.closers.get(span.from) === span.to - 1) {
    const inside = { from: span.from + 1, to: span.to - 1 };
    if (grammar.skipFrom(source, span.from) === null)
      return changeCondition(source, inside, grammar);
  }
  return changeTerm(source, span, grammar);
};

const changeTerm = (source: Tokenized, span: Span, grammar: Grammar): Edit[] => {
  const edits: Edit[] = [];
  for (let at = span.from; at < span.to; at++) {
    for (const change of grammar.changesAt(source, at))
      edits.push(makeEditWithin(source.text, rangeOf(source, span), change));
    at = grammar.skipFrom(source, at) ?? at;
  }
  return edits;
};

/** The whole condition as a constant: a guard that always, or never, applies. */
export const setCondition = (source: Tokenized, span: Span, values: readonly string[]): Edit[] => {
  const { start, end } = rangeOf(source, span);
  const from = foldSpace(source.text.slice(start, end));
  return values
    .filter((value) => value !== from.toUpperCase() && value !== from)
    .map((value) => ({ operator: 'set', start, end, replacement: value, from, to: value }));
};

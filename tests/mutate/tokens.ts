/**
 * A small tokenizer for SQL (PL/pgSQL) and Lua: it knows comments, strings, words, operators and
 * brackets, which is enough to find conditions without a parser of either language.
 */
export type Token = {
  readonly kind: 'word' | 'string' | 'number' | 'symbol';
  readonly text: string;
  /** The word as keywords are compared: SQL in capitals, Lua as written; '' for other tokens. */
  readonly word: string;
  /** Offsets in the whole text; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
};

type Language = {
  readonly comment: RegExp;
  readonly string: RegExp;
  readonly word: RegExp;
  readonly symbol: RegExp;
  readonly foldsCase: boolean;
};

const number = /\d+(?:\.\d+)?/y;

const sql: Language = {
  comment: /--[^\n]*|\/\*[\s\S]*?\*\//y,
  string: /'(?:[^']|'')*'/y,
  word: /[A-Za-z_][\w$]*|"(?:[^"]|"")*"|#\w+/y,
  symbol: /<=|>=|<>|!=|:=|=>|\|\||&&|@>|<@|::|->>|->|\.\.|[^\s]/y,
  foldsCase: true,
};

const lua: Language = {
  comment: /--\[\[[\s\S]*?\]\]|--[^\n]*/y,
  string: /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|\[\[[\s\S]*?\]\]/y,
  word: /[A-Za-z_]\w*/y,
  symbol: /<=|>=|==|~=|\.\.|[^\s]/y,
  foldsCase: false,
};

const matchAt = (pattern: RegExp, text: string, at: number): string | null => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
};

/** The tokens of text[from, to). */
const tokenize = (language: Language, text: string, from: number, to: number): Token[] => {
  const tokens: Token[] = [];
  let at = from;
  const read = (pattern: RegExp, kind: Token['kind']): boolean => {
    const found = matchAt(pattern, text, at);
    if (found === null) return false;
    const name = language.foldsCase ? found.toUpperCase() : found;
    tokens.push({
      kind,
      text: found,
      word: kind === 'word' ? name : '',
      start: at,
      end: at + found.length,
    });
    at += found.length;
    return true;
  };
  while (at < to) {
    const skipped = matchAt(/\s+/y, text, at) ?? matchAt(language.comment, text, at);
    if (skipped !== null) {
      at += skipped.length;
      continue;
    }
    const isRead =
      read(language.string, 'string') ||
      read(language.word, 'word') ||
      read(number, 'number') ||
      read(language.symbol, 'symbol');
    if (!isRead) throw new Error(`assertion failed: no token at ${at}`);
  }
  return tokens;
};

/** The tokens of the body of a database function: what stands between the dollar quotes. */
export const tokenizeSqlBody = (text: string): Token[] => {
  const first = text.indexOf('$$');
  const last = text.lastIndexOf('$$');
  return first === last ? [] : tokenize(sql, text, first + 2, last);
};

export const tokenizeLua = (text: string): Token[] => tokenize(lua, text, 0, text.length);

/**
 * How deep each token is inside brackets, and inside `CASE … END` in SQL; a bracket itself counts
 * as outside. Also which token closes the one that opens.
 */
export type Nesting = {
  readonly depths: readonly number[];
  /** The opening token around each token, or -1. */
  readonly parents: readonly number[];
  readonly closers: ReadonlyMap<number, number>;
};

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export const measureNesting = (tokens: readonly Token[]): Nesting => {
  const depths: number[] = [];
  const parents: number[] = [];
  const closers = new Map<number, number>();
  const open: { at: number; end: string }[] = [];
  for (const [at, token] of tokens.entries()) {
    const top = open.at(-1);
    if (top !== undefined && (token.text === top.end || token.word === top.end)) {
      closers.set(top.at, at);
      open.pop();
    }
    depths.push(open.length);
    parents.push(open.at(-1)?.at ?? -1);
    const bracket = closing[token.text];
    if (token.kind === 'symbol' && bracket !== undefined) open.push({ at, end: bracket });
    if (token.word === 'CASE' && tokens[at - 1]?.word !== 'END') open.push({ at, end: 'END' });
  }
  return { depths, parents, closers };
};

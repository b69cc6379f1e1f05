/** The content of a string, with each `${…}` replaced by `?`. */
export type Literal = { readonly line: number; readonly text: string };

/**
 * Separates code from comments and strings without a parser, so that no compiler version can break
 * the rules. An unclosed quote ends at the end of its line: an apostrophe in JSX text spoils only
 * that line.
 */
export const maskTypeScript = (text: string): { code: string; literals: Literal[] } => {
  const literals: Literal[] = [];
  const templates: { line: number; text: string; braces: number }[] = [];
  let code = '';
  let line = 1;
  let at = 0;

  const copy = (length: number): void => {
    code += text.slice(at, at + length);
    move(length);
  };
  const blank = (length: number): void => {
    code += blanks(text.slice(at, at + length));
    move(length);
  };
  const move = (length: number): void => {
    for (let i = at; i < at + length; i++) if (text[i] === '\n') line++;
    at += length;
  };
  const quoted = (quote: string): void => {
    const body = bodyUntil(text, at + 1, quote);
    literals.push({ line, text: body });
    copy(1);
    blank(body.length);
    if (text[at] === quote) copy(1);
  };
  const templatePart = (): void => {
    const open = templates.at(-1);
    if (open === undefined) return;
    const part = templateBody.exec(text.slice(at))?.[0] ?? '';
    open.text += part;
    blank(part.length);
    if (text[at] === '`') {
      templates.pop();
      literals.push({ line: open.line, text: open.text });
      copy(1);
      return;
    }
    open.text += '?';
    copy(2);
  };

  while (at < text.length) {
    const open = templates.at(-1);
    const here = text[at] ?? '';
    if (text.startsWith('//', at)) blank(lengthUntil(text, at, '\n'));
    else if (text.startsWith('/*', at)) blank(lengthUntil(text, at + 2, '*/') + 4);
    else if (here === "'" || here === '"') quoted(here);
    else if (here === '`') {
      templates.push({ line, text: '', braces: 0 });
      copy(1);
      templatePart();
    } else if (here === '}' && open?.braces === 0) {
      copy(1);
      templatePart();
    } else if (here === '/' && startsRegExp(code)) {
      const length = regExp.exec(text.slice(at, at + 1000))?.[0].length ?? 1;
      copy(1);
      if (length > 1) blank(length - 1);
    } else {
      if (here === '{' && open !== undefined) open.braces++;
      if (here === '}' && open !== undefined) open.braces--;
      plainRun.lastIndex = at + 1;
      copy(1 + (plainRun.exec(text)?.[0].length ?? 0));
    }
  }
  return { code, literals };
};

/** Comments and string values become blanks; text between dollar quotes is SQL and stays. */
export const maskSql = (text: string): string =>
  text.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, blanks);

export const maskLuaComments = (text: string): string =>
  text.replace(/--\[\[[\s\S]*?\]\]|--[^\n]*/g, blanks);

const plainRun = /[^'"`/{}]*/y;
const templateBody = /^(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/;
const regExp = /^\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//;
const beforeRegExp = /(?:^|[(,=:[!&|?{};]|=>|\b(?:return|typeof|case|in|of|throw|else|await))\s*$/;

const startsRegExp = (code: string): boolean => beforeRegExp.test(code.slice(-40));
const blanks = (text: string): string => text.replace(/[^\n]/g, ' ');

const lengthUntil = (text: string, from: number, end: string): number => {
  const found = text.indexOf(end, from);
  return (found === -1 ? text.length : found) - from;
};

const bodyUntil = (text: string, from: number, quote: string): string => {
  let to = from;
  while (to < text.length && text[to] !== quote && text[to] !== '\n')
    to += text[to] === '\\' ? 2 : 1;
  return text.slice(from, to);
};

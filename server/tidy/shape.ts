import { type Breach, isScript, type SourceFile } from './source.ts';

// Two files beside each other on a screen, a function on one, a file in a sitting. There is no list
// of exceptions: what does not fit is split.
const columnsMax = 100;
const functionLinesMax = 70;
const fileLinesMax = 400;

const hasShape = (path: string): boolean => isScript(path) || /\.(?:lua|sql)$/.test(path);

/**
 * Lines of at most 100 characters. A text that has its line to itself may be longer (the formatter
 * does not break it, and a reader does not read it as code), and so may a line with an address.
 */
export function columns(files: readonly SourceFile[]): Breach[] {
  const breaches: Breach[] = [];
  for (const { path, text, code } of files.filter((file) => hasShape(file.path))) {
    const codeLines = code.split('\n');
    for (const [at, content] of text.split('\n').entries()) {
      if (content.length <= columnsMax || /https?:\/\//.test(content)) continue;
      const width = [...content].length;
      if (width <= columnsMax || onlyText.test(codeLines[at] ?? '')) continue;
      breaches.push({ rule: 'columns', path, line: at + 1, says: `${width} columns` });
    }
  }
  return breaches;
}

const onlyText = /^\s*(?:[\w$]+: |return |\+ )?(['"`]) *\1[,;)]*\s*$/;

export function fileLength(files: readonly SourceFile[]): Breach[] {
  return files
    .filter(({ path }) => isScript(path) || path.endsWith('.lua'))
    .map(({ path, text }) => ({ path, count: text.split('\n').length - 1 }))
    .filter(({ count }) => count > fileLinesMax)
    .map(({ path, count }) => ({
      rule: 'fileLength',
      path,
      line: fileLinesMax + 1,
      says: `${count} lines; a sitting is ${fileLinesMax}`,
    }));
}

export function functionLength(files: readonly SourceFile[]): Breach[] {
  const breaches: Breach[] = [];
  for (const file of files.filter(({ path }) => isScript(path))) {
    for (const { name, line, ownLines } of functionsOf(file.code)) {
      if (ownLines <= functionLinesMax) continue;
      const says = `${name || 'a function'} has ${ownLines} lines; a screen is ${functionLinesMax}`;
      breaches.push({ rule: 'functionLength', path: file.path, line, says });
    }
  }
  return breaches;
}

type Measured = { name: string; line: number; ownLines: number };
type Span = { name: string; first: number; last: number; isNamed: boolean };

/**
 * Reads the layout that the formatter enforces: a block ends at the next line with the indentation
 * of its first. Named functions inside another (a constructor function's methods, a suite's tests)
 * are counted on their own and not to it; a callback given to a call is read with the call and
 * counts.
 */
export function functionsOf(code: string): Measured[] {
  const lines = code.split('\n');
  const spans = lines.flatMap((content, at) => spanFrom(lines, content, at) ?? []);
  return spans.map((span) => {
    const inside = spans.filter((other) => other.first > span.first && other.last <= span.last);
    const named = inside.filter((other) => other.isNamed);
    const outermost = named.filter(
      (each) => !named.some((other) => other.first < each.first && other.last >= each.last),
    );
    const elsewhere = outermost.reduce((sum, each) => sum + each.last - each.first + 1, 0);
    return {
      name: span.name,
      line: span.first + 1,
      ownLines: span.last - span.first + 1 - elsewhere,
    };
  });
}

const opensBody = /(?:=>|=> \(|\)(?::\s*(?:[^=]|=>)+)?) ?\{$/;
const control =
  /^(?:if|for|while|switch|case|catch|else|do|try|finally|with|class|interface|type)\b/;

function spanFrom(lines: readonly string[], content: string, at: number): Span | null {
  const code = content.trimEnd();
  if (!opensBody.test(code)) return null;
  const indent = indentOf(code);
  let first = at;
  while (first > 0 && /^[)}\]]/.test(lines[first]?.trimStart() ?? '')) {
    first--;
    while (first > 0 && !startsAt(lines[first], indent)) first--;
  }
  const head = (lines[first] ?? '').trim();
  if (control.test(head)) return null;
  const last = lines.findIndex((line, index) => index > at && startsAt(line, indent));
  const isSuite = /^(?:describe\w*|test\w*|it|(?:before|after)(?:All|Each))[.(]/.test(head);
  const isNamed = isSuite || isDeclaration(head);
  return { name: nameOf(head), first, last: last === -1 ? lines.length - 1 : last, isNamed };
}

/** `function x(`, `const x = (…) =>`, `x: (…) =>`, `x(…) {`: not `x(y, () => {`, a call. */
function isDeclaration(head: string): boolean {
  if (/^(?:export |default |async )*function\b/.test(head)) return true;
  if (/^(?:export )?(?:const|let) [\w$]+(?:: [^=]+)? = (?:async )?(?:<[^(]*>)?\(/.test(head)) {
    return true;
  }
  if (/^[\w$'"]+\??: (?:async )?(?:<[^(]*>)?\(/.test(head)) return true;
  return /^(?:async |get |set |static |\*)*[\w$]+(?:<[^(]*>)?\([^()]*(?:\)(?:: .+)? \{)?$/.test(
    head,
  );
}

const nameOf = (head: string): string =>
  /^(?:(?:export|default|async|static|get|set|const|let|function\*?)\s+)*([\w$]*)/.exec(
    head,
  )?.[1] ?? '';

const indentOf = (line: string): number => line.length - line.trimStart().length;
const startsAt = (line: string | undefined, indent: number): boolean =>
  line !== undefined && line.trim() !== '' && indentOf(line) === indent;

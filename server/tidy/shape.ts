import ts from 'typescript';
import { type Breach, isScript, isTest, lineAt, type SourceFile } from './source.ts';

/** Two files fit side by side on a screen. */
const columnsMax = 100;
/**
 * The sizes at which to ask whether it is two things (docs/STYLE.md, Shape). The author then
 * divides it by meaning or leaves it, so these only warn: no code should be folded to fit a number.
 */
const functionLinesFigure = 70;
const fileLinesFigure = 400;

const hasShape = (path: string): boolean => isScript(path) || /\.(?:lua|sql)$/.test(path);

/**
 * Lines of at most 100 characters. A line that contains only a string may be longer (the formatter
 * does not break it, and nobody reads it as code), and so may a line with a URL.
 */
export const columns = (files: readonly SourceFile[]): Breach[] => {
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
};

const onlyText = /^\s*(?:[\w$]+: |return |\+ )?(['"`]) *\1[,;)]*\s*$/;

/**
 * A literal spread into a literal, `...{ a, b }` or `...['a', 'b']`: the spread adds nothing, hides
 * duplicate keys from the compiler, and exists only to put several entries on one line.
 */
export const foldedLiterals = (files: readonly SourceFile[]): Breach[] =>
  files
    .filter(({ path }) => isScript(path))
    .flatMap(({ path, text }) =>
      spreadLiterals(parse(path, text)).map((offset) => ({
        rule: 'foldedLiterals',
        path,
        line: lineAt(text, offset),
        says: 'spreads a literal: write its entries out',
      })),
    );

const spreadLiterals = (file: ts.SourceFile): number[] => {
  const found: number[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isSpreadAssignment(node) || ts.isSpreadElement(node)) {
      const spread = withoutCasts(node.expression);
      if (ts.isObjectLiteralExpression(spread) || ts.isArrayLiteralExpression(spread)) {
        found.push(node.getStart(file));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
};

const withoutCasts = (node: ts.Expression): ts.Expression => {
  const isWrapped =
    ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node);
  return isWrapped ? withoutCasts(node.expression) : node;
};

const parse = (path: string, text: string): ts.SourceFile => {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
};

export const fileLength = (files: readonly SourceFile[]): Breach[] =>
  files
    .filter(({ path }) => isScript(path) || /\.(?:lua|sql)$/.test(path))
    .map(({ path, text }) => ({ path, count: text.split('\n').length - 1 }))
    .filter(({ count }) => count > fileLinesFigure)
    .map(({ path, count }) => ({
      rule: 'fileLength',
      path,
      line: fileLinesFigure + 1,
      says: `${count} lines; a sitting is about ${fileLinesFigure}`,
    }));

/** Every function with its whole body, nested functions included. Test suites do not count. */
export const functionLength = (files: readonly SourceFile[]): Breach[] =>
  files
    .filter(({ path }) => isScript(path))
    .flatMap(({ path, text }) =>
      functionsOf(path, text)
        .filter(({ lines }) => lines > functionLinesFigure)
        .map(({ name, line, lines }) => ({
          rule: 'functionLength',
          path,
          line,
          says: `${name} has ${lines} lines; a screen is about ${functionLinesFigure}`,
        })),
    );

type Measured = { name: string; line: number; lines: number };

export const functionsOf = (path: string, text: string): Measured[] => {
  const file = parse(path, text);
  const lineOf = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
  const found: Measured[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && !(isTest(path) && isSuite(node))) {
      const first = lineOf(node.getStart(file));
      found.push({ name: nameOf(node), line: first + 1, lines: lineOf(node.end) - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
};

/** `describe('…', () => { … })` or our variants of it: a list of tests, of any length. */
const isSuite = (node: ts.Node): boolean => {
  const call = node.parent;
  return ts.isCallExpression(call) && /^describe/.test(call.expression.getText());
};

const nameOf = (node: ts.SignatureDeclaration): string => {
  const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
  if (named !== undefined) return named.getText();
  return ts.isPropertyAssignment(node.parent) ? node.parent.name.getText() : 'a function';
};

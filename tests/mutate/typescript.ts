import ts from 'typescript';
import type { Change } from './conditions.ts';
import { type Edit, makeEditWithin } from './edits.ts';

/**
 * The mutations of TypeScript:
 *   compare  === ↔ !==, < ↔ <=, > ↔ >=
 *   swap     && ↔ ||
 *   affirm   a `!` removed
 *   set      the condition of if and ?: as true and as false, of while as false
 */
export const mutateTypeScript = (path: string, text: string): Edit[] => {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const edits: Edit[] = [];
  const visit = (node: ts.Node): void => {
    edits.push(...mutateNode(file, node));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return edits;
};

const compared = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
]);
const swapped = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
]);

const mutateNode = (file: ts.SourceFile, node: ts.Node): Edit[] => {
  const start = node.getStart(file);
  const within = (change: Change): Edit =>
    makeEditWithin(file.text, { start, end: node.end }, change);
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    const replacement = compared.get(kind) ?? swapped.get(kind);
    if (replacement === undefined) return [];
    return [
      within({
        operator: compared.has(kind) ? 'compare' : 'swap',
        start: node.operatorToken.getStart(file),
        end: node.operatorToken.end,
        replacement,
      }),
    ];
  }
  if (isNegation(node) && !isNegation(node.operand) && !isNegation(node.parent)) {
    const end = node.operand.getStart(file);
    return [within({ operator: 'affirm', start, end, replacement: '' })];
  }
  if (ts.isIfStatement(node)) return setEach(file, node.expression, ['true', 'false']);
  if (ts.isConditionalExpression(node)) return setEach(file, node.condition, ['true', 'false']);
  if (ts.isWhileStatement(node)) return setEach(file, node.expression, ['false']);
  return [];
};

const isNegation = (node: ts.Node): node is ts.PrefixUnaryExpression =>
  ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken;

const setEach = (
  file: ts.SourceFile,
  condition: ts.Expression,
  values: readonly string[],
): Edit[] => {
  const range = { start: condition.getStart(file), end: condition.end };
  return values
    .filter((value) => value !== condition.getText(file))
    .map((replacement) =>
      makeEditWithin(file.text, range, { operator: 'set', ...range, replacement }),
    );
};

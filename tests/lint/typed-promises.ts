import ts from 'typescript';

/**
 * Promises that nobody awaits, found with the compiler's own types. Biome's rules run first, and
 * in the editor, but Biome infers types itself and cannot follow every declaration: of the 8 calls
 * in fixtures/planted-library.ts.txt (`client.query`, `node:fs/promises`, `sendMail`, …) versions
 * 2.5.15 and 2.6.8 report none and this check all, for 2 s of compiler time on the empty tree.
 */
export type Forgotten = { path: string; line: number; text: string };

export const findForgottenPromises = (
  program: ts.Program,
  isOurs: (path: string) => boolean,
): Forgotten[] => {
  const checker = program.getTypeChecker();
  const found: Forgotten[] = [];
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || !isOurs(file.fileName)) continue;
    const visit = (node: ts.Node): void => {
      if (isForgotten(node, checker)) {
        const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
        found.push({ path: file.fileName, line, text: node.getText(file).split('\n')[0] ?? '' });
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
};

const isForgotten = (node: ts.Node, checker: ts.TypeChecker): boolean => {
  if (ts.isExpressionStatement(node)) return isDropped(node.expression, checker);
  return (
    ts.isCallExpression(node) &&
    node.arguments.some((each, at) => isMisused(each, checker) && !mayWait(node, at, checker))
  );
};

/** Whether the statement's value is a promise whose rejection would be lost. */
const isDropped = (expression: ts.Expression, checker: ts.TypeChecker): boolean => {
  const inner = withoutParentheses(expression);
  if (ts.isVoidExpression(inner) || ts.isAwaitExpression(inner)) return false;
  if (ts.isBinaryExpression(inner)) {
    const { kind } = inner.operatorToken;
    if (kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment) return false;
    return isDropped(inner.right, checker);
  }
  if (ts.isConditionalExpression(inner)) {
    return isDropped(inner.whenTrue, checker) || isDropped(inner.whenFalse, checker);
  }
  if (!isPromise(checker.getTypeAtLocation(inner), checker)) return false;
  return !handlesFailure(inner);
};

const handlesFailure = (expression: ts.Expression): boolean => {
  if (!ts.isCallExpression(expression)) return false;
  const callee = expression.expression;
  if (!ts.isPropertyAccessExpression(callee)) return false;
  const { length } = expression.arguments;
  if (callee.name.text === 'catch') return length > 0;
  if (callee.name.text === 'then') return length > 1;
  return callee.name.text === 'finally' && handlesFailure(withoutParentheses(callee.expression));
};

const withoutParentheses = (expression: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(expression) ? withoutParentheses(expression.expression) : expression;

/** Whether an async function written on the spot goes to a caller that ignores what it returns. */
const isMisused = (argument: ts.Expression, checker: ts.TypeChecker): boolean => {
  if (!ts.isArrowFunction(argument) && !ts.isFunctionExpression(argument)) return false;
  const wanted = checker.getContextualType(argument);
  if (wanted === undefined) return false;
  const wantedSignatures = wanted.getNonNullableType().getCallSignatures();
  const ignoresAnswer = wantedSignatures.every(
    (each) => (each.getReturnType().flags & ts.TypeFlags.Void) !== 0,
  );
  if (wantedSignatures.length === 0 || !ignoresAnswer) return false;
  return checker
    .getTypeAtLocation(argument)
    .getCallSignatures()
    .some((each) => isPromise(each.getReturnType(), checker));
};

/** Whether another overload of the called function would wait for what this argument returns. */
const mayWait = (call: ts.CallExpression, at: number, checker: ts.TypeChecker): boolean => {
  const overloads = checker.getTypeAtLocation(call.expression).getCallSignatures();
  return overloads.some((overload) => {
    const parameter = overload.parameters[at];
    if (parameter === undefined) return false;
    const type = checker.getTypeOfSymbolAtLocation(parameter, call).getNonNullableType();
    const choices = type.isUnion() ? type.types : [type];
    return choices
      .flatMap((each) => [...each.getCallSignatures()])
      .some((each) => isPromise(each.getReturnType(), checker));
  });
};

/** Whatever has `then` but no `catch` (a Fastify reply, a plugin being registered) is none. */
const isPromise = (type: ts.Type, checker: ts.TypeChecker): boolean => {
  if (type.isUnion()) return type.types.some((each) => isPromise(each, checker));
  return ['then', 'catch'].every((name) => {
    const member = type.getProperty(name);
    if (member === undefined) return false;
    return checker.getTypeOfSymbol(member).getCallSignatures().length > 0;
  });
};

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Strict flags, and the three that let Node run exactly what was checked. */
const promised = [
  'strict',
  'noUncheckedIndexedAccess',
  'exactOptionalPropertyTypes',
  'noImplicitOverride',
  'noFallthroughCasesInSwitch',
  'noPropertyAccessFromIndexSignature',
  'verbatimModuleSyntax',
  'erasableSyntaxOnly',
  'allowImportingTsExtensions',
  'noEmit',
] as const;

/** `strict` includes these; a tsconfig could still switch off each of them, which is forbidden. */
const partsOfStrict = [
  'noImplicitAny',
  'strictNullChecks',
  'strictFunctionTypes',
  'strictBindCallApply',
  'strictPropertyInitialization',
  'noImplicitThis',
  'useUnknownInCatchVariables',
  'alwaysStrict',
] as const;

const configs = ['.', 'contract', 'server', 'web', 'sandbox', 'tests']
  .map((folder) => join(root, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => /\/tsconfig[^/]*\.json$/.test(path));

describe('every tsconfig of the repository', () => {
  test('is checked, including the root’s', () => {
    expect(configs).toContain(join(root, 'tsconfig.json'));
  });

  test.each(configs)('%s keeps the compiler as strict as promised', (path) => {
    const read = ts.readConfigFile(path, ts.sys.readFile);
    expect(read.error).toBeUndefined();
    const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, resolve(path, '..'));
    expect(promised.filter((flag) => options[flag] !== true)).toEqual([]);
    expect(partsOfStrict.filter((flag) => options[flag] === false)).toEqual([]);
  });
});

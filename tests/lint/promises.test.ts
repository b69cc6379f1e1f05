import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findForgottenPromises } from './typed-promises.ts';

const root = resolve(import.meta.dirname, '../..');
const fixtures = join(import.meta.dirname, 'fixtures');

/** The fixtures end in `.txt` so that no tool treats them as our code. */
const plantedLines = (name: string, mark: RegExp): string[] => {
  const lines = readFileSync(join(fixtures, `${name}.txt`), 'utf8').split('\n');
  return lines.flatMap((line, at) => {
    const rule = mark.exec(line);
    return rule === null ? [] : [`${name}:${at + 1} ${rule[1] ?? ''}`.trim()];
  });
};

describe('Biome, with the configuration of this repository', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'usher-lint-'));
  afterAll(() => rmSync(scratch, { recursive: true }));

  test('refuses five planted floating or misused promises, and nothing else', async () => {
    cpSync(join(root, 'biome.json'), join(scratch, 'biome.json'));
    for (const name of readdirSync(fixtures)) {
      cpSync(join(fixtures, name), join(scratch, name.replace(/\.txt$/, '')));
    }
    const { exitCode, reported } = await lint(scratch, ['planted.ts', 'seat-store.ts']);
    const planted = plantedLines('planted.ts', /\/\/ planted: (\w+)/);
    expect(planted).toHaveLength(5);
    expect(reported).toEqual(planted);
    expect(exitCode).not.toBe(0);
  });
});

type Report = { category: string; location: { path: string; start: { line: number } } };

const lint = async (folder: string, files: string[]) => {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', ...files];
  const { exitCode, stdout } = await new Promise<{ exitCode: number | null; stdout: string }>(
    (done) => {
      const child = execFile(process.execPath, args, { cwd: folder }, (_error, stdout) =>
        done({ exitCode: child.exitCode, stdout }),
      );
    },
  );
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Report[] };
  const reported = diagnostics.map(
    ({ category, location }) =>
      `${location.path}:${location.start.line} ${category.split('/').at(-1)}`,
  );
  return { exitCode, reported };
};

describe('the compiler’s types', () => {
  let forgotten: { path: string; line: number; text: string }[] = [];
  let sourceFiles: string[] = [];

  beforeAll(() => {
    const program = compile();
    forgotten = findForgottenPromises(program, (path) => !path.includes('/node_modules/'));
    sourceFiles = program.getSourceFiles().map((file) => file.fileName);
  }, 120_000);

  test('find each planted promise of a library that nobody awaits, and nothing else', () => {
    const planted = plantedLines('planted-library.ts', /\/\/ planted/);
    expect(planted).toHaveLength(8);
    const found = forgotten.filter((each) => each.path.startsWith(`${fixtures}/`));
    expect(found.map(({ path, line }) => `${path.slice(fixtures.length + 1)}:${line}`)).toEqual(
      planted,
    );
  });

  test('find no promise in our own code whose rejection would be lost', () => {
    expect(sourceFiles).toContain(join(root, 'tests/lint/typed-promises.ts'));
    expect(sourceFiles.some((path) => path.startsWith(join(root, 'server/src/')))).toBe(true);
    const ours = forgotten.filter((each) => !each.path.startsWith(`${fixtures}/`));
    expect(ours.map(({ path, line, text }) => `${path}:${line} ${text}`)).toEqual([]);
  });
});

/** The tree of tsconfig.json and the planted library calls as one program: types are read once. */
const compile = (): ts.Program => {
  const read = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const planted = join(fixtures, 'planted-library.ts');
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.fileExists = (path) => path === planted || fileExists(path);
  host.readFile = (path) => readFile(path === planted ? `${planted}.txt` : path);
  return ts.createProgram([...fileNames, planted], options, host);
};

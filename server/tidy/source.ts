import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Literal, maskSql, maskTypeScript } from './mask.ts';

/** A file as the rules see it. `path` is relative to the repository, with slashes. */
export type SourceFile = {
  readonly path: string;
  readonly text: string;
  /** The text with comments and string contents replaced by blanks; same length. */
  readonly code: string;
  readonly literals: readonly Literal[];
};

export type Breach = {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly says: string;
};
export type Rule = (files: readonly SourceFile[]) => Breach[];

const readable = /\.(?:[cm]?[jt]sx?|json|lua|sql|md|css|html|ya?ml|sh)$|(?:^|\/)\.npmrc$/;
const script = /\.(?:[cm]?[jt]sx?)$/;
const skipped = new Set(['node_modules', 'fixtures', 'dist', 'coverage', 'bench-results', '.git']);

export const isScript = (path: string): boolean => script.test(path);
/** Tests, benchmarks, contract suites, and files that only these use. */
export const isTest = (path: string): boolean =>
  /(?:\.(?:test|bench|contract)\.tsx?|(?:^|\/)test-bed\.ts)$/.test(path);

export const toSourceFile = (path: string, text: string): SourceFile => {
  if (isScript(path)) return { path, text, ...maskTypeScript(text) };
  return { path, text, code: path.endsWith('.sql') ? maskSql(text) : text, literals: [] };
};

/**
 * Every readable file below `root`, without the suffix `.txt`: planted breaches have it so that
 * compiler, linter and test runner ignore them.
 */
export const readTree = (root: string): SourceFile[] => {
  const files: SourceFile[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) walk(path);
        continue;
      }
      const name = path.replace(/\.txt$/, '');
      if (readable.test(name))
        files.push(toSourceFile(name, readFileSync(join(root, path), 'utf8')));
    }
  };
  walk('');
  return files;
};

export const lineAt = (text: string, offset: number): number => {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
  }
  return line;
};

import { posix } from 'node:path';
import { isScript, lineAt, type SourceFile } from './source.ts';

export type Import = {
  readonly from: SourceFile;
  readonly line: number;
  /** As written: `./store.ts`, `@usher/contract/money.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** The imported file of the repository, or null for a package. */
  readonly target: string | null;
};

// String contents are blank in `code`, so a sentence about imports is not taken for one.
const importing = [
  /\b(?:import|export)\b[^;'"`]*?\bfrom\s*(['"]) *\1/g,
  /\bimport\s*(['"]) *\1/g,
  /\b(?:import|require|mock|doMock|importActual)\s*\(\s*(['"`]) *\1/g,
];

export const importsOf = (files: readonly SourceFile[]): Import[] =>
  files.filter((file) => isScript(file.path)).flatMap(importsOfFile);

const importsOfFile = (file: SourceFile): Import[] => {
  const found: Import[] = [];
  for (const pattern of importing) {
    for (const match of file.code.matchAll(pattern)) {
      const end = match.index + match[0].length - 1;
      const start = file.code.lastIndexOf(match[1] ?? '', end - 1) + 1;
      const specifier = file.text.slice(start, end);
      const target = resolve(file.path, specifier);
      found.push({ from: file, line: lineAt(file.text, start), specifier, target });
    }
  }
  return found;
};

const resolve = (path: string, specifier: string): string | null => {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier);
  const workspace = /^@usher\/(\w+)\/(.+)$/.exec(specifier);
  if (workspace === null) return null;
  const [, name, file] = workspace;
  return name === 'tests' ? `tests/${file}` : `${name}/src/${file}`;
};

import { cpSync, mkdirSync, readdirSync, readlinkSync, realpathSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeScratchFolder } from '../support/scratch.ts';

const notCopied = new Set(['node_modules', '.git', 'coverage', 'bench-results', '.usher', 'tmp']);

/**
 * A copy of the repository in a scratch folder, in which files can be changed while tests of
 * another copy run. Packages are linked to the original's; those of the workspace are the copy's.
 */
export const makeCopy = async (root: string): Promise<string> => {
  const copy = realpathSync(await makeScratchFolder());
  const filter = (path: string): boolean => path === root || !notCopied.has(basename(path));
  cpSync(root, copy, { recursive: true, filter });
  mkdirSync(join(copy, 'node_modules'));
  for (const { name } of readdirSync(join(root, 'node_modules'), { withFileTypes: true })) {
    const original = join(root, 'node_modules', name);
    if (name.startsWith('.')) continue;
    if (name === '@usher') copyLinks(original, join(copy, 'node_modules', name));
    else symlinkSync(original, join(copy, 'node_modules', name));
  }
  return copy;
};

/** The links lead to `../../domain` and so on, which is right in the copy, too. */
const copyLinks = (from: string, to: string): void => {
  mkdirSync(to);
  for (const name of readdirSync(from)) symlinkSync(readlinkSync(join(from, name)), join(to, name));
};

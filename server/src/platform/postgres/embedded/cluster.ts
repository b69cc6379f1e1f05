import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderAtOnce } from './drafts.ts';
import { hasCode } from './errors.ts';
import { type DatabaseUser, runAs } from './user.ts';

const passwordFile = 'usher-password';

/** Locale options of `initdb`; a cluster keeps them for life. */
export const builtinUtf8 = ['--locale-provider=builtin', '--locale=C.UTF-8', '--encoding=UTF8'];

/**
 * Creates the folder of a database cluster if there is none, and returns its password, which is in
 * the folder, readable only by its owner. A half-made cluster is never visible: it is made
 * elsewhere and renamed.
 */
export const ensureCluster = async (deps: {
  clusterDir: string;
  binDir: string;
  user: DatabaseUser;
  locale: string[];
}): Promise<{ password: string }> => {
  const { clusterDir, binDir, user } = deps;
  if ((await readOrNull(join(clusterDir, 'PG_VERSION'))) === null) {
    await makeFolderAtOnce(clusterDir, (draft) => initialise({ ...deps, draft }));
  }
  await requireSameVersion(clusterDir, binDir, user);
  const password = await readOrNull(join(clusterDir, passwordFile));
  if (password === null) {
    throw new Error(`${clusterDir} contains a database without ${passwordFile}: it is not Usher's`);
  }
  return { password };
};

const initialise = async (deps: {
  draft: string;
  binDir: string;
  user: DatabaseUser;
  locale: string[];
}): Promise<void> => {
  const { draft, binDir, user, locale } = deps;
  const password = randomBytes(24).toString('base64url');
  const passwordDraft = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordDraft, password, { mode: 0o600 });
    await chmod(draft, 0o700);
    if (user) await chown(draft, user.uid, user.gid);
    if (user) await chown(passwordDraft, user.uid, user.gid);
    const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordDraft}`];
    const made = await runAs(user, join(binDir, 'initdb'), ['-D', draft, ...access, ...locale]);
    if (made.code !== 0) throw new Error(`initdb failed: ${(made.stderr || made.stdout).trim()}`);
    await writeFile(join(draft, passwordFile), password, { mode: 0o600 });
    if (user) await chown(join(draft, passwordFile), user.uid, user.gid);
  } finally {
    await rm(passwordDraft, { force: true });
  }
};

const requireSameVersion = async (clusterDir: string, binDir: string, user: DatabaseUser) => {
  const ofData = await readOrNull(join(clusterDir, 'PG_VERSION'));
  if (ofData === null) {
    throw new Error(`${clusterDir} is neither a database nor empty: move it out of the way`);
  }
  const { stdout } = await runAs(user, join(binDir, 'postgres'), ['--version']);
  const ofProgram = /(\d+)/.exec(stdout)?.[1];
  if (ofData === ofProgram) return;
  throw new Error(
    `${clusterDir} was made by PostgreSQL ${ofData}, but this Usher has ${ofProgram}: move the ` +
      'data with pg_dump and pg_restore, or start the older Usher',
  );
};

const readOrNull = async (path: string): Promise<string | null> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
};

import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The user that PostgreSQL runs as; null: the user of this process. */
export type DatabaseUser = { uid: number; gid: number } | null;

type Finished = { code: number; stdout: string; stderr: string };

/**
 * Runs a program to completion as the given user, with a clean environment: PGDATA, PGPORT and the
 * like of the caller must not reach the database. Code 127 means that it could not start.
 */
export const runAs = (user: DatabaseUser, program: string, args: string[]): Promise<Finished> =>
  new Promise((resolve) => {
    const options = { cwd: '/', env: databaseEnvironment, ...(user ?? {}) };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (child.exitCode !== null) resolve({ code: child.exitCode, stdout, stderr });
      else resolve({ code: 127, stdout, stderr: stderr || String(error) });
    });
  });

export const databaseEnvironment = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of the data, who must be the same
 * across restarts; a new folder belongs to `postgres` if that user exists, otherwise to `nobody`.
 */
export const chooseDatabaseUser = async (folders: string[]): Promise<DatabaseUser> => {
  if (process.getuid?.() !== 0) return null;
  for (const folder of folders) {
    const owner = await stat(folder).catch(() => null);
    if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  for (const name of ['postgres', 'nobody']) {
    const uid = await runAs(null, 'id', ['-u', name]);
    const gid = await runAs(null, 'id', ['-g', name]);
    if (uid.code !== 0 || gid.code !== 0) continue;
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error(
    'PostgreSQL does not run as root and this machine has no user "postgres" and no "nobody": ' +
      'start Usher as an ordinary user, or set DATABASE_URL to your own PostgreSQL',
  );
};

/** The outermost parent of `path` that the user may not enter; null: none. */
export const closedFolderOnTheWay = async (path: string, user: DatabaseUser) => {
  const folders = [path];
  while (dirname(folders[0]!) !== folders[0]) folders.unshift(dirname(folders[0]!));
  const script = 'for d do [ -x "$d" ] || [ ! -e "$d" ] || { printf %s "$d"; exit 1; }; done';
  const { code, stdout } = await runAs(user, '/bin/sh', ['-c', script, 'sh', ...folders]);
  return code === 0 ? null : stdout;
};

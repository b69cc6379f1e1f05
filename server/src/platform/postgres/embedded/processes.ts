import { readFile, stat } from 'node:fs/promises';
import { hasCode } from './errors.ts';
import { runAs } from './user.ts';

/** Whether a process with this id exists, of any user. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
};

/**
 * Whether the process is the PostgreSQL of this data folder. After a crash of the machine the id in
 * postmaster.pid may belong to any process; PostgreSQL does not check further and would not start.
 * It is recognised by its working directory, which is the data folder; a zombie has none.
 */
export const isPostmasterOf = async (pid: number, clusterDir: string): Promise<boolean> => {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return isPostgres(await commandLine(pid));
  try {
    const [its, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(clusterDir)]);
    return its.ino === ours.ino && its.dev === ours.dev;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false;
    // Root in a container may not inspect processes of others; then any PostgreSQL counts.
    if (hasCode(error, 'EACCES', 'EPERM')) return isPostgres(await commandLine(pid));
    throw error;
  }
};

const isPostgres = (command: string) => /\bpostgres\b.* -D /.test(command);

const commandLine = async (pid: number): Promise<string> => {
  if (process.platform !== 'linux') {
    return (await runAs(null, 'ps', ['-o', 'command=', '-p', String(pid)])).stdout;
  }
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch((error) => {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  });
  return words.replaceAll('\0', ' ');
};

/** Sends the signal; a process that has already exited is no error. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
};

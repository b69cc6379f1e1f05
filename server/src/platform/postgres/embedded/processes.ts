import { readFile } from 'node:fs/promises';
import { hasCode } from './errors.ts';
import { runAs } from './user.ts';

/** Whether a process with this id exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/**
 * Whether the process is the PostgreSQL of this data folder. After a crash of the machine the id
 * in postmaster.pid may belong to anything; PostgreSQL itself asks no further and would not start.
 * A dead one that nobody has collected yet (a zombie) has no command line and does not count.
 */
export async function isPostmasterOf(pid: number, clusterDir: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') {
    const { stdout } = await runAs(null, 'ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes(` -D ${clusterDir} `);
  }
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').includes(clusterDir);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}

/** Sends the signal; a process that has gone already is no fault. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

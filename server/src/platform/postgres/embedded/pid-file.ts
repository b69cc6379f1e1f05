import { link, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from './errors.ts';

/** What PostgreSQL writes about itself to postmaster.pid, one value per line. */
type PidFile = {
  text: string;
  pid: number;
  startedAtMs: number;
  port: number;
  ready: boolean;
};

/** null while there is none, or none that is completely written. */
export const readPidFile = async (clusterDir: string): Promise<PidFile | null> => {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch((error) => {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  });
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!pid || !port) return null;
  const startedAtMs = Number(lines[2]) * 1000;
  return { text, pid, startedAtMs, port, ready: lines[7]?.trim() === 'ready' };
};

/**
 * Removes a postmaster.pid whose process is now another program. It is renamed first and checked
 * again: another starter may have done the same, and a valid file may be there meanwhile.
 */
export const removePidFile = async (clusterDir: string, judged: PidFile): Promise<void> => {
  const path = join(clusterDir, 'postmaster.pid');
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== judged.text) await link(aside, path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EEXIST')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
};

import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasCode } from './errors.ts';
import { isAlive } from './processes.ts';

const abandonedAfterMs = 3_600_000;

/**
 * Creates a folder atomically: `fill` works on a draft next to the target, which is then renamed.
 * If two processes do so at once, one wins and the other discards its draft. Unfinished drafts of
 * earlier processes are removed if their maker is dead or they are an hour old (a reused process
 * id).
 */
export const makeFolderAtOnce = async (target: string, fill: (draft: string) => Promise<void>) => {
  const prefix = `${basename(target)}.draft-`;
  await removeAbandoned(dirname(target), prefix);
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const draft = join(dirname(target), `${prefix}${unique}`);
  try {
    await fill(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
};

const removeAbandoned = async (folder: string, prefix: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(folder, name);
    const made = await stat(path).catch(() => null);
    if (!made) continue;
    const maker = Number.parseInt(name.slice(prefix.length), 10);
    const old = made.mtimeMs < Date.now() - abandonedAfterMs;
    if (old || !isAlive(maker)) await rm(path, { recursive: true, force: true });
  }
};

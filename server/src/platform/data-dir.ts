import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';

const remedy = 'set USHER_DATA_DIR to a folder that this user may write, such as /srv/usher';

/**
 * Where Usher keeps its data: USHER_DATA_DIR if set, else /var/lib/usher for root, whose home the
 * database's user may not enter, else `.local/share/usher` in the home. Always absolute.
 */
export const resolveDataDir = (from: {
  configured: string | undefined;
  isRoot: boolean;
  home: string | undefined;
}): string => {
  if (from.configured) return resolve(from.configured);
  if (from.isRoot) return '/var/lib/usher';
  if (from.home && isAbsolute(from.home)) return join(from.home, '.local/share/usher');
  throw new Error(`no folder for Usher's data, because HOME is not set: ${remedy}`);
};

/**
 * Creates the folder and its missing parents, and tests that it can be written. For root, others
 * may enter it, because PostgreSQL runs as another user there; else only its owner may. Throws
 * with the remedy.
 */
export const prepareDataDir = async (dataDir: string, isRoot: boolean): Promise<void> => {
  const probe = join(dataDir, `.write-probe-${randomBytes(6).toString('hex')}`);
  try {
    const mode = isRoot ? 0o755 : 0o700;
    const outermost = await mkdir(dataDir, { recursive: true, mode });
    // mkdir's mode is reduced by the umask, and under 077 nobody else could enter.
    if (outermost && isRoot) await openTheWay(outermost, dataDir, mode);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the data folder ${dataDir} cannot be written (${why}): ${remedy}`, {
      cause: error,
    });
  }
};

const openTheWay = async (outermost: string, innermost: string, mode: number): Promise<void> => {
  for (let folder = innermost; ; folder = dirname(folder)) {
    await chmod(folder, mode);
    if (folder === outermost || folder === dirname(folder)) return;
  }
};

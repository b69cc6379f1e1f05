import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
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
 * Creates the folder and its missing parents, and tests that it can be written. Only its
 * owner may enter it. For root, others may enter but not list it, as PostgreSQL runs as another
 * user there; what is not for them is closed by its own mode. Throws with the remedy.
 */
export const prepareDataDir = async (dataDir: string, isRoot: boolean): Promise<void> => {
  const probe = join(dataDir, `.write-probe-${randomBytes(6).toString('hex')}`);
  try {
    const mode = isRoot ? 0o711 : 0o700;
    const outermost = await mkdir(dataDir, { recursive: true, mode });
    // mkdir's mode is reduced by the umask, and under 077 nobody else could enter.
    if (outermost && isRoot) await openTheWay(outermost, dataDir, mode);
    // One of an older version could be listed by everybody.
    if (!outermost) await closeToOthers(dataDir, mode);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the data folder ${dataDir} cannot be written (${why}): ${remedy}`, {
      cause: error,
    });
  }
};

const closeToOthers = async (dataDir: string, mode: number): Promise<void> => {
  const before = (await stat(dataDir)).mode & 0o777;
  const isOpen = (before & ~mode) !== 0;
  if (!isOpen) return;
  await chmod(dataDir, before & mode).catch(() => {
    // A folder of another user's stays as that user wants it.
  });
};

const openTheWay = async (outermost: string, innermost: string, mode: number): Promise<void> => {
  for (let folder = innermost; ; folder = dirname(folder)) {
    await chmod(folder, mode);
    if (folder === outermost || folder === dirname(folder)) return;
  }
};

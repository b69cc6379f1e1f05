import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../server/src/platform/postgres/embedded/processes.ts';
import { afterThisFile } from './after-file.ts';

const prefix = 'usher-test-';

/**
 * A folder of the test file's own, removed when the file is done. Others may enter it (not read
 * it): as root, PostgreSQL runs as somebody else.
 */
export const scratchFolder = async (): Promise<string> => {
  const folder = await makeScratchFolder();
  afterThisFile(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** The same without the removal, for folders that outlive a test file. */
export const makeScratchFolder = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  await chmod(folder, 0o711);
  return folder;
};

/** Removes what killed runs have left: the folders whose creator is dead. */
export const removeAbandonedFolders = (): void => {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    if (isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
};

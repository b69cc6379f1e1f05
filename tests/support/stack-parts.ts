import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The end of the title of a test that needs a part of the stack. */
export const needs = /\(needs ([\w-]+)\)/;

const parts = {
  curl: { how: 'apt-get install curl', isThere: () => findProgram('curl') !== null },
  pdftoppm: {
    how: 'apt-get install poppler-utils',
    isThere: () => findProgram('pdftoppm') !== null,
  },
  redis: {
    how: 'apt-get install redis-server',
    isThere: () => findProgram('redis-server') !== null && findProgram('redis-cli') !== null,
  },
  'debian-postgresql': {
    how: 'apt-get install postgresql-15',
    isThere: () => debianPostgresBinDir() !== null,
  },
};

export type PartName = keyof typeof parts;

/** Whether this machine has the part, and how to get it when it has not. */
export const stackPart = (name: PartName): { available: boolean; how: string } => ({
  available: parts[name].isThere(),
  how: parts[name].how,
});

export const howToGet = (name: string): string =>
  Object.entries(parts).find(([part]) => part === name)?.[1].how ?? 'unknown';

/** The program folder of the latest version; null if Debian's server is not installed. */
export const debianPostgresBinDir = (): string | null => {
  const root = '/usr/lib/postgresql';
  const folders = isFolder(root) ? readdirSync(root) : [];
  const versions = folders.map(Number).filter((version) => version >= 15);
  for (const version of versions.sort((a, b) => b - a)) {
    const binDir = join(root, String(version), 'bin');
    if (isProgram(join(binDir, 'initdb'))) return binDir;
  }
  return null;
};

const findProgram = (name: string): string | null => {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
};

const isProgram = (path: string): boolean => isAllowed(path, constants.X_OK);

const isFolder = (path: string): boolean => isAllowed(path, constants.R_OK);

const isAllowed = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../config.ts';
import { systemClock } from '../platform/clock.ts';
import { prepareDataDir, resolveDataDir } from '../platform/data-dir.ts';
import { makeIds } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import { openEmbeddedPostgres } from '../platform/postgres/embedded.ts';
import { processPort } from '../platform/process.ts';

/** The secret of the installation: configured, or generated once and kept in the data folder. */
const readSecret = async (config: Readonly<Settings>, dataDir: string): Promise<string> => {
  if (config.USHER_SECRET !== undefined) return config.USHER_SECRET;
  const path = join(dataDir, 'secret');
  const ids = makeIds(systemClock);
  const fresh = ids.secret() + ids.secret();
  // 'wx' fails if the file exists: two programs started at once both use the first one's secret.
  await writeFile(path, fresh, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  return (await readFile(path, 'utf8')).trim();
};

/** Needed by every command that touches data: the data folder, the database, the secret. */
export const openSurroundings = async (config: Readonly<Settings>, log: Log) => {
  const { isRoot, env } = processPort;
  const dataDir = resolveDataDir({
    configured: config.USHER_DATA_DIR,
    isRoot,
    home: env['HOME'],
  });
  await prepareDataDir(dataDir, isRoot);
  const secret = await readSecret(config, dataDir);
  if (config.DATABASE_URL !== undefined)
    return {
      dataDir,
      secret,
      databaseUrl: config.DATABASE_URL,
      isEmbedded: false,
      close: async () => undefined,
    };
  const embedded = await openEmbeddedPostgres({ dataDir, log });
  return {
    dataDir,
    secret,
    databaseUrl: embedded.url,
    isEmbedded: true,
    close: () => embedded.stop(),
  };
};

import { join } from 'node:path';
import { ensureCluster } from '../../server/src/platform/postgres/embedded/cluster.ts';
import { ensureDatabase } from '../../server/src/platform/postgres/embedded/database.ts';
import { openLogFile } from '../../server/src/platform/postgres/embedded/log-file.ts';
import {
  freePort,
  startPostmaster,
} from '../../server/src/platform/postgres/embedded/postmaster.ts';
import { chooseDatabaseUser } from '../../server/src/platform/postgres/embedded/user.ts';
import { afterThisFile } from './after-file.ts';
import { scratchFolder } from './scratch.ts';
import { debianPostgresBinDir } from './stack-parts.ts';

/**
 * Debian's PostgreSQL, for tests of DATABASE_URL: a server of the caller's own with an empty
 * database of the ticket office's role, stopped when the test file is done. Only in tests of
 * `describeNeeding('debian-postgresql', …)`.
 */
export const debianPostgres = async (): Promise<{ url: string }> => {
  const binDir = debianPostgresBinDir();
  if (binDir === null) throw new Error('there is none: see stackPart("debian-postgresql").how');
  const folder = await scratchFolder();
  const user = await chooseDatabaseUser([]);
  const clusterDir = join(folder, 'postgres');
  const locale = ['--locale=C.UTF-8', '--encoding=UTF8'];
  const { password } = await ensureCluster({ clusterDir, binDir, user, locale });
  const logFile = openLogFile(join(folder, 'postgres.log'), 1_000_000);
  const settings = { fsync: 'off' };
  const port = await freePort();
  const started = await startPostmaster({ binDir, clusterDir, user, settings, logFile, port });
  if (started.outcome !== 'ready') throw new Error(`${started.outcome}: ${logFile.tail()}`);
  afterThisFile(async () => {
    await started.postmaster.stop();
    logFile.close();
  });
  await ensureDatabase(port, password);
  return { url: `postgres://usher:${password}@127.0.0.1:${port}/usher` };
};

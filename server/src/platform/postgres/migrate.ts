import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMigrations } from 'graphile-worker';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import type { Log } from '../log.ts';
import { refreshMoves, type StateMachine } from './moves.ts';
import { refreshFunctions } from './routines.ts';

const serverDir = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const migrationsDir = join(serverDir, 'migrations');

/** An arbitrary number that nothing else in the database uses for an advisory lock. */
const migrateLock = 7_155_021_947;

/** Why a server cannot be used, from its `server_version_num` (140012 is 14.12); null: it can. */
export const faultOfVersion = (versionNumber: number): string | null =>
  versionNumber >= 150_000
    ? null
    : `PostgreSQL 15 or later is needed; DATABASE_URL has ${Math.floor(versionNumber / 10_000)}`;

/**
 * Migrates the database to this program's version: numbered migrations (forward only), the job
 * queue's own, then the services' functions and the moves of the state machines. Two programs may
 * do so at once: the second waits.
 */
export const migrate = async (options: {
  url: string;
  log: Log;
  machines: readonly StateMachine[];
}): Promise<void> => {
  const { url, log, machines } = options;
  const client = new pg.Client({ connectionString: url, application_name: 'usher migrate' });
  // A pending statement fails, too; without one, an unhandled error would end the process.
  client.on('error', (error) => log.warn({ err: error }, 'migration connection lost'));
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrateLock]);
    const version = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    const fault = faultOfVersion(Number(version.rows[0]?.server_version_num));
    if (fault !== null) throw new Error(fault);
    await runner({
      dbClient: client,
      dir: migrationsDir,
      direction: 'up',
      migrationsTable: 'migrations',
      migrationsSchema: 'platform',
      createMigrationsSchema: true,
      noLock: true,
      logger: {
        debug: (text) => log.debug(text),
        info: (text) => log.debug(text),
        warn: (text) => log.warn(text),
        error: (text) => log.error(text),
      },
    });
    await runMigrations({ connectionString: url });
    await refreshFunctions(client, log);
    await refreshMoves(client, machines);
  } finally {
    await client.end();
  }
};

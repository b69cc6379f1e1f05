import { createHash } from 'node:crypto';
import type pg from 'pg';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { dropDatabase, urlOf } from './databases.ts';
import { silentLog } from './log.ts';

/** What the names of all databases of a run begin with; `pid` is Vitest's process. */
export const makeDatabasePrefix = (pid: number): string => `usher_test_${pid}`;

/** The database with all migrations applied that those of a run's test files are copies of. */
export const nameTemplate = (prefix: string): string => `${prefix}_template`;

/** One of all callers migrates, under another name, which becomes the template's when complete. */
export const ensureTemplate = async (
  client: pg.Client,
  server: string,
  template: string,
): Promise<void> => {
  const lock = createHash('sha256').update(template).digest().readInt32BE();
  await client.query('SELECT pg_advisory_lock($1)', [lock]);
  const known = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
  if (known.rowCount === 0) {
    const draft = `${template}_draft`;
    const abandoned = await client.query('SELECT FROM pg_database WHERE datname = $1', [draft]);
    if (abandoned.rowCount === 1) await dropDatabase(client, draft);
    await client.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
    await migrate({ url: urlOf(server, draft), log: silentLog, machines: stateMachines });
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${template}`);
  }
  await client.query('SELECT pg_advisory_unlock($1)', [lock]);
};

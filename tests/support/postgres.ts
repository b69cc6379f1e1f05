import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { inject } from 'vitest';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { afterThisFile } from './after-file.ts';
import { dropDatabase, dropDatabases, urlOf, withClient } from './databases.ts';
import { silentLog } from './log.ts';

export type TestDatabase = { url: string; name: string };

/**
 * A database of the caller's own with all migrations applied, dropped when the test file is done.
 * It is a copy of a template that the first caller of the run makes.
 */
export const makeTestDatabase = async (): Promise<TestDatabase> => {
  const server = inject('postgresUrl');
  const template = `${inject('databasePrefix')}_template`;
  const name = `${inject('databasePrefix')}_${randomBytes(6).toString('hex')}`;
  await withClient(server, async (client) => {
    await ensureTemplate(client, server, template);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  afterThisFile(() => dropDatabases(server, name));
  return { url: urlOf(server, name), name };
};

/** An empty database, for tests of the migrations themselves. */
export const makeEmptyDatabase = async (): Promise<TestDatabase> => {
  const server = inject('postgresUrl');
  const name = `${inject('databasePrefix')}_${randomBytes(6).toString('hex')}`;
  await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
  afterThisFile(() => dropDatabases(server, name));
  return { url: urlOf(server, name), name };
};

/** One of all callers migrates, under another name, which becomes the template's when complete. */
const ensureTemplate = async (
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

import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { afterThisFile } from './after-file.ts';
import { dropDatabases, urlOf, withClient } from './databases.ts';
import { ensureTemplate, nameTemplate } from './template-database.ts';

export type TestDatabase = { url: string; name: string };

/**
 * A database of the caller's own with all migrations applied, dropped when the test file is done.
 * It is a copy of a template that the first caller of the run makes.
 */
export const makeTestDatabase = async (): Promise<TestDatabase> => {
  const server = inject('postgresUrl');
  const template = nameTemplate(inject('databasePrefix'));
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

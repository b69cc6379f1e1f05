import pg from 'pg';
import { expect, test } from 'vitest';
import { openEmbeddedPostgres } from '../../server/src/platform/postgres/embedded.ts';
import { afterThisFile } from './after-file.ts';
import { dropDatabases, urlOf, withClient } from './databases.ts';
import { silentLog } from './log.ts';
import { scratchFolder } from './scratch.ts';
import { until } from './until.ts';

// A server of its own: its autovacuum comes after a second and stays for minutes.
const settings = {
  autovacuum_naptime: '1s',
  autovacuum_vacuum_cost_delay: '100ms',
  autovacuum_vacuum_cost_limit: '1',
  fsync: 'off',
};
const dataDir = await scratchFolder();
const server = await openEmbeddedPostgres({ dataDir, log: silentLog, settings });
afterThisFile(() => server.stop());

const superuser = new URL(server.url);
superuser.username = 'postgres';
superuser.pathname = '/postgres';
await withClient(superuser.href, (client) => client.query('ALTER ROLE usher CREATEDB'));

const namesOf = async (prefix: string): Promise<string[]> => {
  const names: string[] = [];
  await withClient(server.url, async (client) => {
    const { rows } = await client.query('SELECT datname FROM pg_database ORDER BY datname');
    names.push(...rows.map((row) => row.datname).filter((name) => name.startsWith(prefix)));
  });
  return names;
};

test('a database is dropped despite an autovacuum worker in it, which blocks FORCE', async () => {
  await withClient(server.url, (client) => client.query('CREATE DATABASE swept'));
  await withClient(urlOf(server.url, 'swept'), async (client) => {
    await client.query(
      "CREATE TABLE litter AS SELECT repeat('x', 500) FROM generate_series(1, 9000)",
    );
    await client.query('DELETE FROM litter');
  });
  // Only a superuser can see the process type of other roles' processes.
  await withClient(superuser.href, (client) =>
    until('an autovacuum worker is in the database', async () => {
      const workers = await client.query(
        `SELECT FROM pg_stat_activity
          WHERE datname = 'swept' AND backend_type = 'autovacuum worker'`,
      );
      return workers.rowCount;
    }),
  );
  await withClient(server.url, async (client) => {
    await expect(client.query('DROP DATABASE swept WITH (FORCE)')).rejects.toThrow(
      'permission denied to terminate process',
    );
  });

  await dropDatabases(server.url, 'swept');
  expect(await namesOf('swept')).toEqual([]);
});

test('a database is dropped while clients are connected to it, and no other one is', async () => {
  await withClient(server.url, (client) => client.query('CREATE DATABASE left_open'));
  await withClient(server.url, (client) => client.query('CREATE DATABASE kept_open'));
  const client = new pg.Client({ connectionString: urlOf(server.url, 'left_open') });
  await client.connect();
  const ended = new Promise((resolve) => client.on('error', resolve));

  await dropDatabases(server.url, 'left');
  expect(await ended).toBeInstanceOf(Error);
  expect(await namesOf('')).toContain('kept_open');
  expect(await namesOf('left')).toEqual([]);
});

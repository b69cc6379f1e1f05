import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { withClient } from './databases.ts';
import { makeEmptyDatabase, type TestDatabase } from './postgres.ts';

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Runs the next so many migrations, without the functions of the program. */
export const runMigrations = async (databaseUrl: string, count: number): Promise<void> => {
  await runner({
    databaseUrl,
    dir: fileURLToPath(new URL('../../server/migrations', import.meta.url)),
    direction: 'up',
    count,
    migrationsTable: 'migrations',
    migrationsSchema: 'platform',
    createMigrationsSchema: true,
    noLock: true,
    logger: quiet,
  });
};

/** An empty database as the program with that many migrations left it. */
export const makeOldDatabase = async (migrations: number): Promise<TestDatabase> => {
  const database = await makeEmptyDatabase();
  await runMigrations(database.url, migrations);
  return database;
};

/**
 * A database in mid-sale, as the program with 16 migrations left it: the head of the file says what
 * is in it. Its holds are dated now.
 */
export const makeOldSale = async (): Promise<TestDatabase> => {
  const database = await makeOldDatabase(16);
  const rows = await readFile(new URL('./fixtures/sale-16.sql', import.meta.url), 'utf8');
  await withClient(database.url, async (client) => {
    await client.query(rows);
    await client.query(
      `UPDATE seats.holds SET deadline = now() + interval '5 minutes',
         ends_by = now() + interval '10 minutes' WHERE state = 'ACTIVE'`,
    );
    await client.query(
      `UPDATE seats.claims SET deadline = now() + interval '5 minutes' WHERE state = 'held'`,
    );
    await client.query(
      `UPDATE seats.stock SET sale_opens_at = now() - interval '1 day',
         sale_closes_at = now() + interval '1 day'`,
    );
    await client.query(
      `UPDATE platform.cursors SET inbox_until = now() + interval '1 day'
       WHERE inbox_until IS NOT NULL`,
    );
  });
  return database;
};

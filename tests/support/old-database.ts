import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { makeEmptyDatabase, type TestDatabase } from './postgres.ts';

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** An empty database as the program with that many migrations left it. */
export const makeOldDatabase = async (migrations: number): Promise<TestDatabase> => {
  const database = await makeEmptyDatabase();
  await runner({
    databaseUrl: database.url,
    dir: fileURLToPath(new URL('../../server/migrations', import.meta.url)),
    direction: 'up',
    count: migrations,
    migrationsTable: 'migrations',
    migrationsSchema: 'platform',
    createMigrationsSchema: true,
    noLock: true,
    logger: quiet,
  });
  return database;
};

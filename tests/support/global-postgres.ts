import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import type { Settings } from '../../server/src/platform/postgres/embedded/settings.ts';
import { openEmbeddedPostgres } from '../../server/src/platform/postgres/embedded.ts';
import { dropDatabases, withClient } from './databases.ts';
import { makeScratchFolder, removeAbandonedFolders } from './scratch.ts';
import { makeDatabasePrefix } from './template-database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a role that may create databases. */
    postgresUrl: string;
    /** Begins the name of every database of this run. */
    databasePrefix: string;
  }
}

type Server = { url: string; stop(): Promise<void> };

// Each project loads this file separately; one server is enough for the whole run.
const key = Symbol.for('usher.tests.postgres');
const shelf = globalThis as { [key]?: { server: Promise<Server>; users: number } };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const databasePrefix = makeDatabasePrefix(process.pid);
  shelf[key] ??= { server: openServer(databasePrefix), users: 0 };
  const shared = shelf[key];
  shared.users += 1;
  const { url, stop } = await shared.server;
  project.provide('postgresUrl', url);
  project.provide('databasePrefix', databasePrefix);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete shelf[key];
    await stop();
  };
}

const openServer = async (databasePrefix: string): Promise<Server> => {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given, stop: () => dropDatabases(given, databasePrefix) };
  return openPostgresForTests();
};

/**
 * An embedded PostgreSQL with nothing that outlives it, also for programs that run tests, and for
 * tests that need a server of their own. `settings` are added to those of all tests.
 */
export const openPostgresForTests = async (settings: Settings = {}): Promise<Server> => {
  removeAbandonedFolders();
  const dataDir = await makeScratchFolder();
  const quiet = { info: () => {}, warn: console.warn };
  const server = await openEmbeddedPostgres({
    dataDir,
    log: quiet,
    settings: { ...testSettings, ...settings },
  });
  await letUsherCreateDatabases(server.url);
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/**
 * What a test sees is as in production (synchronous_commit stays on: commits wait for each other
 * as they do there), but nothing needs to survive the machine.
 */
const testSettings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

const letUsherCreateDatabases = async (url: string): Promise<void> => {
  const superuser = new URL(url);
  superuser.username = 'postgres';
  superuser.pathname = '/postgres';
  await withClient(superuser.href, (client) => client.query('ALTER ROLE usher CREATEDB'));
};

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMigrations } from 'graphile-worker';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import type { Log } from '../log.ts';

const serverDir = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const migrationsDir = join(serverDir, 'migrations');
const servicesDir = join(serverDir, 'src/services');

/** Any number that nobody else in the database uses for an advisory lock. */
const migrateLock = 7_155_021_947;

/** Functions stand beside their service, in `services/NAME/sql/*.sql`, one operation a file. */
const readRoutines = async (): Promise<{ name: string; text: string }[]> => {
  const roots = [join(serverDir, 'src/platform/outbox')];
  for (const entry of await readdir(servicesDir, { withFileTypes: true }))
    if (entry.isDirectory()) roots.push(join(servicesDir, entry.name));
  const routines: { name: string; text: string }[] = [];
  for (const root of roots.sort()) {
    const files = await readdir(join(root, 'sql')).catch(() => []);
    for (const file of files.filter((name) => name.endsWith('.sql')).sort())
      routines.push({
        name: `${basename(root)}/${file}`,
        text: await readFile(join(root, 'sql', file), 'utf8'),
      });
  }
  return routines;
};

/**
 * Lays the functions of one file. Those of its earlier text, known by their comment, go first: with
 * other parameters they would stay beside the new ones, with another result they could not be
 * replaced.
 */
const layFile = async (client: pg.Client, name: string, text: string): Promise<void> => {
  const mark = `laid from ${name}`;
  const signatures = async (condition: string, params: unknown[]): Promise<string[]> => {
    const found = await client.query<{ signature: string }>(
      `SELECT oid::regprocedure::text AS signature FROM pg_proc WHERE ${condition}`,
      params,
    );
    return found.rows.map((row) => row.signature);
  };
  for (const each of await signatures("obj_description(oid, 'pg_proc') = $1", [mark]))
    await client.query(`DROP FUNCTION ${each}`);
  await client.query(text);
  for (const each of await signatures('xmin = pg_current_xact_id()::xid', []))
    await client.query(`COMMENT ON FUNCTION ${each} IS '${mark}'`);
};

/** Lays the functions of each file anew whose text has changed since it was laid last. */
const layRoutines = async (client: pg.Client, log: Log): Promise<void> => {
  const laid = await client.query<{ name: string; digest: string }>(
    'SELECT name, digest FROM platform.routines',
  );
  const digests = new Map(laid.rows.map((row) => [row.name, row.digest]));
  for (const { name, text } of await readRoutines()) {
    const digest = createHash('sha256').update(text).digest('hex');
    if (digests.get(name) === digest) continue;
    await client.query('BEGIN');
    await layFile(client, name, text).catch((cause: unknown) => {
      throw new Error(`the function ${name} cannot be laid: ${String(cause)}`, { cause });
    });
    await client.query(
      `INSERT INTO platform.routines (name, digest) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET digest = $2, laid_at = now()`,
      [name, digest],
    );
    await client.query('COMMIT');
    log.debug({ name }, 'function laid');
  }
};

/** Why a server cannot be used, by its own `server_version_num` (140012 is 14.12); null: it can. */
export const faultOfVersion = (versionNumber: number): string | null =>
  versionNumber >= 150_000
    ? null
    : `PostgreSQL 15 or later is needed; DATABASE_URL has ${Math.floor(versionNumber / 10_000)}`;

/**
 * Brings the database up to this program's version: numbered migrations (forward only), the job
 * queue's own, then the services' functions. Two programs at once are safe: the second waits.
 */
export const migrate = async (options: { url: string; log: Log }): Promise<void> => {
  const { url, log } = options;
  const client = new pg.Client({ connectionString: url, application_name: 'usher migrate' });
  // The statement that waits for its answer fails, too; while none does this would end the process.
  client.on('error', (error) => log.warn({ err: error }, 'the connection of migrate was lost'));
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
    await layRoutines(client, log);
  } finally {
    await client.end();
  }
};

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { assert } from '../failure.ts';
import type { Log } from '../log.ts';

const sourceDir = join(dirname(fileURLToPath(import.meta.url)), '../..');
const servicesDir = join(sourceDir, 'services');

/** A file of `services/NAME/sql`; it creates exactly one function, whose name is the file's. */
type Routine = {
  /** `seats/mark-sent.sql` creates `seats.mark_sent`. */
  name: string;
  text: string;
};

export const readRoutines = async (): Promise<Routine[]> => {
  const folders = [join(sourceDir, 'platform/journal')];
  for (const entry of await readdir(servicesDir, { withFileTypes: true }))
    if (entry.isDirectory()) folders.push(join(servicesDir, entry.name));
  const routines: Routine[] = [];
  for (const folder of folders.sort()) {
    const files = await readdir(join(folder, 'sql')).catch(() => []);
    for (const file of files.filter((name) => name.endsWith('.sql')).sort())
      routines.push({
        name: `${basename(folder)}/${file}`,
        text: await readFile(join(folder, 'sql', file), 'utf8'),
      });
  }
  return routines;
};

/**
 * How the statements of a function are planned if its header says so: once for all parameters, and
 * so that no table or index is read whole, even if it was empty then. Why: docs/decisions/0012.
 */
const plansMark = /^-- Plans: generic, by an index\b/m;
const plannerSettings = [
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
  'enable_indexonlyscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
];
const settingsOf = ({ text }: Routine): string[] => (plansMark.test(text) ? plannerSettings : []);

const digestOf = (routine: Routine): string =>
  createHash('sha256')
    .update([routine.text, ...settingsOf(routine)].join('\n'))
    .digest('hex');

const functionOf = ({ name, text }: Routine): string => {
  const created = /^CREATE OR REPLACE FUNCTION ([a-z_]+\.[a-z_]+)\(/m.exec(text)?.[1];
  assert(created !== undefined, `${name} creates a function`);
  return created;
};

/** Creates or replaces the function of a file, with the planner settings that its header names. */
export const createFunction = async (client: pg.Client, routine: Routine): Promise<void> => {
  await client.query(routine.text);
  const created = functionOf(routine);
  for (const setting of settingsOf(routine))
    await client.query(`ALTER FUNCTION ${created} SET ${setting}`);
  await client.query(`COMMENT ON FUNCTION ${created} IS 'created from ${routine.name}'`);
};

/** Functions whose comment names a file, also as earlier versions wrote it, and the file. */
const findCreated = async (client: pg.Client): Promise<{ signature: string; file: string }[]> => {
  const found = await client.query<{ signature: string; file: string }>(
    `SELECT p.oid::regprocedure::text AS signature,
       substring(d.description FROM '^(?:created|laid) from (.*)$') AS file
     FROM pg_proc p JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
     WHERE d.description ~ '^(created|laid) from '`,
  );
  return found.rows;
};

const failNaming = async (routine: Routine, work: () => Promise<unknown>): Promise<void> => {
  await work().catch((cause: unknown) => {
    throw new Error(`the function ${routine.name} cannot be created: ${String(cause)}`, { cause });
  });
};

/** Within the caller's transaction. A function that cannot be created is named with its file. */
export const recreateFunctions = async (
  client: pg.Client,
  changed: readonly Routine[],
): Promise<void> => {
  // A function may call one whose file comes later: bodies are checked when all functions exist.
  await client.query('SET LOCAL check_function_bodies = off');
  for (const routine of changed) await failNaming(routine, () => client.query(routine.text));
  await client.query('SET LOCAL check_function_bodies = on');
  for (const routine of changed) await failNaming(routine, () => createFunction(client, routine));
  await client.query(
    `INSERT INTO platform.routines (name, digest) SELECT * FROM unnest($1::text[], $2::text[])
     ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, laid_at = now()`,
    [changed.map(({ name }) => name), changed.map(digestOf)],
  );
};

/**
 * Re-creates the functions whose files have changed since the last run, and drops those whose files
 * are gone or renamed, in one transaction: a running program sees all of them or none. Functions of
 * an earlier text, known by their comment, are dropped first: with other parameters they would stay
 * next to the new function, with another result they could not be replaced.
 */
export const refreshFunctions = async (client: pg.Client, log: Log): Promise<void> => {
  const routines = await readRoutines();
  const stored = await client.query<{ name: string; digest: string }>(
    'SELECT name, digest FROM platform.routines',
  );
  const digests = new Map(stored.rows.map((row) => [row.name, row.digest]));
  const changed = routines.filter((routine) => digests.get(routine.name) !== digestOf(routine));
  const files = new Set(routines.map(({ name }) => name));
  const gone = [...digests.keys()].filter((name) => !files.has(name));
  if (changed.length + gone.length === 0) return;

  const outdated = new Set([...changed.map(({ name }) => name), ...gone]);
  await client.query('BEGIN');
  for (const { signature, file } of await findCreated(client))
    if (outdated.has(file)) await client.query(`DROP FUNCTION ${signature}`);
  await client.query('DELETE FROM platform.routines WHERE name = ANY ($1)', [gone]);
  await recreateFunctions(client, changed);
  await client.query('COMMIT');
  for (const { name } of changed) log.debug({ name }, 'function created');
};

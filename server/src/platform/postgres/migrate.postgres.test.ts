import { readdir } from 'node:fs/promises';
import { makeEmptyDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { migrate } from './migrate.ts';
import type { StateMachine } from './moves.ts';
import { readRoutines, recreateFunctions } from './routines.ts';
import { openTestProxy } from './test-proxy.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  closers.push(() => client.end());
  return client;
};
const rows = async <Row>(client: pg.Client, text: string): Promise<Row[]> =>
  (await client.query(text)).rows as Row[];
/** Runs the migration; returns the functions that it created. */
const createdBy = async (url: string): Promise<string[]> => {
  const created: string[] = [];
  const debug = (fields: unknown, text?: string): void => {
    if (text === 'function created') created.push((fields as { name: string }).name);
  };
  await migrate({ url, log: { ...silentLog, debug } as never, machines });
  return created;
};
const migrations = (client: pg.Client) =>
  rows<{ name: string }>(client, 'SELECT name FROM platform.migrations ORDER BY id');
/** Those of the program are tested in server/src/state-machines.postgres.test.ts. */
const machines: StateMachine[] = [];
const lock = 'SELECT pg_advisory_lock(7155021947)';
const answered = 'payments/mark-answered.sql';
const forget = (client: pg.Client) =>
  client.query('UPDATE platform.routines SET digest = $1 WHERE name = $2', ['', answered]);

describe('an empty database', () => {
  test('is migrated by two programs at once: each migration runs once', async () => {
    const { url } = await makeEmptyDatabase();
    const created = await Promise.all([createdBy(url), createdBy(url)]);
    const client = await connect(url);
    const files = await readdir(new URL('../../../migrations/', import.meta.url));
    const done = (await migrations(client)).map(({ name }) => name);
    expect(done).toEqual(files.map((file) => file.replace('.sql', '')).toSorted());
    // The first of them created every function, the second none.
    expect(created.map((names) => names.length).toSorted((a, b) => a - b)[0]).toBe(0);
    expect(new Set(created.flat()).size).toBe(created.flat().length);
    await client.query("SELECT graphile_worker.add_job('nothing')");
    expect(await rows(client, "SELECT platform.append_journal('{}') IS NULL AS ok")).toHaveLength(
      1,
    );
  });
});

describe('a database that is up to date', () => {
  test('is not changed', async () => {
    const { url } = await makeEmptyDatabase();
    expect((await createdBy(url)).length).toBeGreaterThan(5);
    const client = await connect(url);
    const state = async () => [
      await migrations(client),
      await rows(client, 'SELECT name, digest, laid_at FROM platform.routines ORDER BY name'),
      await rows(client, 'SELECT count(*) FROM pg_class'),
    ];
    const before = await state();
    expect(await createdBy(url)).toEqual([]);
    expect(await state()).toEqual(before);
  });

  test('gets the function whose text has changed, and no other', async () => {
    const { url } = await makeEmptyDatabase();
    await createdBy(url);
    const client = await connect(url);
    await forget(client);
    expect(await createdBy(url)).toEqual([answered]);
  });

  test('keeps no function of an earlier text next to the new one', async () => {
    const { url } = await makeEmptyDatabase();
    await createdBy(url);
    const client = await connect(url);
    const signatures = () =>
      rows<{ s: string }>(
        client,
        "SELECT oid::regprocedure::text AS s FROM pg_proc WHERE proname = 'mark_answered' ORDER BY 1",
      );
    const before = await signatures();
    // As if the earlier text had had another parameter, and another result.
    await client.query(`CREATE FUNCTION payments.mark_answered(attempt text) RETURNS integer
      LANGUAGE sql AS 'SELECT 1';
      COMMENT ON FUNCTION payments.mark_answered(text) IS 'created from ${answered}';
      DROP FUNCTION payments.mark_answered(json);
      CREATE FUNCTION payments.mark_answered(calls json) RETURNS text
      LANGUAGE sql AS 'SELECT ''no''';
      COMMENT ON FUNCTION payments.mark_answered(json) IS 'created from ${answered}'`);
    await forget(client);
    await createdBy(url);
    expect(await signatures()).toEqual(before);
    expect(await rows(client, "SELECT payments.mark_answered('[]') AS answer")).toEqual([
      { answer: { results: [] } },
    ]);
  });

  test('drops the function of a file that is gone, by the comments of all versions', async () => {
    const { url } = await makeEmptyDatabase();
    await createdBy(url);
    const client = await connect(url);
    for (const [file, mark] of [
      ['payments/sent.sql', 'laid'],
      ['payments/answered.sql', 'created'],
    ]) {
      const name = `payments.old_${mark}`;
      await client.query(`CREATE FUNCTION ${name}() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        COMMENT ON FUNCTION ${name}() IS '${mark} from ${file}';
        INSERT INTO platform.routines (name, digest) VALUES ('${file}', 'x')`);
    }
    await createdBy(url);
    const old = "SELECT proname FROM pg_proc WHERE proname LIKE 'old\\_%'";
    expect(await rows(client, old)).toEqual([]);
    const gone = "SELECT FROM platform.routines WHERE digest = 'x'";
    expect(await rows(client, gone)).toEqual([]);
  });
});

describe('the planner settings of functions', () => {
  test('apply to those whose header asks for them, and to no others', async () => {
    const { url } = await makeEmptyDatabase();
    await createdBy(url);
    const client = await connect(url);
    const asked = (await readRoutines())
      .filter(({ text }) => text.includes('-- Plans: generic, by an index'))
      .map(({ name }) => `created from ${name}`);
    expect(asked.length).toBeGreaterThan(10);
    const set = await rows<{ mark: string; settings: string[] }>(
      client,
      `SELECT obj_description(oid, 'pg_proc') AS mark, proconfig AS settings FROM pg_proc
       WHERE obj_description(oid, 'pg_proc') LIKE 'created from %' AND proconfig IS NOT NULL`,
    );
    expect(set.map(({ mark }) => mark).toSorted()).toEqual(asked.toSorted());
    for (const { settings } of set)
      expect(settings).toEqual([
        'plan_cache_mode=force_generic_plan',
        'enable_seqscan=off',
        'enable_indexonlyscan=off',
        'enable_hashjoin=off',
        'enable_mergejoin=off',
      ]);
  });
});

describe('functions that call each other', () => {
  test('are created in any order of their files', async () => {
    const { url } = await makeEmptyDatabase();
    await createdBy(url);
    const client = await connect(url);
    // In SQL, whose bodies are checked when they are created: the first calls the second.
    const calls = (name: string, body: string) => ({
      name: `seats/${name}.sql`,
      text: `CREATE OR REPLACE FUNCTION seats.${name}(n integer) RETURNS integer
        LANGUAGE sql AS 'SELECT ${body}'`,
    });
    const [first, second] = [calls('first', 'seats.second(n)'), calls('second', 'n + 1')] as const;
    await expect(client.query(first.text)).rejects.toThrow(
      /seats.second\(integer\) does not exist/,
    );
    await client.query('BEGIN');
    await recreateFunctions(client, [first, second]);
    await client.query('COMMIT');
    expect(await rows(client, 'SELECT seats.first(1) AS n')).toEqual([{ n: 2 }]);
  });
});

test('a function that cannot be created is named with its file; nothing is changed', async () => {
  const { url } = await makeEmptyDatabase();
  await createdBy(url);
  const client = await connect(url);
  await client.query(`DROP FUNCTION payments.mark_answered;
    CREATE FUNCTION payments.mark_answered(calls json) RETURNS text
    LANGUAGE sql AS 'SELECT ''no'''`);
  await forget(client);
  await expect(migrate({ url, log: silentLog, machines })).rejects.toThrow(
    /^the function payments\/mark-answered\.sql cannot be created: .*cannot change return type/,
  );
  await client.query('DROP FUNCTION payments.mark_answered');
  expect(await createdBy(url)).toEqual([answered]);
});

test('a program waits while another migrates', async () => {
  const { url } = await makeEmptyDatabase();
  const other = await connect(url);
  await other.query(lock);
  let isDone = false;
  const waiting = migrate({ url, log: silentLog, machines }).then(() => {
    isDone = true;
  });
  const waits = async () =>
    (await rows(other, "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length;
  await until('it waits', waits);
  expect(isDone).toBe(false);
  await other.query('SELECT pg_advisory_unlock_all()');
  await waiting;
});

test('a database that becomes unreachable fails the migration, not the process', async () => {
  const { url } = await makeEmptyDatabase();
  const proxy = await openTestProxy(url);
  closers.push(proxy.close);
  const other = await connect(url);
  await other.query(lock);
  const waiting = migrate({ url: proxy.url, log: silentLog, machines });
  await until('it is connected', () => proxy.open === 1);
  const failing = expect(waiting).rejects.toThrow(/terminated|ECONNRESET/);
  proxy.cut();
  await failing;
});

import { readdir } from 'node:fs/promises';
import { makeEmptyDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { migrate } from './migrate.ts';
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
/** Runs the migration; answers what it laid. */
const laidBy = async (url: string): Promise<string[]> => {
  const laid: string[] = [];
  const debug = (fields: unknown, text?: string): void => {
    if (text === 'function laid') laid.push((fields as { name: string }).name);
  };
  await migrate({ url, log: { ...silentLog, debug } as never });
  return laid;
};
const migrations = (client: pg.Client) =>
  rows<{ name: string }>(client, 'SELECT name FROM platform.migrations ORDER BY id');
const lock = 'SELECT pg_advisory_lock(7155021947)';
const sent = 'payments/sent.sql';
const forget = (client: pg.Client) =>
  client.query('UPDATE platform.routines SET digest = $1 WHERE name = $2', ['', sent]);

describe('an empty database', () => {
  test('is brought up by two programs at once: each migration is done once', async () => {
    const { url } = await makeEmptyDatabase();
    const laid = await Promise.all([laidBy(url), laidBy(url)]);
    const client = await connect(url);
    const files = await readdir(new URL('../../../migrations/', import.meta.url));
    const done = (await migrations(client)).map(({ name }) => name);
    expect(done).toEqual(files.map((file) => file.replace('.sql', '')).toSorted());
    // The first of them laid every function, the second none.
    expect(laid.map((names) => names.length).toSorted((a, b) => a - b)[0]).toBe(0);
    expect(new Set(laid.flat()).size).toBe(laid.flat().length);
    await client.query("SELECT graphile_worker.add_job('nothing')");
    expect(await rows(client, "SELECT platform.append_events('[]') IS NULL AS ok")).toHaveLength(1);
  });
});

describe('a database that is up to date', () => {
  test('is left as it is', async () => {
    const { url } = await makeEmptyDatabase();
    expect((await laidBy(url)).length).toBeGreaterThan(5);
    const client = await connect(url);
    const state = async () => [
      await migrations(client),
      await rows(client, 'SELECT name, digest, laid_at FROM platform.routines ORDER BY name'),
      await rows(client, 'SELECT count(*) FROM pg_class'),
    ];
    const before = await state();
    expect(await laidBy(url)).toEqual([]);
    expect(await state()).toEqual(before);
  });

  test('gets a function anew whose text has changed, and no other', async () => {
    const { url } = await makeEmptyDatabase();
    await laidBy(url);
    const client = await connect(url);
    await forget(client);
    expect(await laidBy(url)).toEqual([sent]);
  });

  test('keeps no function of an earlier text beside the new one', async () => {
    const { url } = await makeEmptyDatabase();
    await laidBy(url);
    const client = await connect(url);
    const signatures = () =>
      rows<{ s: string }>(
        client,
        "SELECT oid::regprocedure::text AS s FROM pg_proc WHERE proname = 'mark_sent' ORDER BY 1",
      );
    const before = await signatures();
    // As if the earlier text had had another parameter, and another result.
    await client.query(`CREATE FUNCTION payments.mark_sent(attempt text) RETURNS integer
      LANGUAGE sql AS 'SELECT 1';
      COMMENT ON FUNCTION payments.mark_sent(text) IS 'laid from ${sent}';
      DROP FUNCTION payments.mark_sent(text[]);
      CREATE FUNCTION payments.mark_sent(attempt_ids text[]) RETURNS text
      LANGUAGE sql AS 'SELECT ''no''';
      COMMENT ON FUNCTION payments.mark_sent(text[]) IS 'laid from ${sent}'`);
    await forget(client);
    await laidBy(url);
    expect(await signatures()).toEqual(before);
    expect(await rows(client, "SELECT payments.mark_sent('{}') AS sent")).toEqual([{ sent: [] }]);
  });
});

test('a function that cannot be laid is named with its file, and leaves nothing', async () => {
  const { url } = await makeEmptyDatabase();
  await laidBy(url);
  const client = await connect(url);
  await client.query(`DROP FUNCTION payments.mark_sent;
    CREATE FUNCTION payments.mark_sent(attempt_ids text[]) RETURNS text
    LANGUAGE sql AS 'SELECT ''no'''`);
  await forget(client);
  await expect(migrate({ url, log: silentLog })).rejects.toThrow(
    /^the function payments\/sent\.sql cannot be laid: .*cannot change return type/,
  );
  await client.query('DROP FUNCTION payments.mark_sent');
  expect(await laidBy(url)).toEqual([sent]);
});

test('a program waits while another migrates', async () => {
  const { url } = await makeEmptyDatabase();
  const other = await connect(url);
  await other.query(lock);
  let isDone = false;
  const waiting = migrate({ url, log: silentLog }).then(() => {
    isDone = true;
  });
  const waits = async () =>
    (await rows(other, "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length;
  await until('it waits', waits);
  expect(isDone).toBe(false);
  await other.query('SELECT pg_advisory_unlock_all()');
  await waiting;
});

test('a database that goes away fails the migration and does not end the process', async () => {
  const { url } = await makeEmptyDatabase();
  const proxy = await openTestProxy(url);
  closers.push(proxy.close);
  const other = await connect(url);
  await other.query(lock);
  const waiting = migrate({ url: proxy.url, log: silentLog });
  await until('it is connected', () => proxy.open === 1);
  const failing = expect(waiting).rejects.toThrow(/terminated|ECONNRESET/);
  proxy.cut();
  await failing;
});

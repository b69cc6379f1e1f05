import { expect, test } from 'vitest';
import { silentLog } from '../../server/src/platform/log.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { debianPostgres } from '../support/debian-postgres.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { describeNeeding } from '../support/stack.ts';
import { openPurchases } from './purchases.ts';

/**
 * Rows that were ever read from this database's tables. Only those that the reader's snapshot sees:
 * index entries also lead to rows that are no more, and PostgreSQL keeps these as long as any
 * snapshot in the database is older, such as that of autovacuum in the catalogue.
 */
const readSoFar = async (db: Database): Promise<number> => {
  await db.query('SELECT pg_stat_force_next_flush()');
  const [row] = await db.query<{ reads: number }>(
    `SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::bigint AS reads
     FROM pg_stat_user_tables WHERE schemaname IN ('seats', 'orders', 'payments')`,
  );
  return row?.reads ?? 0;
};

/** Stops autovacuum, so the first plans stay, as in the first seconds of a rush. */
const leaveAlone = async (db: Database): Promise<void> => {
  const tables = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname IN ('seats', 'orders', 'payments')`,
  );
  expect(tables).not.toEqual([]);
  for (const { name } of tables)
    await db.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`);
};

/** Rows read by each of twelve batches of 40 purchases, planned with `rowsAtFirst` rows. */
const readsOfBatches = async (url: string, rowsAtFirst: number): Promise<number[]> => {
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  await leaveAlone(db);
  const buy = await openPurchases(db);
  const buyTogether = (count: number): Promise<void> => buy(Array.from({ length: count }, () => 1));
  if (rowsAtFirst > 0) await buyTogether(rowsAtFirst);
  await db.query('ANALYZE');
  const reads: number[] = [];
  for (let batch = 0; batch < 12; batch++) {
    const before = await readSoFar(db);
    await buyTogether(40);
    reads.push((await readSoFar(db)) - before);
  }
  await db.close();
  return reads;
};
const medianOf = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/** The median of the last four batches to that of the first four. */
const growthOf = (reads: readonly number[]): number =>
  medianOf(reads.slice(-4)) / medianOf(reads.slice(0, 4));

const runOn = async (url: string, sql: string): Promise<void> => {
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  await db.query(sql);
  await db.close();
};

// Plans are kept by a connection: those that were made when a handful of rows was there stay until
// the statistics are taken again, ten seconds into a rush.
for (const rows of [0, 1, 8, 60])
  test(`a purchase reads no more for those before it, planned with ${rows} rows`, async () => {
    const { url } = await makeTestDatabase();
    expect(growthOf(await readsOfBatches(url, rows))).toBeLessThan(1.1);
  });

test('a purchase reads no more while an older snapshot is held', async () => {
  const { url } = await makeTestDatabase();
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await db.query('SELECT pg_current_xact_id()');
  const reads = await readsOfBatches(url, 0);
  await db.query('COMMIT');
  await db.close();
  expect(growthOf(reads)).toBeLessThan(1.1);
});

test('guard off: with an index on half the key, a purchase reads all before it', async () => {
  const { url } = await makeTestDatabase();
  await runOn(url, 'ALTER TABLE seats.claims DROP CONSTRAINT claims_pkey');
  await runOn(url, 'CREATE INDEX claims_stock ON seats.claims (stock_no)');
  expect(growthOf(await readsOfBatches(url, 1))).toBeGreaterThan(1.1);
});

test('guard off: an index with a condition is read whole because of its condition', async () => {
  const { url } = await makeTestDatabase();
  await runOn(url, 'ALTER TABLE seats.holds DROP CONSTRAINT holds_pkey');
  await runOn(url, 'CREATE INDEX holds_id ON seats.holds (state) WHERE id IS NOT NULL');
  expect(growthOf(await readsOfBatches(url, 1))).toBeGreaterThan(1.1);
});

describeNeeding('debian-postgresql', 'on an older PostgreSQL', () => {
  for (const rows of [0, 1, 60])
    test(`a purchase reads no more for those before it, planned with ${rows} rows`, async () => {
      const { url } = await debianPostgres();
      await migrate({ url, log: silentLog, machines: stateMachines });
      expect(growthOf(await readsOfBatches(url, rows))).toBeLessThan(1.1);
    });
});

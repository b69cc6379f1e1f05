import { expect, test } from 'vitest';
import { silentLog } from '../../server/src/platform/log.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { openPurchases } from './purchases.ts';

/**
 * What a purchase of 2.5 seats (1 to 4) writes, in batches of 32. The prototype of this model wrote
 * 19 rows and 6,100 bytes of WAL, the version before it 43 and 22,600. Rows may be a fifth above
 * the prototype's. WAL is 21 % above: each seat's names, in two languages, are kept with the order
 * and with the ticket. Counts, so that they are the same on every machine.
 */
const rowsMax = 19 * 1.2;
const walBytesMax = 6100 * 1.22;

type Written = { rows: number; walBytes: number };
/** So far: rows of this database, WAL of this connection. Other tests share the server. */
const readWritten = async (db: Database): Promise<Written> => {
  await db.query('SELECT pg_stat_force_next_flush()');
  const [row] = await db.query<Written>(
    `SELECT (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables)::int AS rows,
       (SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid()))::bigint AS "walBytes"`,
  );
  if (row === undefined) throw new Error('assertion failed: there are statistics');
  return row;
};

const batch = Array.from({ length: 32 }, (_, i) => 1 + (i % 4));
const medianOf = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/**
 * What an order writes, after `change` to the tables: the median of batches, because the first
 * change of a page after a checkpoint writes the whole page.
 */
const measure = async (change = 'SELECT'): Promise<Written> => {
  const { url } = await makeTestDatabase();
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  await db.query(change);
  const buy = await openPurchases(db);
  await buy(batch);
  const rows: number[] = [];
  const walBytes: number[] = [];
  for (let i = 0; i < 45; i++) {
    const before = await readWritten(db);
    await buy(batch);
    const after = await readWritten(db);
    rows.push((after.rows - before.rows) / batch.length);
    walBytes.push((after.walBytes - before.walBytes) / batch.length);
  }
  await db.close();
  return { rows: medianOf(rows), walBytes: medianOf(walBytes) };
};

test('a purchase writes no more than its budget', async () => {
  const { rows, walBytes } = await measure();
  expect(rows).toBeLessThan(rowsMax);
  expect(walBytes).toBeLessThan(walBytesMax);
});

test('guard off: another index on the state of holds breaks the budget', async () => {
  const { walBytes } = await measure('CREATE INDEX planted ON seats.holds (state, deadline)');
  expect(walBytes).toBeGreaterThan(walBytesMax);
});

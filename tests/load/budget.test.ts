import { beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../server/src/platform/log.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { afterThisFile } from '../support/after-file.ts';
import { openPostgresForTests } from '../support/global-postgres.ts';
import { openPurchases } from './purchases.ts';

/**
 * What a purchase of 2.5 seats (1 to 4) writes, in batches of 32. The prototype of this model wrote
 * 19 rows and 6,100 bytes of WAL, the version before it 43 and 22,600; a purchase may be a fifth
 * above the prototype. Counts, so that they are the same on every machine.
 */
const rowsMax = 19 * 1.2;
const walBytesMax = 6100 * 1.2;

let url: string;
let db: Database;

/**
 * On a server of its own. While any transaction in any database of a server is older, PostgreSQL
 * keeps earlier versions of rows; they fill their page, and updates move to another one and write
 * index entries: a purchase then writes a fifth more. On the server of all tests there is such a
 * transaction now and then, of another test or of autovacuum. Here there is none.
 */
beforeAll(async () => {
  const server = await openPostgresForTests({ autovacuum: 'off' });
  afterThisFile(server.stop);
  url = server.url;
  await migrate({ url, log: silentLog, machines: stateMachines });
  db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  afterThisFile(() => db.close());
}, 60_000);

type Written = { rows: number; walBytes: number };
/** So far. */
const readWritten = async (): Promise<Written> => {
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

/** What an order writes: the median of batches, because some of them fill pages or split them. */
const measure = async (): Promise<Written> => {
  const buy = await openPurchases(db);
  await buy(batch);
  const rows: number[] = [];
  const walBytes: number[] = [];
  for (let i = 0; i < 45; i++) {
    const before = await readWritten();
    await buy(batch);
    const after = await readWritten();
    rows.push((after.rows - before.rows) / batch.length);
    walBytes.push((after.walBytes - before.walBytes) / batch.length);
  }
  return { rows: medianOf(rows), walBytes: medianOf(walBytes) };
};

test('a purchase writes no more than its budget', async () => {
  const { rows, walBytes } = await measure();
  expect(rows).toBeLessThanOrEqual(rowsMax);
  expect(walBytes).toBeLessThanOrEqual(walBytesMax);
});

test('guard off: beside an older transaction a purchase breaks the budget', async () => {
  const other = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await other.query('SELECT pg_current_xact_id()');
  const { walBytes } = await measure();
  await other.query('COMMIT');
  await other.close();
  expect(walBytes).toBeGreaterThan(walBytesMax);
});

test('guard off: another index on the state of holds breaks the budget', async () => {
  await db.query('CREATE INDEX planted ON seats.holds (state, deadline, id)');
  const { walBytes } = await measure();
  expect(walBytes).toBeGreaterThan(walBytesMax);
});

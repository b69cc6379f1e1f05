import { expect, test } from 'vitest';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeOrderStore } from '../../server/src/services/orders/store.ts';
import { makePaymentStore } from '../../server/src/services/payments/store.ts';
import { makeSeatStock, makeSeatStore } from '../../server/src/services/seats/store.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { debianPostgres } from '../support/debian-postgres.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { describeNeeding } from '../support/stack.ts';

const ids = makeIds(systemClock);
const dayMs = 86_400_000;
const sale = { showId: ids.make('show'), performanceId: ids.make('performance') };
const times = { ttlMs: 60_000, totalMaxMs: 120_000 };
const answer = { code: null, transaction: 'tx', secret: null, refusal: null };
const approved = { ...answer, outcome: 'APPROVED' as const };

let seatNo = 0;
/** So many purchases of one seat each, every step of them one batch. */
const buyTogether = async (db: Database, count: number): Promise<void> => {
  const asked = Array.from({ length: count }, () => ({
    ...sale,
    holdId: ids.make('hold'),
    orderId: ids.make('order'),
    seatNo: seatNo++,
    attemptId: ids.make('attempt'),
    buyerId: ids.make('account'),
    requestId: 'plans',
  }));
  const holds = asked.map((each) => ({
    ...each,
    windows: [[each.seatNo]],
    grades: [0],
    checks: null,
    paintingVersion: 'painting',
    fingerprint: `seats ${each.seatNo}`,
  }));
  await makeSeatStore(db).take(holds, times);
  const orders = asked.map((each) => {
    const seat = {
      seatNo: each.seatNo,
      section: { ko: 'A', en: 'A' },
      row: '1',
      label: '1',
      mark: null,
      grade: 'VIP',
      gradeName: { ko: 'VIP석', en: 'VIP' },
    };
    const item = { seatNo: each.seatNo, grade: 'VIP', seat };
    return {
      ...each,
      attemptKey: ids.secret(),
      paintingVersion: 'painting',
      items: [{ ...item, priceMinor: 1000, feeMinor: 0 }],
      totalMinor: 1000,
      category: 'MUSICAL',
      ladder: 'operator',
    };
  });
  await makeOrderStore(db).place(orders, { currency: 'KRW', provider: 'toss', ttlMs: 60_000 });
  const payments = makePaymentStore(db);
  await payments.begin(
    asked.map((each) => ({ ...each, amountMinor: 1000, paymentKey: `pay ${each.attemptId}` })),
  );
  const attempts = asked.map(({ attemptId }) => attemptId);
  await payments.markSent(attempts);
  await payments.markAnswered(attempts.map((attemptId) => ({ attemptId, answer: approved })));
  const { settled } = await payments.settle(
    attempts.map((attemptId) => ({ attemptId, ...approved })),
    'test',
  );
  expect(settled).toHaveLength(count);
};

/** Rows and index entries that were ever read from this database's tables. */
const readSoFar = async (db: Database): Promise<number> => {
  await db.query('SELECT pg_stat_force_next_flush()');
  const [row] = await db.query<{ reads: number }>(
    `SELECT ((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
       + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables
          WHERE schemaname IN ('seats', 'orders', 'payments')))::bigint AS reads`,
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
  const now = systemClock.nowMs();
  await makeSeatStock(db).open(db, [
    {
      ...sale,
      seatCount: 20_000,
      paintingVersion: 'painting',
      buyerLimit: 4,
      refusesStranding: false,
      saleOpensAt: new Date(now - dayMs),
      saleClosesAt: new Date(now + dayMs),
    },
  ]);
  if (rowsAtFirst > 0) await buyTogether(db, rowsAtFirst);
  await db.query('ANALYZE');
  const reads: number[] = [];
  for (let batch = 0; batch < 12; batch++) {
    const before = await readSoFar(db);
    await buyTogether(db, 40);
    reads.push((await readSoFar(db)) - before);
  }
  await db.close();
  return reads;
};
const medianOf = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/**
 * The last four batches to the first four. Their medians, as a single batch also reads the entries
 * of rows that are no more, which PostgreSQL keeps for current readers such as ANALYZE.
 */
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

test('guard off: with an index on half the key, a purchase reads all before it', async () => {
  const { url } = await makeTestDatabase();
  await runOn(url, 'DROP INDEX seats.claims_buyer');
  await runOn(url, 'CREATE INDEX claims_buyer ON seats.claims (buyer_id, performance_id, hold_id)');
  await runOn(url, 'DROP INDEX seats.claims_hold');
  expect(growthOf(await readsOfBatches(url, 1))).toBeGreaterThan(1.1);
});

test('guard off: an index with a condition is read whole because of its condition', async () => {
  const { url } = await makeTestDatabase();
  await runOn(url, 'DROP INDEX seats.claims_hold');
  const held = 'ON seats.claims (hold_id) WHERE hold_id IS NOT NULL';
  await runOn(url, `CREATE INDEX claims_hold ${held}`);
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

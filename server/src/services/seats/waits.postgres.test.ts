import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { endHold } from '@usher/tests/support/time.ts';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import type { Sql } from '../../platform/postgres/sql.ts';
import { makeSeatStore, writeTake } from './store.ts';

const { url } = await makeTestDatabase();

/**
 * Does the work in a transaction, which commits as soon as the call, begun after it, waits for it.
 * So the call has a choice: to judge by what it saw before, or by what is true when it may go on.
 */
const callMeanwhile = async <T>(
  b: Booking,
  work: (tx: Sql) => Promise<unknown>,
  call: () => Promise<T>,
): Promise<T> => {
  const [answer] = await b.db.transaction(async (tx) => {
    const [working] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await work(tx);
    const calling = call();
    // Asked from another connection: within a transaction the activity is that of its first look.
    await until('the call waits for the transaction', async () => {
      const waiting = await b.db.query(
        'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
        [working?.pid],
      );
      return waiting.length > 0;
    });
    return [calling] as const;
  });
  return answer;
};

test('a hold that is released while its extension waits is not extended', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  const release = JSON.stringify([{ holdId, buyerId: 'acc_a', requestId: 'test' }]);
  const answer = await callMeanwhile(
    b,
    (tx) => tx.query('SELECT seats.release($1)', [release]),
    () => makeSeatStore(b.db).extend(holdId, 'acc_a', 60_000),
  );
  expect(answer).toBe('ended');
  await b.close();
});

test('a seat that is taken while its block waits is not blocked, and named', async () => {
  const b = await openBooking({ url });
  const { performanceId } = b;
  const take = writeTake({
    holdId: b.ids.make('hold'),
    performanceId,
    buyerId: 'acc_a',
    windows: [[0]],
    grades: [0],
    checks: null,
    requestId: 'test',
    paintingVersion: '',
    fingerprint: 'test',
  });
  const block = [0, 1].map((seatNo) => ({ seatNo, gradeIndex: 0 }));
  const answer = await callMeanwhile(
    b,
    (tx) => tx.query("SELECT seats.take($1, '1 min', '2 min')", [JSON.stringify([take])]),
    () => b.stock.block(b.db, { performanceId, block, unblock: [] }),
  );
  expect(answer).toEqual({ outcome: 'taken', seatNos: [0] });
  await b.close();
});

test('a hold whose payment begins while a sweep waits for it does not lapse', async () => {
  const b = await openBooking({ url });
  const { holdId } = await b.order(b.ids.make('account'), [0]);
  await endHold(b.db, holdId);
  const beginSql = `UPDATE seats.holds SET state = 'PAYING', fence = fence + 1 WHERE id = $1`;
  const swept = await callMeanwhile(
    b,
    // As a payment that began just before the deadline.
    (tx) => tx.query(beginSql, [holdId]),
    () => makeSeatStore(b.db).lapse(10),
  );
  expect(swept).toMatchObject({ lapsed: 0, deltas: [] });
  await b.close();
});

test('a sweep leaves lapsed holds to another process that sweeps, and does not wait', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await endHold(b.db, holdId);
  const store = makeSeatStore(b.db);
  await b.db.transaction(async (tx) => {
    await tx.query('SELECT FROM seats.sweeper FOR UPDATE');
    expect(await store.lapse(10)).toMatchObject({ lapsed: 0 });
  });
  expect(await store.lapse(10)).toMatchObject({ lapsed: 1 });
  await b.close();
});

test('no call waits for a performance that it does not change', async () => {
  const b = await openBooking({ url });
  const other = await openBooking({ url });
  await other.takeSeats('acc_a', [0]);
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  const { performanceId } = b;
  await b.db.transaction(async (tx) => {
    await tx.query('SELECT FROM seats.stock WHERE performance_id = $1 FOR UPDATE', [
      other.performanceId,
    ]);
    await b.db.query('SELECT seats.lock_performances($1)', [[performanceId]]);
    expect((await b.takeSeats('acc_b', [1])).outcome).toBe('held');
    const release = { holdId, performanceId, buyerId: 'acc_a', requestId: 'test' };
    expect((await makeSeatStore(b.db).release([release])).results).toEqual(['released']);
  });
  await other.close();
  await b.close();
});

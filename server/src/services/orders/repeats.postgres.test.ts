import { makeAttemptId } from '@usher/domain/ids.ts';
import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { makeSqlGate } from '@usher/tests/support/sql-gate.ts';
import { describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { callFunction } from '../../platform/postgres/batch.ts';
import type { PlaceAnswer } from './store.ts';

/** Two processes that serve one sale, and a buyer with two holds. */
const openBoth = async (url: string) => {
  const here = await openBooking({ url });
  const { showId, performanceId } = here;
  const there = await openBooking({ url, sale: { showId, performanceId } });
  const holdIds = [here.ids.make('hold'), here.ids.make('hold')] as const;
  await here.takeSeats('acc_a', [0], holdIds[0]);
  await here.takeSeats('acc_a', [2], holdIds[1]);
  return { here, there, holdIds };
};

/** How each call ended: its outcome, or the error that its caller would get. */
const endsOf = async (calls: readonly Promise<{ outcome: string } | string>[]) => {
  const ends = await Promise.allSettled(calls);
  return ends
    .map((end) => {
      if (end.status === 'rejected') return String(end.reason);
      return typeof end.value === 'string' ? end.value : end.value.outcome;
    })
    .sort();
};

describe('one order id for two holds, in two processes at once', () => {
  const place = async (url: string, meet: () => Promise<void>) => {
    const { here, there, holdIds } = await openBoth(url);
    const ids = { orderId: here.ids.make('order') };
    const ask = (program: Booking, holdId: string) =>
      program.orders.place({ ...ids, holdId, buyerId: 'acc_a', requestId: 'test' });
    const calls = [ask(here, holdIds[0]), ask(there, holdIds[1])];
    await meet();
    return { here, ends: await endsOf(calls) };
  };

  test('places one order and refuses the other request', async () => {
    const { url } = await makeTestDatabase();
    const { here, ends } = await place(url, async () => undefined);
    expect(ends).toEqual(['placed', 'reused']);
    expect((await checkInvariants(here.db)).violations).toEqual([]);
  });

  test('(guard off: without a second look one batch fails with all its callers)', async () => {
    const { url } = await makeTestDatabase();
    const gate = await makeSqlGate(url);
    const writing = 'INSERT INTO orders.orders (id';
    await plantBug(url, 'orders/sql/place.sql', [
      { from: 'ON CONFLICT (id) DO NOTHING;', to: ';' },
      { from: writing, to: `${gate.passSql} ${writing}` },
    ]);
    const { ends } = await place(url, () => gate.openWhenWaiting(2));
    expect(ends).toEqual([expect.stringContaining('orders_pkey'), 'placed'].sort());
  });

  test('(guard on: with both at the same point the later one is decided again)', async () => {
    const { url } = await makeTestDatabase();
    const gate = await makeSqlGate(url);
    const writing = 'INSERT INTO orders.orders (id';
    await plantBug(url, 'orders/sql/place.sql', [
      { from: writing, to: `${gate.passSql} ${writing}` },
    ]);
    const { ends } = await place(url, () => gate.openWhenWaiting(2));
    expect(ends).toEqual(['placed', 'reused']);
  });
});

test('two attempts opened at once get two numbers, of which the later is payable', async () => {
  const { url } = await makeTestDatabase();
  const { here, there } = await openBoth(url);
  const { orderId, total } = await here.order('acc_b', [4]);
  const opened = await Promise.all(
    [here, there].map((program) => program.payments.openAttempt(orderId, 'acc_b')),
  );
  expect(opened.map((each) => ('attemptNo' in each ? each.attemptNo : null)).sort()).toEqual([
    2, 3,
  ]);
  expect((await here.pay('acc_b', makeAttemptId(orderId, 2), total)).outcome).toBe('not-payable');
  expect((await here.pay('acc_b', makeAttemptId(orderId, 3), total)).outcome).toBe('paid');
});

describe('within one batch', () => {
  test('a hold is ordered once, by one id; a repeat finds it, another id does not', async () => {
    const { url } = await makeTestDatabase();
    const { here, holdIds } = await openBoth(url);
    const make = () => ({ orderId: here.ids.make('order') });
    const [mine, other, third] = [make(), make(), make()];
    const ask = (ids: typeof mine, holdId: string) =>
      here.orders.place({ ...ids, holdId, buyerId: 'acc_a', requestId: 'test' });
    const results = await Promise.all([
      ask(mine, holdIds[0]),
      ask(mine, holdIds[1]),
      ask(other, holdIds[0]),
      ask(mine, holdIds[0]),
      ask(third, holdIds[1]),
    ]);
    expect(results).toMatchObject([
      { outcome: 'placed', isRepeat: false, order: { id: mine.orderId } },
      { outcome: 'reused' },
      { outcome: 'has-order' },
      { outcome: 'placed', isRepeat: true, order: { id: mine.orderId, holdId: holdIds[0] } },
      { outcome: 'placed', isRepeat: false, order: { id: third.orderId } },
    ]);
    expect((await checkInvariants(here.db)).violations).toEqual([]);
  });

  test('an id for two holds is refused at once, and nobody else is decided again', async () => {
    const { url } = await makeTestDatabase();
    const { here, holdIds } = await openBoth(url);
    const { showId, performanceId } = here;
    const orderId = here.ids.make('order');
    const calls = holdIds.map((holdId, i) => ({
      orderId,
      holdId,
      buyerId: 'acc_a',
      showId,
      performanceId,
      seatNos: [2 * i],
      paintingVersion: '',
      totalMinor: 150_000,
      currency: 'KRW',
      category: 'MUSICAL',
      ladder: 'operator',
      items: [],
      requestId: 'test',
    }));
    // The function itself: the program would decide the batch again, in halves.
    const { results } = await callFunction<PlaceAnswer>(here.db, 'orders.place', {
      calls: JSON.stringify(calls),
      ttl: '1 min',
    });
    expect(results.map(({ outcome }) => outcome)).toEqual(['placed', 'reused']);
  });
});

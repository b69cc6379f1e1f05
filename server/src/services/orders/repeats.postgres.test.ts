import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { makeSqlGate } from '@usher/tests/support/sql-gate.ts';
import { describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';

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
    const ids = { orderId: here.ids.make('order'), attemptId: here.ids.make('attempt') };
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

  test('(guard off: without the lock of the id one batch fails with all its callers)', async () => {
    const { url } = await makeTestDatabase();
    const gate = await makeSqlGate(url);
    const decided = 'IF placed IS NOT NULL THEN';
    await plantBug(url, 'orders/sql/place.sql', [
      { from: 'PERFORM pg_advisory_xact_lock(k.key) FROM', to: 'PERFORM FROM' },
      { from: decided, to: `${gate.passSql} ${decided}` },
    ]);
    const { ends } = await place(url, () => gate.openWhenWaiting(2));
    expect(ends).toEqual([expect.stringContaining('orders_pkey'), 'placed'].sort());
  });
});

describe('one attempt id for an order that is opened twice at once', () => {
  const openTwice = async (url: string, meet: () => Promise<void>) => {
    const { here, there } = await openBoth(url);
    const { orderId } = await here.order('acc_b', [4]);
    const attemptId = here.ids.make('attempt');
    const ask = (program: Booking) =>
      program.payments.openAttempt({
        orderId,
        attemptId,
        buyerId: 'acc_b',
        key: program.ids.secret(),
        provider: 'toss',
        requestId: 'test',
      });
    const calls = [ask(here), ask(there)];
    await meet();
    const ends = await endsOf(calls);
    const { state } = (await here.payments.attempt(attemptId, 'acc_b')) ?? { state: 'none' };
    return { ends, state };
  };

  test('opens one attempt, which both callers get', async () => {
    const { url } = await makeTestDatabase();
    expect(await openTwice(url, async () => undefined)).toEqual({
      ends: ['opened', 'repeated'],
      state: 'CREATED',
    });
  });

  test('(guard off: without the lock of the id the later caller gets an error)', async () => {
    const { url } = await makeTestDatabase();
    const gate = await makeSqlGate(url);
    const lock = 'PERFORM seats.lock_holds(ARRAY[first.hold_id]);';
    await plantBug(url, 'payments/sql/open-attempt.sql', [
      { from: 'PERFORM pg_advisory_xact_lock(hashtextextended(attempt, 0));', to: '' },
      { from: lock, to: `${gate.passSql} ${lock}` },
    ]);
    const { ends } = await openTwice(url, () => gate.openWhenWaiting(2));
    expect(ends).toEqual([expect.stringContaining('attempts'), 'opened'].sort());
  });

  test('for another order of the buyer is refused', async () => {
    const { url } = await makeTestDatabase();
    const b = await openBooking({ url });
    const [first, second] = [await b.order('acc_b', [4]), await b.order('acc_b', [6])];
    const attemptId = b.ids.make('attempt');
    const ask = ({ orderId }: { orderId: string }) =>
      b.payments.openAttempt({
        orderId,
        attemptId,
        buyerId: 'acc_b',
        key: 'key',
        provider: 'toss',
        requestId: 'test',
      });
    expect([await ask(first), await ask(second), await ask(first)]).toEqual([
      'opened',
      'reused',
      'repeated',
    ]);
  });
});

describe('within one batch', () => {
  test('a hold is ordered once, by one id; a repeat finds it, another id does not', async () => {
    const { url } = await makeTestDatabase();
    const { here, holdIds } = await openBoth(url);
    const make = () => ({ orderId: here.ids.make('order'), attemptId: here.ids.make('attempt') });
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
});

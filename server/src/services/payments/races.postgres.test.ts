import { makeAttemptId } from '@usher/domain/ids.ts';
import { openBooking } from '@usher/tests/support/booking.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { makeGate } from '@usher/tests/support/provider-call.ts';
import { makeSqlGate } from '@usher/tests/support/sql-gate.ts';
import { endHold } from '@usher/tests/support/time.ts';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { makePaymentStore } from './store.ts';

const { url } = await makeTestDatabase();

test('fifty simultaneous confirmations of one attempt charge once and answer alike', async () => {
  const b = await openBooking({ url });
  const { orderId, attemptId, total, buyerId } = await b.order('acc_click', [0]);
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () => b.pay(buyerId, attemptId, total)),
  );
  for (const outcome of outcomes) expect(outcome).toEqual({ outcome: 'paid', orderId });
  expect(b.bank.calls).toHaveLength(1);
  await b.close();
});

/** A `payments.begin` that checks no state. */
const dropStateChecks = async (databaseUrl: string, extraSql = ''): Promise<void> => {
  await plantBug(
    databaseUrl,
    'payments/sql/begin.sql',
    [
      { from: "WHERE o.state = 'PENDING' AND o.buyer_id", to: 'WHERE o.buyer_id' },
      { from: 'WHERE other.payment_key = ANY', to: 'WHERE false AND other.payment_key = ANY' },
    ],
    extraSql,
  );
  await plantBug(databaseUrl, 'seats/sql/begin-paying.sql', [
    { from: "AND h.state = 'ACTIVE' AND h.deadline > clock_timestamp()", to: '' },
  ]);
};

test('guard off: without states and keys two processes charge one attempt twice', async () => {
  const broken = await makeTestDatabase();
  await dropStateChecks(
    broken.url,
    `ALTER TABLE payments.attempts
       DROP CONSTRAINT attempts_pkey, DROP CONSTRAINT attempts_payment_key`,
  );
  expect(await chargesByTwoProcesses(broken.url)).toBe(2);
});

test('guard on: without the state checks, the keys still let one process charge', async () => {
  const broken = await makeTestDatabase();
  await dropStateChecks(broken.url);
  expect(await chargesByTwoProcesses(broken.url)).toBe(1);
});

test('guard on: two processes that confirm one attempt charge it once', async () => {
  expect(await chargesByTwoProcesses(url)).toBe(1);
});

/** Two programs on one database, each with its own memory, get the same confirmation. */
const chargesByTwoProcesses = async (databaseUrl: string): Promise<number> => {
  const first = await openBooking({ url: databaseUrl });
  const second = await openBooking({ url: databaseUrl, sale: first });
  const { attemptId, total, buyerId } = await first.order('acc_two', [1]);
  const gates = [makeGate(), makeGate()] as const;
  let charges = 0;
  for (const [i, program] of [first, second].entries())
    program.bank.behave(async (request) => {
      charges++;
      await gates[i]?.pass();
      return program.bank.approve(request);
    });
  const one = first.pay(buyerId, attemptId, total);
  await gates[0].reached;
  const two = second.pay(buyerId, attemptId, total);
  // The second process is at the bank too (charged twice), or got an answer: under way, or refused.
  await Promise.race([Promise.allSettled([two]), gates[1].reached]);
  for (const gate of gates) gate.open();
  await Promise.allSettled([one, two]);
  await first.close();
  await second.close();
  return charges;
};

test('a hold that lapses before its payment begins moves no money, frees its seats', async () => {
  const b = await openBooking({ url });
  const { attemptId, total, buyerId, holdId, orderId } = await b.order('acc_late', [2, 3]);
  await endHold(b.db, holdId);
  expect(await b.pay(buyerId, attemptId, total)).toEqual({ outcome: 'ended' });
  expect(b.bank.calls).toHaveLength(0);
  await b.seats.sweep();
  expect((await b.orders.readOwn(orderId, buyerId))?.state).toBe('EXPIRED');
  expect((await b.takeSeats('acc_next', [2, 3])).outcome).toBe('held');
  await b.close();
});

test('a payment begun before the deadline wins: the sweeper cannot free its seats', async () => {
  const gate = makeGate();
  const b = await openBooking({ url });
  b.bank.behave(async (request) => {
    await gate.pass();
    return b.bank.approve(request);
  });
  const { attemptId, total, buyerId, holdId, orderId } = await b.order('acc_just', [4]);
  const paying = b.pay(buyerId, attemptId, total);
  await gate.reached;
  await endHold(b.db, holdId);
  await b.seats.sweep();
  expect((await b.takeSeats('acc_thief', [4])).outcome).toBe('taken');
  gate.open();
  expect(await paying).toEqual({ outcome: 'paid', orderId });
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('a decline keeps the seats held until the deadline, so the buyer can pay again', async () => {
  const b = await openBooking({ url });
  b.bank.behave(async () => ({ kind: 'declined', code: 'REJECT_CARD_COMPANY' }));
  const first = await b.order('acc_card', [5, 6]);
  expect(await b.pay('acc_card', first.attemptId, first.total)).toEqual({
    outcome: 'declined',
    orderId: first.orderId,
    code: 'REJECT_CARD_COMPANY',
  });
  expect(await b.orders.readOwn(first.orderId, 'acc_card')).toMatchObject({
    state: 'FAILED',
    failureCode: 'REJECT_CARD_COMPANY',
  });
  expect((await b.takeSeats('acc_other', [5])).outcome).toBe('taken');
  const again = {
    orderId: b.ids.make('order'),
    holdId: first.holdId,
    buyerId: 'acc_card',
    requestId: 'test',
  };
  expect((await b.orders.place(again)).outcome).toBe('placed');
  b.bank.behave(async (request) => b.bank.approve(request));
  expect((await b.pay('acc_card', makeAttemptId(again.orderId, 1), first.total)).outcome).toBe(
    'paid',
  );
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('a decline after the hold’s deadline frees the seats', async () => {
  const gate = makeGate();
  const b = await openBooking({ url });
  b.bank.behave(async () => {
    await gate.pass();
    return { kind: 'declined', code: 'REJECT_CARD_COMPANY' };
  });
  const { attemptId, total, holdId } = await b.order('acc_slow', [7]);
  const paying = b.pay('acc_slow', attemptId, total);
  await gate.reached;
  await endHold(b.db, holdId);
  gate.open();
  expect((await paying).outcome).toBe('declined');
  expect((await b.takeSeats('acc_next', [7])).outcome).toBe('held');
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('another amount, another buyer or an unknown attempt sends nothing', async () => {
  const b = await openBooking({ url });
  const { attemptId, total, orderId } = await b.order('acc_own', [8]);
  expect((await b.pay('acc_own', attemptId, total - 1)).outcome).toBe('amount-differs');
  expect((await b.pay('acc_foreign', attemptId, total)).outcome).toBe('not-found');
  expect((await b.pay('acc_own', b.ids.make('attempt'), total)).outcome).toBe('not-found');
  expect(b.bank.calls).toHaveLength(0);
  expect((await b.orders.readOwn(orderId, 'acc_own'))?.state).toBe('PENDING');
  await b.close();
});

test('a provider’s payment that paid one order cannot pay another', async () => {
  const b = await openBooking({ url });
  const one = await b.order('acc_one', [0]);
  const two = await b.order('acc_one', [1]);
  expect((await b.pay('acc_one', one.attemptId, one.total, 'shared-key')).outcome).toBe('paid');
  expect((await b.pay('acc_one', two.attemptId, two.total, 'shared-key')).outcome).toBe(
    'not-payable',
  );
  expect(b.bank.calls).toHaveLength(1);
  await b.close();
});

test('a payment key that two orders use at once pays one and fails no other payment', async () => {
  const first = await openBooking({ url, rows: [[30]] });
  const second = await openBooking({ url, rows: [[30]], sale: first });
  const orders = [];
  for (let i = 0; i < 12; i++) orders.push(await first.order(first.ids.make('account'), [i]));
  const outcomes = await Promise.all(
    orders.map(async (order, i) => {
      const program = i % 2 === 0 ? first : second;
      const key = i < 2 ? 'one key' : `key ${i}`;
      return (await program.pay(order.buyerId, order.attemptId, order.total, key)).outcome;
    }),
  );
  expect(outcomes.slice(0, 2).sort()).toEqual(['not-payable', 'paid']);
  expect(outcomes.slice(2)).toEqual(Array(10).fill('paid'));
  await first.close();
  await second.close();
});

test('an unknown outcome frees no seat and fails no order; the late answer decides', async () => {
  const b = await openBooking({ url });
  b.bank.behave(async (request) => {
    b.bank.approve(request);
    return { kind: 'unknown', code: 'UND_ERR_SOCKET' };
  });
  const { attemptId, total, orderId, holdId } = await b.order('acc_unknown', [9]);
  const unknown = { outcome: 'under-way', orderId, isUnknown: true };
  expect(await b.pay('acc_unknown', attemptId, total)).toEqual(unknown);
  // A repeat says so, too, and asks for no other money.
  expect(await b.pay('acc_unknown', attemptId, total)).toEqual(unknown);
  expect((await b.orders.readOwn(orderId, 'acc_unknown'))?.state).toBe('UNKNOWN');
  await endHold(b.db, holdId);
  await b.seats.sweep();
  expect((await b.takeSeats('acc_thief', [9])).outcome).toBe('taken');
  await b.payments.recover(false);
  expect((await b.orders.readOwn(orderId, 'acc_unknown'))?.state).toBe('PAID');
  expect(b.bank.calls).toHaveLength(1);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('if cancelling races confirming, the first wins, and money and seats agree', async () => {
  const b = await openBooking({ url, rows: [[40]] });
  const results = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const buyerId = b.ids.make('account');
      const { orderId, attemptId, total } = await b.order(buyerId, [i]);
      const [paid, cancelled] = await Promise.all([
        b.pay(buyerId, attemptId, total),
        b.orders.cancel(orderId, buyerId, 'test'),
      ]);
      return { orderId, buyerId, paid: paid.outcome, cancelled };
    }),
  );
  for (const { orderId, buyerId, paid, cancelled } of results) {
    const state = (await b.orders.readOwn(orderId, buyerId))?.state;
    if (cancelled === 'cancelled') expect([state, paid]).toEqual(['CANCELLED', 'ended']);
    else expect([state, paid]).toEqual(['PAID', 'paid']);
  }
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

const approval = {
  outcome: 'APPROVED' as const,
  code: null,
  transaction: 't',
  secret: null,
  refusal: null,
};
const decline = { ...approval, outcome: 'DECLINED' as const, code: 'X', transaction: null };

test.each([
  ['approved', approval],
  ['declined', decline],
])('a stale attempt, whose fence is older than the hold’s, is not %s', async (_, answer) => {
  const b = await openBooking({ url });
  b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
  const { attemptId, total, orderId } = await b.order('acc_stale', [0]);
  await b.pay('acc_stale', attemptId, total);
  await b.db.query('UPDATE seats.holds SET fence = fence + 1 WHERE order_id = $1', [orderId]);
  const { results } = await makePaymentStore(b.db).settle([
    { attemptId, performanceId: b.performanceId, answer },
  ]);
  expect(results).toEqual([false]);
  const [left] = await b.db.query(
    `SELECT h.state AS hold, o.state AS order, a.state AS attempt,
       (SELECT count(*)::int FROM tickets.tickets t WHERE t.order_id = o.id) AS tickets
     FROM orders.orders o JOIN seats.holds h ON h.order_id = o.id
     JOIN payments.attempts a ON a.order_id = o.id WHERE o.id = $1`,
    [orderId],
  );
  expect(left).toEqual({ hold: 'PAYING', order: 'UNKNOWN', attempt: 'SENT', tickets: 0 });
  await b.close();
});

test('an attempt that a later one superseded cannot be paid; the later one can', async () => {
  const b = await openBooking({ url });
  const { attemptId, total, buyerId, orderId } = await b.order('acc_window', [9]);
  expect(await b.payments.openAttempt(orderId, buyerId)).toEqual({
    outcome: 'opened',
    attemptNo: 2,
  });
  expect((await b.pay(buyerId, attemptId, total)).outcome).toBe('not-payable');
  expect((await b.pay(buyerId, makeAttemptId(orderId, 3), total)).outcome).toBe('not-found');
  expect(b.bank.calls).toHaveLength(0);
  expect((await b.pay(buyerId, makeAttemptId(orderId, 2), total)).outcome).toBe('paid');
  await b.close();
});

test('guard off: without the check under the lock, a superseded attempt begins', async () => {
  const broken = await makeTestDatabase();
  await plantBug(broken.url, 'payments/sql/begin.sql', [
    { from: `WHERE o.state = 'PAYING' AND o.attempt_no = a."attemptNo"`, to: '' },
  ]);
  expect(await paySupersededMeanwhile(broken.url)).toBe('paid');
});
test('guard on: an attempt that is superseded while it begins does not begin', async () => {
  expect(await paySupersededMeanwhile(url)).toBe('not-payable');
});

/** A payment that has read its order, and waits for the hold while a later attempt is opened. */
const paySupersededMeanwhile = async (databaseUrl: string): Promise<string> => {
  const b = await openBooking({ url: databaseUrl });
  const { attemptId, total, buyerId, orderId, holdId } = await b.order('acc_meanwhile', [1]);
  const paying = await b.db.transaction(async (tx) => {
    await tx.query('SELECT FROM seats.holds WHERE id = $1 FOR UPDATE', [holdId]);
    const begun = b.pay(buyerId, attemptId, total);
    await until('the payment waits for the hold', async () => {
      const waiting = await b.db.query(
        `SELECT FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return waiting.length > 0;
    });
    await tx.query('UPDATE orders.orders SET attempt_no = 2 WHERE id = $1', [orderId]);
    return { begun };
  });
  const { outcome } = await paying.begun;
  await b.close();
  return outcome;
};

/** Calls the second while the first waits within its function; then the first goes on. */
const meetWithin = async <First>(
  databaseUrl: string,
  { file, before }: { file: string; before: string },
  first: () => Promise<First>,
  second: () => Promise<unknown>,
): Promise<First> => {
  const gate = await makeSqlGate(databaseUrl);
  await plantBug(databaseUrl, file, [{ from: before, to: `${gate.passSql} ${before}` }]);
  const waiting = first();
  await gate.untilWaiting(1);
  await second();
  await gate.openWhenWaiting(1);
  return waiting;
};

test('an order is placed although the hold’s earlier order fails at that moment', async () => {
  const { url: own } = await makeTestDatabase();
  const b = await openBooking({ url: own });
  const bank = makeGate();
  b.bank.behave(async () => {
    await bank.pass();
    return { kind: 'declined', code: 'REJECT_CARD_COMPANY' };
  });
  const { attemptId, total, buyerId, holdId } = await b.order('acc_moment', [0]);
  const paying = b.pay(buyerId, attemptId, total);
  await bank.reached;
  const orderId = b.ids.make('order');
  const placed = await meetWithin(
    own,
    { file: 'orders/sql/place.sql', before: 'SELECT json_agg(j.result' },
    () => b.orders.place({ orderId, holdId, buyerId, requestId: 'test' }),
    async () => {
      // The cycle of this program is busy with the order: the answer comes by another statement.
      const store = makePaymentStore(b.db);
      const answer = {
        outcome: 'DECLINED' as const,
        code: 'REJECT_CARD_COMPANY',
        transaction: null,
        secret: null,
        refusal: 'declined' as const,
      };
      await store.settle([{ attemptId, performanceId: b.performanceId, answer }]);
    },
  );
  expect(placed.outcome).toBe('placed');
  bank.open();
  await paying;
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('the moves of an order follow in time, also if its outcome is unknown meanwhile', async () => {
  const { url: own } = await makeTestDatabase();
  const b = await openBooking({ url: own });
  const bank = makeGate();
  b.bank.behave(async (request) => {
    await bank.pass();
    return b.bank.approve(request);
  });
  const { attemptId, total, buyerId, orderId } = await b.order('acc_order', [0]);
  const paying = b.pay(buyerId, attemptId, total);
  await bank.reached;
  const store = makePaymentStore(b.db);
  await meetWithin(
    own,
    { file: 'payments/sql/settle.sql', before: 'sold := seats.sell(' },
    () => {
      bank.open();
      return paying;
    },
    () => store.markUnknown([{ attemptId, code: 'NO_ANSWER' }]),
  );
  expect((await b.orders.readOwn(orderId, buyerId))?.state).toBe('PAID');
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

import { makeAttemptId } from '@usher/domain/ids.ts';
import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { withClient } from '@usher/tests/support/databases.ts';
import { makeOldSale, runMigrations } from '@usher/tests/support/old-database.ts';
import { afterEach, assert, beforeEach, describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { silentLog } from '../../platform/log.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { type Database, openDatabase } from '../../platform/postgres/sql.ts';
import { stateMachines } from '../../state-machines.ts';

type Row = Readonly<Record<string, unknown>>;

/** What the sale of before lacks: states that a crash or a second attempt leaves behind. */
const completeOldSale = [
  // A crash came before the provider was called.
  `UPDATE payments.attempts SET state = 'SEATS_LOCKED', sent_at = NULL
   WHERE buyer_id = 'acc_paying'`,
  // An earlier crash of that kind, whose payment was undone.
  `INSERT INTO payments.attempts
   SELECT (jsonb_populate_record(a, '{"id": "att_not_sent", "payment_key": "pay-not-sent",
     "outcome": "NOT_SENT", "answer": null, "provider_code": null, "sent_at": null,
     "answered_at": null}')).*
   FROM payments.attempts a WHERE buyer_id = 'acc_declined'`,
  // The payment window was opened twice.
  `INSERT INTO payments.attempts
   SELECT (jsonb_populate_record(a, jsonb_build_object('id', 'att_superseded', 'state', 'SETTLED',
     'outcome', 'SUPERSEDED', 'settled_at', now()))).*
   FROM payments.attempts a WHERE buyer_id = 'acc_pending'`,
  `INSERT INTO seats.claims (show_id, performance_id, seat_no, grade, state, fence)
   SELECT show_id, performance_id, 20, 2, 'blocked', 17 FROM seats.stock`,
  'UPDATE seats.stock SET taken = taken + 1',
];

const readOld = async (db: Database) => ({
  holds: await db.query<Row>('SELECT * FROM seats.holds ORDER BY id'),
  claims: await db.query<Row>(
    `SELECT show_id, performance_id, seat_no, grade, state, hold_id FROM seats.claims
     ORDER BY seat_no`,
  ),
  orders: await db.query<Row>(
    `SELECT o.*, coalesce(b.captured_minor, 0) AS captured_minor,
       coalesce(b.refunded_minor, 0) AS refunded_minor
     FROM orders.orders o LEFT JOIN payments.balances b ON b.order_id = o.id ORDER BY o.id`,
  ),
  items: await db.query<Row>(
    `SELECT order_id, seat_no, grade, seat, price_minor, fee_minor FROM orders.items
     ORDER BY order_id, seat_no`,
  ),
  attempts: await db.query<{ id: string; state: string; outcome: string | null } & Row>(
    `SELECT id, order_id, hold_id, fence, buyer_id, provider, payment_key, idempotency_key,
       amount_minor, currency, state, outcome, answer, provider_code, request_id,
       created_at AS opened_at, coalesce(sent_at, locked_at, created_at) AS sent_at, unknown_since,
       answered_at, settled_at
     FROM payments.attempts ORDER BY id`,
  ),
  ledger: await db.query<Row>(
    `SELECT order_id, attempt_id, kind, amount_minor, currency, provider, provider_transaction, at
     FROM payments.ledger ORDER BY order_id`,
  ),
  tickets: await db.query<Row>('SELECT * FROM tickets.tickets ORDER BY id'),
});

let url: string;
let db: Database;
/** As it was before the migration. */
let old: Awaited<ReturnType<typeof readOld>>;

beforeEach(async () => {
  ({ url } = await makeOldSale());
  await runMigrations(url, 2);
  await withClient(url, async (client) => {
    for (const statement of completeOldSale) await client.query(statement);
  });
  db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
  old = await readOld(db);
});
afterEach(() => db.close());

/** Runs the migration, after changes that the sale of before had made, too. */
const migrateOldSale = async (...changes: readonly string[]): Promise<void> => {
  for (const statement of changes) await db.query(statement);
  await migrate({ url, log: silentLog, machines: stateMachines });
};

describe('the old sale', () => {
  test('has what the migration has to move: nothing here is tested on an empty table', () => {
    const listStates = (rows: readonly Row[]) => [
      ...new Set(rows.map(({ state, outcome }) => `${state} ${outcome ?? ''}`.trim())),
    ];
    expect(listStates(old.holds).toSorted()).toEqual([
      'ACTIVE',
      'LAPSED',
      'PAYING',
      'RELEASED',
      'SOLD',
    ]);
    expect(listStates(old.claims).toSorted()).toEqual(['blocked', 'held', 'paying', 'sold']);
    expect(listStates(old.orders).toSorted()).toEqual([
      'CANCELLED',
      'EXPIRED',
      'FAILED',
      'PAID',
      'PAYING',
      'PENDING',
      'UNKNOWN',
    ]);
    expect(listStates(old.attempts).toSorted()).toEqual([
      'CREATED',
      'SEATS_LOCKED',
      'SENT',
      'SETTLED APPROVED',
      'SETTLED DECLINED',
      'SETTLED NOT_SENT',
      'SETTLED SUPERSEDED',
    ]);
    expect(old.ledger).toHaveLength(3);
    expect(old.tickets).toHaveLength(6);
  });
});

test('no function of an earlier version stops the migration, or outlives it', async () => {
  await migrateOldSale(
    `CREATE FUNCTION seats.hold_by_id(hold text) RETURNS SETOF seats.holds
     LANGUAGE sql RETURN (SELECT h FROM seats.holds h WHERE h.id = hold)`,
    `CREATE FUNCTION orders.count_orders(orders orders.orders[]) RETURNS integer
     LANGUAGE sql RETURN cardinality(orders)`,
    `CREATE FUNCTION payments.old() RETURNS integer LANGUAGE sql RETURN 1`,
    `COMMENT ON FUNCTION payments.old IS 'laid from payments/old.sql'`,
    `INSERT INTO platform.routines (name, digest) VALUES ('payments/old.sql', 'of its text')`,
  );
  const left = await db.query(
    `SELECT proname FROM pg_proc WHERE proname IN ('hold_by_id', 'count_orders', 'old')`,
  );
  expect(left).toEqual([]);
});

describe('the migration to lean booking tables', () => {
  beforeEach(() => migrateOldSale());

  test('keeps every hold, which is due at its deadline', async () => {
    const kept = await db.query<Row>(
      `SELECT s.show_id, s.performance_id, h.* FROM seats.holds h
       JOIN seats.stock s ON s.no = h.stock_no ORDER BY h.id`,
    );
    expect(kept).toEqual(
      old.holds.map((hold) => ({ ...hold, stock_no: expect.any(Number), due: hold['deadline'] })),
    );
  });

  test('keeps every seat that is not free, and its state is the one of its hold', async () => {
    const kept = await db.query<Row>(
      `SELECT s.show_id, s.performance_id, c.seat_no, c.grade,
         CASE h.state WHEN 'ACTIVE' THEN 'held' WHEN 'PAYING' THEN 'paying' WHEN 'SOLD' THEN 'sold'
           ELSE 'blocked' END AS state, c.hold_id
       FROM seats.claims c JOIN seats.stock s ON s.no = c.stock_no
       LEFT JOIN seats.holds h ON h.id = c.hold_id ORDER BY c.seat_no`,
    );
    expect(kept).toEqual(old.claims);
  });

  test('keeps every order, with its items, its money and the number of its attempt', async () => {
    const kept = await db.query<Row>('SELECT * FROM orders.orders ORDER BY id');
    const findAttempts = (orderId: unknown) =>
      old.attempts.filter(({ order_id }) => order_id === orderId);
    const findItems = (orderId: unknown) =>
      old.items
        .filter(({ order_id }) => order_id === orderId)
        .map(({ seat_no, grade, seat, price_minor, fee_minor }) => ({
          seatNo: seat_no,
          grade,
          seat,
          priceMinor: price_minor,
          feeMinor: fee_minor,
        }));
    expect(kept).toEqual(
      old.orders.map((order) => {
        const attempts = findAttempts(order['id']);
        return {
          ...order,
          items: findItems(order['id']),
          attempt_no: attempts.length + 1,
          attempt_opened_at: attempts.at(-1)?.['opened_at'],
        };
      }),
    );
  });

  test('keeps every attempt; one that was not begun is superseded', async () => {
    const kept = await db.query<Row>('SELECT * FROM payments.attempts ORDER BY id');
    const becomes: Readonly<Record<string, Row>> = {
      CREATED: { state: 'SETTLED', outcome: 'SUPERSEDED', settled_at: expect.any(Date) },
      SEATS_LOCKED: { state: 'SENT' },
    };
    expect(kept).toEqual(
      old.attempts.map((attempt) => ({
        ...attempt,
        left_since: attempt.state === 'SENT' ? attempt['unknown_since'] : null,
        ...(attempt.outcome === 'NOT_SENT' ? { outcome: 'DECLINED' } : {}),
        ...becomes[attempt.state],
      })),
    );
  });

  test('keeps the ledger and the tickets as they are', async () => {
    const ledger = await db.query<Row>('SELECT * FROM payments.ledger ORDER BY order_id');
    expect(ledger).toEqual(old.ledger.map((entry) => ({ ...entry, no: 0 })));
    expect(await db.query('SELECT * FROM tickets.tickets ORDER BY id')).toEqual(old.tickets);
  });

  test('breaks no guarantee', async () => {
    expect((await checkInvariants(db)).violations).toEqual([]);
  });

  test.each(['DELETE FROM', 'TRUNCATE'])('leaves the ledger append-only: %s', async (change) => {
    await expect(db.query(`${change} payments.ledger`)).rejects.toThrow(
      'payments.ledger is append-only',
    );
  });
});

describe('after the migration', () => {
  /** This version of the program on the old sale; it has changed nothing yet. */
  const open = async (...changes: readonly string[]): Promise<Booking> => {
    await migrateOldSale(...changes);
    const [sale] = await db.query<{ showId: string; performanceId: string }>(
      'SELECT show_id AS "showId", performance_id AS "performanceId" FROM seats.stock',
    );
    assert(sale, 'there is a sale');
    return openBooking({ url, sale, rows: [[10], [10], [10]] });
  };
  const findOrder = (buyerId: string) => {
    const order = old.orders.find(({ buyer_id }) => buyer_id === buyerId);
    assert(order, `${buyerId} has an order`);
    const { id, hold_id, total_minor } = order;
    return { orderId: String(id), holdId: String(hold_id), total: Number(total_minor) };
  };
  const findAttempt = (buyerId: string) => {
    const attempt = old.attempts.find(({ buyer_id }) => buyer_id === buyerId);
    assert(attempt, `${buyerId} has an attempt`);
    return attempt;
  };
  const readState = async (b: Booking, buyerId: string) =>
    (await b.orders.readOwn(findOrder(buyerId).orderId, buyerId))?.state;
  /** How the seats of a buyer's tickets are numbered. */
  const readTickets = async (buyerId: string): Promise<number[]> => {
    const tickets = await db.query<{ seat_no: number }>(
      `SELECT seat_no FROM tickets.tickets WHERE buyer_id = $1 AND state = 'LIVE' ORDER BY seat_no`,
      [buyerId],
    );
    return tickets.map(({ seat_no }) => seat_no);
  };
  const expectSound = async (b: Booking): Promise<void> =>
    expect((await checkInvariants(b.db)).violations).toEqual([]);

  test('an order that waits is paid in a new window, not in the one of before', async () => {
    const b = await open();
    const { orderId, total } = findOrder('acc_pending');
    for (const { id, buyer_id } of old.attempts)
      if (buyer_id === 'acc_pending')
        expect(await b.pay('acc_pending', id, total)).toEqual({
          outcome: 'not-payable',
          state: 'PENDING',
        });
    const opened = await b.payments.openAttempt(orderId, 'acc_pending');
    assert(opened.outcome === 'opened', 'the order waits for its payment');
    const attemptId = makeAttemptId(orderId, opened.attemptNo);
    expect(await b.pay('acc_pending', attemptId, total)).toEqual({ outcome: 'paid', orderId });
    expect(await readTickets('acc_pending')).toEqual([14, 15]);
    await expectSound(b);
  });

  test('a payment of unknown outcome is settled by recovery', async () => {
    const b = await open();
    await b.payments.recover(true);
    expect(await readState(b, 'acc_unknown')).toBe('PAID');
    expect(await readTickets('acc_unknown')).toEqual([10]);
    await expectSound(b);
  });

  test('a payment of unknown outcome that was declined gives its seats back', async () => {
    const b = await open();
    b.bank.behave(async () => ({ kind: 'declined', code: 'REJECT_CARD_PAYMENT' }));
    await b.payments.recover(true);
    expect(await readState(b, 'acc_unknown')).toBe('FAILED');
    // Its hold had expired.
    expect((await b.takeSeats('acc_new', [10])).outcome).toBe('held');
    await expectSound(b);
  });

  test('an answer that had not taken effect takes effect, without another charge', async () => {
    const b = await open(
      `UPDATE payments.attempts SET state = 'ANSWERED', answered_at = now(),
         answer = '{"code": null, "secret": null, "outcome": "APPROVED", "refusal": null,
           "transaction": "tx-answered"}'
       WHERE buyer_id = 'acc_unknown'`,
    );
    await b.payments.recover(true);
    expect(await readState(b, 'acc_unknown')).toBe('PAID');
    expect(b.bank.calls.map(({ attemptId }) => attemptId)).toEqual([findAttempt('acc_paying').id]);
    await expectSound(b);
  });

  test('a payment that stopped before the provider was called is completed once', async () => {
    const b = await open();
    await b.payments.recover(true);
    await b.payments.recover(true);
    expect(await readState(b, 'acc_paying')).toBe('PAID');
    expect(await readTickets('acc_paying')).toEqual([12, 13]);
    const { id, idempotency_key, payment_key } = findAttempt('acc_paying');
    const calls = b.bank.calls.filter(({ attemptId }) => attemptId === id);
    expect(calls).toMatchObject([{ key: idempotency_key, paymentKey: payment_key }]);
    await expectSound(b);
  });

  test('holds whose deadline has passed are swept, with the order that waits', async () => {
    const passed = `clock_timestamp() - interval '1 s'`;
    const b = await open(
      `UPDATE seats.holds SET deadline = ${passed}
       WHERE buyer_id IN ('acc_pending', 'acc_holds')`,
    );
    expect(await b.seats.sweep()).toBe(2);
    expect(await readState(b, 'acc_pending')).toBe('EXPIRED');
    expect((await b.takeSeats('acc_new', [14, 15, 16])).outcome).toBe('held');
    // The seats of payments under way, and of a hold with time left, stay.
    for (const seatNo of [4, 10, 12])
      expect((await b.takeSeats('acc_new', [seatNo])).outcome).toBe('taken');
    await expectSound(b);
  });

  test('holds with time left are swept at their deadline', async () => {
    const b = await open();
    expect(await b.seats.sweep()).toBe(0);
    const { holdId } = findOrder('acc_pending');
    await db.query(
      `UPDATE seats.holds SET deadline = clock_timestamp(), due = clock_timestamp() WHERE id = $1`,
      [holdId],
    );
    expect(await b.seats.sweep()).toBe(1);
    await expectSound(b);
  });

  test('a sold seat stays sold, a blocked one blocked, a repeated payment paid', async () => {
    const b = await open();
    for (const seatNo of [0, 1, 2, 3, 7, 8])
      expect((await b.takeSeats('acc_new', [seatNo])).outcome).toBe('taken');
    expect((await b.takeSeats('acc_new', [20])).outcome).toBe('blocked');
    const { orderId, total } = findOrder('acc_today');
    const { id, payment_key } = findAttempt('acc_today');
    expect(await b.pay('acc_today', id, total, String(payment_key))).toEqual({
      outcome: 'paid',
      orderId,
    });
    expect(await b.pay('acc_today', id, total, 'another payment')).toEqual({ outcome: 'reused' });
    expect(b.bank.calls).toEqual([]);
    await expectSound(b);
  });

  test('the hold of a declined payment is ordered again and paid', async () => {
    const b = await open();
    const { holdId } = findOrder('acc_declined');
    const orderId = b.ids.make('order');
    const placed = await b.orders.place({
      orderId,
      holdId,
      buyerId: 'acc_declined',
      requestId: 'test',
    });
    assert(placed.outcome === 'placed', 'the hold has time left');
    const { attemptId, amount } = placed.checkout;
    expect(await b.pay('acc_declined', attemptId, amount.amount)).toEqual({
      outcome: 'paid',
      orderId,
    });
    expect(await readTickets('acc_declined')).toEqual([4]);
    await expectSound(b);
  });
});

import { openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkInvariants, checks } from './invariants.ts';
import type { Sql } from './platform/postgres/sql.ts';

/** Switches off what refuses the change: the checks must find what a bug could do then. */
const allow = (table: string): string => `ALTER TABLE ${table} DISABLE TRIGGER USER`;
const drop = (table: string, constraint: string): string =>
  `ALTER TABLE ${table} DROP CONSTRAINT ${constraint}`;
/** Inserts a copy of rows that differs from them in these columns. */
const copy = (table: string, where: string, changes: Readonly<Record<string, unknown>>): string =>
  `INSERT INTO ${table}
   SELECT (jsonb_populate_record(t, '${JSON.stringify(changes)}')).*
   FROM ${table} t WHERE ${where}`;

type Breach = {
  /** Everything that the check then reports, each once. */
  finds: readonly string[];
  sql: readonly string[];
};

/** For each promise, ways to break it that its check must see. */
const planted: Record<string, readonly Breach[]> = {
  I1: [
    {
      finds: ['two live tickets'],
      sql: [
        'DROP INDEX tickets.tickets_live_seat',
        copy('tickets.tickets', 'seat_no = 0', { id: 'tkt_twin' }),
      ],
    },
    { finds: ['sold without a live ticket'], sql: ['DELETE FROM tickets.tickets'] },
    {
      finds: ['sold without a live ticket'],
      sql: [`UPDATE tickets.tickets SET state = 'CANCELLED' WHERE seat_no = 1`],
    },
    {
      finds: ['live ticket for a seat not sold', 'sold without a live ticket'],
      sql: [`UPDATE tickets.tickets SET order_id = 'ord_other' WHERE seat_no = 0`],
    },
    {
      finds: ['live ticket for a seat not sold'],
      sql: [copy('tickets.tickets', 'seat_no = 0', { id: 'tkt_more', seat_no: 2 })],
    },
    {
      finds: ['live ticket for a seat not sold'],
      sql: ['DELETE FROM seats.claims WHERE seat_no = 0'],
    },
    {
      finds: ['live ticket for a seat not sold'],
      sql: [allow('seats.holds'), `UPDATE seats.holds SET state = 'RELEASED' WHERE state = 'SOLD'`],
    },
  ],
  I2: [
    {
      finds: ['captured, order not paid'],
      sql: [
        allow('orders.orders'),
        `UPDATE orders.orders SET state = 'FAILED' WHERE state = 'PAID'`,
      ],
    },
    {
      finds: ['approved attempt without capture'],
      sql: [allow('payments.ledger'), 'DELETE FROM payments.ledger'],
    },
    {
      finds: ['approved attempt without capture'],
      sql: [allow('payments.ledger'), `UPDATE payments.ledger SET attempt_id = 'att_other'`],
    },
    {
      finds: ['paid order without all its tickets'],
      sql: [`UPDATE tickets.tickets SET state = 'CANCELLED' WHERE seat_no = 1`],
    },
  ],
  I3: [
    {
      finds: ['live ticket without captured money'],
      sql: [
        drop('orders.orders', 'orders_captured'),
        'UPDATE orders.orders SET captured_minor = 0',
      ],
    },
    {
      finds: ['live ticket without captured money'],
      sql: ['UPDATE orders.orders SET refunded_minor = captured_minor'],
    },
    {
      finds: ['live ticket without captured money'],
      sql: [`UPDATE tickets.tickets SET order_id = 'ord_nobody'`],
    },
    {
      finds: ['live ticket without captured money'],
      sql: [copy('tickets.tickets', 'seat_no = 0', { id: 'tkt_more', seat_no: 2 })],
    },
  ],
  I4: [
    {
      finds: ['captured another amount'],
      sql: [allow('payments.ledger'), 'UPDATE payments.ledger SET amount_minor = amount_minor - 1'],
    },
    {
      finds: ['captured another amount'],
      sql: [allow('payments.ledger'), `UPDATE payments.ledger SET currency = 'USD'`],
    },
    {
      finds: ['captured another amount'],
      sql: [allow('payments.ledger'), `UPDATE payments.ledger SET order_id = 'ord_nobody'`],
    },
    {
      finds: ['total is not the sum of its items'],
      sql: [
        `UPDATE orders.orders SET items = jsonb_set(items::jsonb, '{0,priceMinor}', '1')
         WHERE state = 'PAID'`,
      ],
    },
    {
      finds: ['total is not the sum of its items'],
      sql: [
        `UPDATE orders.orders SET items = jsonb_set(items::jsonb, '{0,feeMinor}', '1')
         WHERE state = 'PENDING'`,
      ],
    },
    {
      finds: ['total is not the sum of its items'],
      sql: [`UPDATE orders.orders SET items = '[]'`],
    },
    {
      finds: ['attempt for another amount or order'],
      sql: ['UPDATE payments.attempts SET amount_minor = amount_minor + 1'],
    },
    {
      finds: ['attempt for another amount or order'],
      sql: [`UPDATE payments.attempts SET currency = 'USD' WHERE state = 'SENT'`],
    },
    {
      finds: ['attempt for another amount or order'],
      sql: [`UPDATE payments.attempts SET order_id = 'ord_nobody' WHERE state = 'SENT'`],
    },
    {
      finds: [
        'attempt for another amount or order',
        'captured another amount',
        'total is not the sum of its items',
      ],
      sql: [
        drop('orders.orders', 'orders_captured'),
        `UPDATE orders.orders SET total_minor = total_minor - 1 WHERE state = 'PAID'`,
      ],
    },
  ],
  I5: [
    {
      finds: ['sold by an attempt that had lost its fence'],
      sql: [`UPDATE payments.attempts SET fence = fence - 1 WHERE outcome = 'APPROVED'`],
    },
    {
      finds: ['sold by an attempt that had lost its fence'],
      sql: [`UPDATE seats.holds SET fence = fence + 1 WHERE state = 'SOLD'`],
    },
    {
      finds: ['sold by an attempt that had lost its fence'],
      sql: [allow('seats.holds'), `UPDATE seats.holds SET state = 'RELEASED' WHERE state = 'SOLD'`],
    },
    {
      finds: ['attempt under way that has lost its fence'],
      sql: [`UPDATE seats.holds SET fence = fence + 1 WHERE state = 'PAYING'`],
    },
    {
      finds: ['attempt under way that has lost its fence'],
      sql: [`UPDATE seats.holds SET state = 'ACTIVE' WHERE state = 'PAYING'`],
    },
    {
      finds: ['attempt under way that has lost its fence'],
      sql: [`UPDATE payments.attempts SET hold_id = 'hold_nobody' WHERE state = 'SENT'`],
    },
    {
      finds: ['attempt under way that has lost its fence'],
      sql: [
        `UPDATE payments.attempts SET state = 'ANSWERED', fence = fence - 1 WHERE state = 'SENT'`,
      ],
    },
    {
      finds: ['claim of a hold that has other seats'],
      sql: [`UPDATE seats.claims SET hold_id = 'hold_nobody' WHERE seat_no = 2`],
    },
    {
      finds: ['claim of a hold that has other seats'],
      sql: [`UPDATE seats.holds SET seat_nos = '{2}' WHERE seat_nos = '{2,3}'`],
    },
    {
      finds: ['claim of a hold that has other seats'],
      sql: ['UPDATE seats.claims SET stock_no = stock_no + 1 WHERE seat_no = 2'],
    },
  ],
  I8: [
    {
      finds: ['order captured twice'],
      sql: [copy('payments.ledger', 'true', { attempt_id: 'att_twin' })],
    },
    {
      finds: ['order captured twice'],
      sql: [drop('payments.ledger', 'ledger_no'), copy('payments.ledger', 'true', { no: 1 })],
    },
    {
      finds: ['two approved attempts for one order'],
      sql: [
        allow('payments.attempts'),
        copy('payments.attempts', `outcome = 'APPROVED'`, { id: 'att_twin', payment_key: 'twin' }),
      ],
    },
    {
      finds: ['two living orders for one hold'],
      sql: [copy('orders.orders', `state = 'PAID'`, { id: 'ord_twin', state: 'PENDING' })],
    },
  ],
  I9: [
    {
      finds: ['paid order published 0 times'],
      sql: [allow('platform.journal'), `DELETE FROM platform.journal WHERE type = 'order.paid'`],
    },
    {
      finds: ['paid order published 2 times'],
      sql: [
        `INSERT INTO platform.journal (at, show_id, type, order_id, payload)
         SELECT at, show_id, type, order_id, payload FROM platform.journal
         WHERE type = 'order.paid'`,
      ],
    },
    {
      finds: ['paid order published 0 times', 'published as paid, but not paid'],
      sql: [
        allow('platform.journal'),
        `UPDATE platform.journal SET order_id = 'ord_nobody' WHERE type = 'order.paid'`,
      ],
    },
    {
      finds: ['published as paid, but not paid'],
      sql: [
        `INSERT INTO platform.journal (at, show_id, type, order_id, payload)
         SELECT at, show_id, 'order.paid', order_id, payload FROM platform.journal
         WHERE type = 'order.unknown'`,
      ],
    },
    {
      finds: ['paid before it was placed'],
      sql: [
        `INSERT INTO platform.journal (at, show_id, type, order_id, payload)
         SELECT at, show_id, type, order_id, payload FROM platform.journal
         WHERE type = 'order.placed'`,
      ],
    },
    {
      finds: ['published as order.failed when it became UNKNOWN'],
      sql: [
        allow('platform.journal'),
        `UPDATE platform.journal SET type = 'order.failed' WHERE type = 'order.unknown'`,
      ],
    },
  ],
  I11: [
    {
      finds: ['hold past its deadline'],
      sql: [
        `UPDATE seats.holds SET deadline = clock_timestamp() - interval '10 s'
         WHERE state = 'ACTIVE'`,
      ],
    },
    {
      finds: ['hold that the sweeper will not look at'],
      sql: [
        `UPDATE seats.sweeper SET swept_until =
           (SELECT due FROM seats.holds WHERE seat_nos = '{2,3}')`,
      ],
    },
    {
      finds: ['attempt that recovery will not look at'],
      sql: [
        `UPDATE payments.attempts SET unknown_since = NULL, left_since = NULL
         WHERE state = 'SENT'`,
        `UPDATE payments.recovery SET checked_until =
           (SELECT sent_at FROM payments.attempts WHERE state = 'SENT')`,
      ],
    },
    ...['RELEASED', 'LAPSED'].map((state) => ({
      finds: ['claim of an ended hold'],
      sql: [`UPDATE seats.holds SET state = '${state}' WHERE seat_nos = '{2,3}'`],
    })),
    // A seat of a hold that is held, being paid for, or sold.
    ...[2, 4, 0].map((seatNo) => ({
      finds: ['living hold without all its claims'],
      sql: [`UPDATE seats.claims SET hold_id = NULL WHERE seat_no = ${seatNo}`],
    })),
    { finds: ['5 seats counted as taken'], sql: ['UPDATE seats.stock SET taken = taken - 1'] },
    {
      finds: ['6 seats counted as taken'],
      sql: [copy('seats.claims', 'seat_no = 0', { seat_no: 9, hold_id: null })],
    },
    {
      finds: ['seats being paid for by nobody'],
      sql: [
        `UPDATE payments.attempts SET state = 'SETTLED', outcome = 'DECLINED', settled_at = now(),
           left_since = NULL
         WHERE state = 'SENT'`,
      ],
    },
    {
      finds: ['order being paid for without its hold'],
      sql: [`UPDATE seats.holds SET state = 'ACTIVE' WHERE state = 'PAYING'`],
    },
    {
      finds: ['order being paid for without its hold'],
      sql: [`UPDATE seats.holds SET order_id = NULL WHERE state = 'PAYING'`],
    },
    {
      finds: ['order being paid for without its hold'],
      sql: [`UPDATE orders.orders SET state = 'PAYING' WHERE state = 'PENDING'`],
    },
    {
      finds: ['open order of an ended hold'],
      sql: [`UPDATE seats.holds SET order_id = 'ord_other' WHERE seat_nos = '{5}'`],
    },
    {
      finds: ['open order of an ended hold'],
      sql: [
        `UPDATE seats.holds SET state = 'LAPSED' WHERE seat_nos = '{5}'`,
        'DELETE FROM seats.claims WHERE seat_no = 5',
        'UPDATE seats.stock SET taken = taken - 1',
      ],
    },
  ],
  I13: [
    ...['PENDING', 'UNKNOWN'].map((state) => ({
      finds: ['amounts of the order are not the sums of the ledger'],
      sql: [`UPDATE orders.orders SET captured_minor = 1 WHERE state = '${state}'`],
    })),
    {
      finds: ['amounts of the order are not the sums of the ledger'],
      sql: [`UPDATE orders.orders SET refunded_minor = 1 WHERE state = 'PAID'`],
    },
    {
      finds: ['amounts of the order are not the sums of the ledger'],
      sql: [copy('payments.ledger', 'true', { kind: 'REFUND', amount_minor: 1 })],
    },
    {
      finds: ['amounts of the order are not the sums of the ledger'],
      sql: [copy('payments.ledger', 'true', { order_id: 'ord_nobody', attempt_id: 'att_nobody' })],
    },
    {
      finds: ['amounts of the order are not the sums of the ledger'],
      sql: [
        drop('orders.orders', 'orders_refunded'),
        copy('payments.ledger', 'true', { kind: 'REFUND' }),
        copy('payments.ledger', `kind = 'REFUND'`, { no: 1 }),
        `UPDATE orders.orders SET refunded_minor = 2 * captured_minor WHERE state = 'PAID'`,
      ],
    },
  ],
  I14: [
    {
      finds: ['order whose trail ends in another state'],
      sql: [`UPDATE orders.orders SET state = 'CANCELLED' WHERE state = 'PENDING'`],
    },
    {
      finds: ['order without one beginning'],
      // Numbered as before the journal existed.
      sql: [
        `INSERT INTO platform.journal (seq, at, show_id, order_id, to_state, actor, reason,
           request_id) OVERRIDING SYSTEM VALUE
         SELECT -seq, at, show_id, order_id, to_state, actor, reason, request_id
         FROM platform.journal WHERE to_state = 'PENDING'`,
      ],
    },
    {
      finds: ['order whose trail ends in another state', 'order without one beginning'],
      sql: [allow('platform.journal'), 'DELETE FROM platform.journal'],
    },
    {
      finds: ['broken trail', 'move from another state than the one before'],
      sql: [allow('platform.journal'), `DELETE FROM platform.journal WHERE to_state = 'PAYING'`],
    },
    {
      finds: ['move from another state than the one before'],
      sql: [
        `INSERT INTO platform.journal (at, show_id, order_id, from_state, to_state, actor, reason,
           request_id)
         SELECT at, show_id, order_id, from_state, to_state, actor, reason, request_id
         FROM platform.journal WHERE to_state = 'PAID'`,
      ],
    },
    {
      finds: ['broken trail'],
      sql: [
        allow('platform.journal'),
        `UPDATE platform.journal SET at = at + interval '1 hour' WHERE to_state = 'PAYING'`,
      ],
    },
    {
      finds: ['move from PAID to PENDING'],
      sql: [
        `INSERT INTO platform.journal (at, show_id, order_id, from_state, to_state, actor, reason,
           request_id)
         SELECT at, show_id, order_id, 'PAID', 'PENDING', actor, reason, request_id
         FROM platform.journal WHERE to_state = 'PAID'`,
      ],
    },
    ...['actor', 'reason', 'request_id'].map((column) => ({
      finds: ['move without who, why or request'],
      sql: [allow('platform.journal'), `UPDATE platform.journal SET ${column} = ''`],
    })),
    ...['ended_at = NULL', 'end_reason = NULL', `end_reason = ''`, `request_id = ''`].map(
      (change) => ({
        finds: ['ended hold without a reason'],
        sql: [`UPDATE seats.holds SET ${change} WHERE state = 'SOLD'`],
      }),
    ),
  ],
};

let client: pg.Client;
let db: Sql;

/**
 * A paid order of two seats, a held pair, a payment whose outcome is unknown, and an order that
 * waits for its payment.
 */
beforeAll(async () => {
  const { url } = await makeTestDatabase();
  const longMs = 3_600_000;
  const b = await openBooking({ url, holdTtlMs: longMs, holdTotalMaxMs: 2 * longMs });
  const paid = await b.order('acc_paid', [0, 1]);
  await b.pay('acc_paid', paid.attemptId, paid.total);
  await b.takeSeats('acc_holds', [2, 3]);
  b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
  const unknown = await b.order('acc_waits', [4]);
  await b.pay('acc_waits', unknown.attemptId, unknown.total);
  await b.order('acc_pending', [5]);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  db = { query: async (text, params) => (await client.query(text, params?.slice())).rows };
});
afterAll(() => client.end());

test('a healthy database breaks no guarantee, and every guarantee is checked', async () => {
  const { checked, violations } = await checkInvariants(db);
  expect(violations).toEqual([]);
  expect(checked.toSorted()).toEqual(Object.keys(planted).toSorted());
});

describe.each(Object.entries(planted))('the check of %s', (id, breaches) => {
  test.each(breaches.map(({ finds, sql }) => [finds.join(' and '), finds, sql] as const))(
    'finds exactly: %s',
    async (_, finds, sql) => {
      await client.query('BEGIN');
      try {
        for (const statement of sql) await client.query(statement);
        const { violations } = await checkInvariants(db);
        const found = violations.filter((violation) => violation.id === id);
        expect([...new Set(found.map(({ what }) => what))].toSorted(), sql.join(';\n')).toEqual(
          finds,
        );
      } finally {
        await client.query('ROLLBACK');
      }
    },
  );

  test('has for each of its queries a breach that this one alone finds', () => {
    const sql = checks.find((check) => check.id === id)?.sql ?? '';
    // Counts are not part of what a query reports.
    const alone = breaches
      .filter(({ finds }) => finds.length === 1)
      .map(({ finds }) => finds.join().replace(/\d+ /, ''));
    expect(new Set(alone).size).toBe(sql.split('UNION ALL').length);
  });
});

import { openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from './invariants.ts';

/** Switches off the enforcement of moves: the checks must find what a bug could do then. */
const without = (trigger: string, table: string): string =>
  `ALTER TABLE ${table} DISABLE TRIGGER ${trigger}`;

/** For each promise, ways to break it that its check must see. */
const planted: Record<string, readonly string[]> = {
  I1: [
    `DROP INDEX tickets.tickets_live_seat;
     INSERT INTO tickets.tickets (
       show_id, id, order_id, performance_id, buyer_id, seat_no, grade, seat)
     SELECT show_id, 'tkt_twin', order_id, performance_id, buyer_id, seat_no, grade, seat
     FROM tickets.tickets LIMIT 1`,
    `DELETE FROM tickets.tickets`,
    `${without('refuse_end', 'seats.claims')};
     DELETE FROM seats.claims WHERE state = 'sold'`,
  ],
  I2: [
    `${without('refuse_move', 'orders.orders')};
     UPDATE orders.orders SET state = 'FAILED' WHERE state = 'PAID'`,
    `ALTER TABLE payments.ledger DISABLE TRIGGER append_only; DELETE FROM payments.ledger`,
    `UPDATE tickets.tickets SET state = 'CANCELLED'`,
  ],
  I3: [`UPDATE payments.balances SET captured_minor = 0`, `DELETE FROM payments.balances`],
  I4: [
    `UPDATE orders.orders SET total_minor = total_minor - 1 WHERE state = 'PAID'`,
    `UPDATE payments.attempts SET currency = 'USD'`,
    `UPDATE orders.items SET price_minor = price_minor + 1`,
  ],
  I5: [
    `UPDATE seats.claims SET fence = fence - 1 WHERE state = 'sold'`,
    `UPDATE payments.attempts SET fence = fence - 1 WHERE outcome = 'APPROVED'`,
    `UPDATE seats.claims SET buyer_id = 'acc_somebody'`,
  ],
  I8: [
    `DROP INDEX payments.ledger_capture;
     INSERT INTO payments.ledger (
       show_id, order_id, attempt_id, kind, amount_minor, currency, provider, at)
     SELECT show_id, order_id, attempt_id, kind, amount_minor, currency, provider, at
     FROM payments.ledger`,
    `INSERT INTO orders.orders (
       show_id, id, performance_id, buyer_id, hold_id, state, total_minor, currency, category,
       ladder, deadline, created_at)
     SELECT show_id, 'ord_twin', performance_id, buyer_id, hold_id, 'PENDING', total_minor,
       currency, category, ladder, deadline, created_at FROM orders.orders WHERE state = 'PAID'`,
  ],
  I9: [
    `${without('append_only', 'platform.journal')};
     DELETE FROM platform.journal WHERE type = 'order.paid'`,
    `INSERT INTO platform.journal (at, show_id, type, order_id, payload)
     SELECT at, show_id, type, order_id, payload FROM platform.journal WHERE type = 'order.paid'`,
    `${without('append_only', 'platform.journal')};
     UPDATE platform.journal SET order_id = 'ord_nobody' WHERE type = 'order.paid'`,
    `INSERT INTO platform.journal (at, show_id, type, order_id, payload)
     SELECT at, show_id, type, order_id, payload FROM platform.journal WHERE type = 'order.placed'`,
    `${without('append_only', 'platform.journal')};
     UPDATE platform.journal SET type = 'order.failed' WHERE type = 'order.unknown'`,
  ],
  I11: [
    `UPDATE seats.holds SET deadline = clock_timestamp() - interval '10 s' WHERE state = 'ACTIVE'`,
    `UPDATE seats.holds SET state = 'LAPSED', ended_at = now(), end_reason = 'x' WHERE state = 'ACTIVE'`,
    `${without('refuse_move', 'payments.attempts')};
     UPDATE payments.attempts SET state = 'SETTLED', outcome = 'NOT_SENT' WHERE state = 'SENT'`,
    `DELETE FROM seats.claims WHERE state = 'held'`,
    `UPDATE seats.stock SET taken = taken - 1`,
  ],
  I13: [`UPDATE payments.balances SET captured_minor = captured_minor + 1`],
  I14: [
    `${without('append_only', 'platform.journal')}; DELETE FROM platform.journal`,
    `${without('append_only', 'platform.journal')};
     DELETE FROM platform.journal WHERE to_state = 'PAYING'`,
    `${without('append_only', 'platform.journal')}; UPDATE platform.journal SET actor = ''`,
    `UPDATE seats.holds SET end_reason = NULL WHERE state = 'SOLD'`,
    `INSERT INTO platform.journal (at, show_id, order_id, from_state, to_state, actor, reason,
       request_id)
     SELECT at, show_id, order_id, moves.was, moves.becomes, actor, reason, request_id
     FROM platform.journal, (VALUES ('PAID', 'PENDING'), ('PENDING', 'PAID')) moves (was, becomes)
     WHERE to_state = 'PAID'`,
    `INSERT INTO platform.journal (at, show_id, order_id, to_state, actor, reason, request_id)
     SELECT at, show_id, order_id, to_state, actor, reason, request_id
     FROM platform.journal WHERE to_state = 'PENDING'`,
  ],
};

/** One paid order, one held pair of seats, and one payment whose outcome is unknown. */
const openExample = async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url });
  const paid = await b.order('acc_paid', [0, 1]);
  await b.pay('acc_paid', paid.attemptId, paid.total);
  await b.takeSeats('acc_holds', [2, 3]);
  b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
  const unknown = await b.order('acc_waits', [4]);
  await b.pay('acc_waits', unknown.attemptId, unknown.total);
  return b;
};

test('a healthy database breaks no guarantee, and every guarantee is checked', async () => {
  const b = await openExample();
  const { checked, violations } = await checkInvariants(b.db);
  expect(violations).toEqual([]);
  expect(checked.sort()).toEqual(Object.keys(planted).sort());
  await b.close();
});

for (const [id, breaches] of Object.entries(planted))
  test(`the check of ${id} finds each planted breach`, async () => {
    for (const breach of breaches) {
      const b = await openExample();
      for (const statement of breach.split(';')) await b.db.query(statement);
      const { violations } = await checkInvariants(b.db);
      expect(
        violations.map((violation) => violation.id),
        breach,
      ).toContain(id);
      await b.close();
    }
  });

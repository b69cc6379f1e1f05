import { openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';

const { url } = await makeTestDatabase();

test('who holds, orders and pays gets a paid order, one ticket a seat, sold seats', async () => {
  const b = await openBooking({ url });
  const buyerId = b.ids.make('account');
  const { orderId, attemptId, total, order } = await b.order(buyerId, [0, 1]);
  expect(order.state).toBe('PENDING');
  expect(total).toBe(2 * 152_000);
  expect(await b.pay(buyerId, attemptId, total)).toEqual({ outcome: 'paid', orderId });
  expect((await b.orders.readOwn(orderId, buyerId))?.state).toBe('PAID');
  const tickets = await b.db.query('SELECT 1 FROM tickets.tickets WHERE order_id = $1', [orderId]);
  expect(tickets).toHaveLength(2);
  const map = await b.seats.readMap(b.performanceId);
  expect([...(map?.bits() ?? [])][0]).toBe(0b1010);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

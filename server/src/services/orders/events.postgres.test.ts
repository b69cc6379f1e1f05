import { events } from '@usher/contract/events.ts';
import { openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { endHold } from '@usher/tests/support/time.ts';
import { expect, test } from 'vitest';
import { type EventRow, eventColumns, toEvent } from '../../platform/journal/consumer.ts';

const { url } = await makeTestDatabase();

test('every event of an order says what the contract promises to its readers', async () => {
  const b = await openBooking({ url, buyerLimit: 9 });
  const buyerId = b.ids.make('account');
  const payFor = async (seatNo: number) => {
    const order = await b.order(buyerId, [seatNo]);
    await b.pay(buyerId, order.attemptId, order.total);
    return order;
  };
  const paid = await payFor(0);
  b.bank.behave(async () => ({ kind: 'declined', code: 'REJECT_CARD_COMPANY' }));
  const failed = await payFor(1);
  b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
  await payFor(2);
  const expired = await b.order(buyerId, [3]);
  await endHold(b.db, expired.holdId);
  await b.seats.sweep();
  const cancelled = await b.order(buyerId, [4]);
  await b.orders.cancel(cancelled.orderId, buyerId, 'test');

  const rows = await b.db.query<EventRow>(
    `SELECT ${eventColumns} FROM platform.journal j WHERE j.type IS NOT NULL ORDER BY j.seq`,
  );
  const told = rows.map(toEvent);
  for (const { type, payload } of told) events[type as keyof typeof events].parse(payload);
  const types = Object.keys(events).filter((type) => type.startsWith('order.'));
  expect([...new Set(told.map(({ type }) => type))].sort()).toEqual(types.sort());
  const { performanceId } = b;
  expect(told.find(({ type }) => type === 'order.paid')?.payload).toMatchObject({
    orderId: paid.orderId,
    performanceId,
    buyerId,
    seats: 1,
    totalMinor: paid.total,
  });
  expect(told.find(({ type }) => type === 'order.failed')?.payload).toMatchObject({
    orderId: failed.orderId,
    code: 'REJECT_CARD_COMPANY',
  });
  await b.close();
});

import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const bookingFee = 2000;

/** A hold taken by this program and ordered through another one. */
const placeIn = (program: Booking, buyerId: string, holdId: string) =>
  program.orders.place({
    orderId: program.ids.make('order'),
    requestId: 'test',
    buyerId,
    holdId,
  });

/** The grades and prices that the database has for the seats of a buyer's orders. */
const readItems = (b: Booking, buyerId: string) =>
  b.db.query(
    `SELECT i.grade, i."priceMinor" AS price, o.total_minor::int AS total, c.grade AS held_at
     FROM orders.orders o
     CROSS JOIN LATERAL json_to_recordset(o.items)
       AS i ("seatNo" integer, grade text, "priceMinor" integer)
     JOIN seats.claims c ON c.hold_id = o.hold_id AND c.seat_no = i."seatNo"
     WHERE o.buyer_id = $1`,
    [buyerId],
  );

/**
 * Two programs on one database. The house is repainted: all seats now have grade S (index 2). One
 * program knows it and takes a hold; the other one places the order from its outdated cache.
 */
const orderAfterRepainting = async (databaseUrl: string) => {
  const informed = await openBooking({ url: databaseUrl });
  const { showId, performanceId } = informed;
  const late = await openBooking({ url: databaseUrl, sale: { showId, performanceId } });
  const grades = new Uint8Array(100).fill(2);
  await informed.stock.repaint(informed.db, showId, [
    { performanceId, paintingVersion: 'newer', grades },
  ]);
  informed.repaintTo('newer', 2);
  informed.forgetShow();
  late.repaintTo('newer', 2);
  const holdId = informed.ids.make('hold');
  expect(await informed.takeSeats('acc_a', [0], holdId)).toMatchObject({ outcome: 'held' });
  expect(await placeIn(late, 'acc_a', holdId)).toMatchObject({ outcome: 'placed' });
  const items = await readItems(informed, 'acc_a');
  await late.close();
  await informed.close();
  return items;
};

test('guard off: a program that missed a repainting charges another grade than held', async () => {
  const broken = await makeTestDatabase();
  await plantBug(broken.url, 'orders/sql/place.sql', [
    { from: `AND h.painting_version = a."paintingVersion"`, to: '' },
  ]);
  expect(await orderAfterRepainting(broken.url)).toEqual([
    { grade: 'VIP', price: 150_000, total: 150_000 + bookingFee, held_at: 2 },
  ]);
});

test('guard on: a program that missed a repainting charges the held grade', async () => {
  expect(await orderAfterRepainting(url)).toEqual([
    { grade: 'S', price: 90_000, total: 90_000 + bookingFee, held_at: 2 },
  ]);
});

test('a grade without a price in memory is reloaded before it is charged', async () => {
  const b = await openBooking({ url, prices: { R: 120_000, S: 90_000 } });
  b.editPrices({ VIP: 155_000, R: 120_000, S: 90_000 });
  const { total } = await b.order('acc_unpriced', [0]);
  expect(total).toBe(155_000 + bookingFee);
  await b.close();
});

test('a price edited after the order was placed changes the next order, not this one', async () => {
  const b = await openBooking({ url });
  const before = await b.order('acc_before', [0]);
  b.editPrices({ VIP: 200_000, R: 120_000, S: 90_000 });
  b.forgetShow();
  expect(await b.pay('acc_before', before.attemptId, before.total)).toMatchObject({
    outcome: 'paid',
  });
  expect([...b.bank.charged.values()].map(({ amountMinor }) => amountMinor)).toEqual([
    150_000 + bookingFee,
  ]);
  expect((await b.order('acc_after', [1])).total).toBe(200_000 + bookingFee);
  await b.close();
});

import { readPerformance } from '@usher/contract/catalogue.ts';
import {
  cancelOrder,
  listOrders,
  placeOrder,
  readOrder,
  readOrderByLink,
} from '@usher/contract/orders.ts';
import { editShow } from '@usher/contract/organiser.ts';
import { confirmPayment, openAttempt, readAttempt } from '@usher/contract/payments.ts';
import { extendHold, readHold, releaseHold, takeHold } from '@usher/contract/seats.ts';
import {
  listTickets,
  readCalendar,
  readOrderPdf,
  readTicketPdf,
  readTicketQr,
} from '@usher/contract/tickets.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf } from '../support/ask.ts';
import { openProgram, type Program } from '../support/program.ts';
import { hoursFromNow } from '../support/sale.ts';
import { until } from '../support/until.ts';

let program: Program;
beforeAll(async () => {
  program = await openProgram();
});

const onSale = async (given: Parameters<Program['newSale']>[1] = {}) => {
  const sale = await program.newSale(program.organiser, given);
  const [minji, jun] = await program.newBuyers(2);
  if (minji === undefined || jun === undefined) throw new Error('two buyers');
  const { performanceId } = sale;
  return { ...sale, as: minji.token, other: jun.token, params: { performanceId } };
};
/** Takes the seats as soon as the program notices that they are free, within about a second. */
const takeWhenFree = (as: string, performanceId: string, seats: readonly number[]) =>
  until('the seats are free', async () => {
    const given = { as, params: { performanceId }, body: { seats } };
    const reply = await program.ask(takeHold, given);
    return reply.status === 201 ? reply : null;
  });

describe('the sale', () => {
  test('opens and closes at the organiser’s times, both on screen and for holds', async () => {
    const show = { saleOpensAt: hoursFromNow(1), saleClosesAt: hoursFromNow(48) };
    const { as, other, performanceId, params, showId } = await onSale({ show });
    const stateOf = async () => (await program.must(readPerformance, { params })).saleState;
    expect(await stateOf()).toBe('UPCOMING');
    const early = await program.refusal(takeHold, { as, params, body: { seats: [0] } });
    expect([early.code, early['opensAt']]).toEqual(['SALE_NOT_OPEN', show.saleOpensAt]);
    expect(early.retryAfterMs).toBeGreaterThan(3_000_000);

    const edit = { as: program.organiser, params: { showId } };
    await program.must(editShow, { ...edit, body: { saleOpensAt: hoursFromNow(-1) } });
    await takeWhenFree(as, performanceId, [0]);
    await until('it is shown as on sale', async () => (await stateOf()) === 'ON_SALE');

    await program.must(editShow, { ...edit, body: { saleClosesAt: hoursFromNow(-0.5) } });
    await until('it is shown as closed', async () => (await stateOf()) === 'CLOSED');
    const late = { as: other, params, body: { seats: [1] } };
    expect((await program.refusal(takeHold, late)).code).toBe('SALE_CLOSED');
  });

  test('shows how many seats of each grade are left, and when it is sold out', async () => {
    const { as, performanceId, params } = await onSale({ rows: 2, seatsInRow: 2 });
    const shown = () => program.must(readPerformance, { params });
    expect((await shown()).seatsLeft).toEqual([
      { grade: 'VIP', seats: 2, left: 2 },
      { grade: 'R', seats: 2, left: 2 },
    ]);
    await program.buy(as, performanceId, [0, 1, 2]);
    await until('three seats are sold', async () => {
      const left = (await shown()).seatsLeft.map((each) => each.left);
      return left.join() === '0,1';
    });
    await program.buy((await program.newBuyer()).token, performanceId, [3]);
    await until('it is sold out', async () => (await shown()).saleState === 'SOLD_OUT');
  });
});

describe('a hold', () => {
  test('can be extended once, never beyond its absolute end, and says so', async () => {
    const { as, performanceId } = await onSale();
    const first = await program.hold(as, performanceId, [0, 1]);
    const params = { holdId: first.id };
    expect(first).toMatchObject({ state: 'ACTIVE', extendable: true });
    const longer = await program.must(extendHold, { as, params });
    expect(Date.parse(longer.deadline)).toBeGreaterThan(Date.parse(first.deadline));
    expect(Date.parse(longer.deadline)).toBeLessThanOrEqual(Date.parse(first.endsBy));
    expect([longer.endsBy, longer.extendable]).toEqual([first.endsBy, false]);
    expect((await program.refusal(extendHold, { as, params })).code).toBe('HOLD_EXTENDED_ALREADY');
    // Ordering restarts the deadline only if the buyer has not extended it.
    const { order } = await program.must(placeOrder, { as, body: { holdId: first.id } });
    expect(order.deadline).toBe(longer.deadline);
  });

  test('that was released frees its seats at once, and cannot be used any more', async () => {
    const { as, other, performanceId } = await onSale();
    const { order } = await program.order(as, performanceId, [3, 4]);
    const params = { holdId: order.holdId };
    await program.must(releaseHold, { as, params });
    expect((await program.hold(other, performanceId, [4])).seats[0]?.seatNo).toBe(4);
    expect((await program.must(readHold, { as, params })).state).toBe('RELEASED');
    for (const spec of [releaseHold, extendHold])
      expect((await program.refusal(spec, { as, params })).code).toBe('HOLD_ENDED');
    const { state } = await program.must(readOrder, { as, params: { orderId: order.id } });
    expect(state).toBe('CANCELLED');
  });

  test('that lapsed puts its seats on sale again, and its order cannot be paid', async () => {
    const { databaseUrl, sandbox } = program;
    const settings = { HOLD_TTL_MS: '1000', HOLD_TOTAL_MAX_MS: '1000' };
    const hasty = await openProgram({ databaseUrl, sandbox, settings });
    const { as, other, performanceId } = await onSale();
    const { order, checkout } = await hasty.order(as, performanceId, [5]);
    await takeWhenFree(other, performanceId, [5]);
    const params = { holdId: order.holdId };
    expect((await program.must(readHold, { as, params })).state).toBe('LAPSED');
    expect(codeOf(await hasty.pay(as, checkout))).toBe('HOLD_ENDED');
    expect((await sandbox.money()).has(checkout.attemptId)).toBe(false);
    await until('the order has expired', async () => {
      const { state } = await program.must(readOrder, { as, params: { orderId: order.id } });
      return state === 'EXPIRED';
    });
    await hasty.close();
  });

  test('takes the best adjacent seats of a grade if the request names no seats', async () => {
    const { as, params } = await onSale();
    const body = { bestAvailable: { grade: 'R', count: 3 } };
    const { seats } = await program.must(takeHold, { as, params, body });
    const [first] = seats;
    expect(seats.map(({ grade, row }) => [grade, row])).toEqual(seats.map(() => ['R', first?.row]));
    expect(seats.map(({ label }) => Number(label) - Number(first?.label))).toEqual([0, 1, 2]);
  });
});

describe('an order', () => {
  test('that was cancelled releases its seats at once, and cannot be paid', async () => {
    const { as, other, performanceId } = await onSale();
    const { order, checkout } = await program.order(as, performanceId, [6]);
    const params = { orderId: order.id };
    expect((await program.must(cancelOrder, { as, params })).state).toBe('CANCELLED');
    await program.hold(other, performanceId, [6]);
    // Cancelling twice gives the same answer, not an error.
    expect((await program.must(cancelOrder, { as, params })).state).toBe('CANCELLED');
    expect(codeOf(await program.pay(as, checkout))).toBe('HOLD_ENDED');
    expect((await program.sandbox.money()).has(checkout.attemptId)).toBe(false);
  });

  test('is priced by the server, and a payment of any other amount is refused', async () => {
    const { as, performanceId } = await onSale();
    const { order, checkout } = await program.order(as, performanceId, [0, 10]);
    const sum = order.items.reduce((all, { price, bookingFee }) => {
      return all + price.amount + bookingFee.amount;
    }, 0);
    expect(order.items.map(({ price }) => price.amount)).toEqual([150_000, 100_000]);
    expect([order.total.amount, checkout.amount.amount]).toEqual([sum, sum]);
    const { attemptId } = checkout;
    const paymentKey = await program.sandbox.authenticate(attemptId, sum);
    const confirm = { as, params: { attemptId }, body: { paymentKey, amount: sum - 1 } };
    expect((await program.refusal(confirmPayment, confirm)).code).toBe('AMOUNT_MISMATCH');
    expect((await program.sandbox.money()).has(attemptId)).toBe(false);
  });

  test('whose payment window was closed can be paid in a new one only', async () => {
    const { as, performanceId } = await onSale();
    const { order, checkout } = await program.order(as, performanceId, [7]);
    const params = { orderId: order.id };
    const second = await program.must(openAttempt, { as, params });
    expect(second).toMatchObject({ amount: checkout.amount, provider: 'toss' });
    expect(second.attemptId).not.toBe(checkout.attemptId);
    expect(codeOf(await program.pay(as, checkout))).toBe('ORDER_NOT_PAYABLE');
    const { attemptId } = checkout;
    expect(await program.must(readAttempt, { as, params: { attemptId } })).toMatchObject({
      state: 'SETTLED',
      outcome: 'SUPERSEDED',
    });
    expect((await program.pay(as, second)).status).toBe(200);
    expect((await program.must(readOrder, { as, params })).state).toBe('PAID');
  });

  test('whose card was declined can be replaced by a new order on the same hold', async () => {
    const { as, performanceId } = await onSale();
    const { order, checkout } = await program.order(as, performanceId, [8]);
    expect(codeOf(await program.pay(as, checkout, 'decline'))).toBe('PAYMENT_DECLINED');
    const failed = await program.must(readOrder, { as, params: { orderId: order.id } });
    expect([failed.state, failed.failureCode]).toEqual(['FAILED', expect.any(String)]);
    const again = await program.must(placeOrder, { as, body: { holdId: order.holdId } });
    expect(again.order.id).not.toBe(order.id);
    expect((await program.pay(as, again.checkout)).status).toBe(200);
  });

  test('is listed exactly once over all pages, newest first', async () => {
    const { as, performanceId } = await onSale();
    const made: string[] = [];
    for (const seat of [20, 21, 22])
      made.unshift((await program.order(as, performanceId, [seat])).order.id);
    const first = await program.must(listOrders, { as, query: { limit: 2 } });
    const cursor = first.nextCursor ?? '';
    const rest = await program.must(listOrders, { as, query: { limit: 2, cursor } });
    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(made);
    expect(rest.nextCursor).toBeNull();
    const none = await program.must(listOrders, { as, query: { from: hoursFromNow(1) } });
    expect(none.items).toEqual([]);
  });

  test('that was paid has its tickets, as JSON, PDF, QR code and calendar entry', async () => {
    const { as, performanceId } = await onSale();
    const { order } = await program.buy(as, performanceId, [1, 2]);
    const params = { orderId: order.id };
    const { items } = await program.must(listTickets, { as, params });
    expect(items.map(({ seat, state }) => [seat.seatNo, state])).toEqual([
      [1, 'LIVE'],
      [2, 'LIVE'],
    ]);
    const ticketId = items[0]?.id ?? '';
    const documents = [
      await program.ask(readTicketPdf, { as, params: { ticketId } }),
      await program.ask(readOrderPdf, { as, params }),
      await program.ask(readTicketQr, { as, params: { ticketId } }),
      await program.ask(readCalendar, { as, params }),
    ];
    const begins = documents.map(({ bytes }) => bytes.toString('latin1').slice(0, 15));
    expect(begins[0]).toMatch(/^%PDF-/);
    expect(begins[1]).toMatch(/^%PDF-/);
    expect(begins[2]).toMatch(/^<(?:svg|\?xml)/);
    expect(begins[3]).toBe('BEGIN:VCALENDAR');
    for (const { headers } of documents) expect(headers['cache-control']).toBe('private, no-store');
  });

  test('can be read by its secret link without signing in; the reader gets no link', async () => {
    const { as, performanceId } = await onSale();
    const { order } = await program.order(as, performanceId, [9]);
    const linkToken = order.linkToken ?? '';
    const read = await program.must(readOrderByLink, { params: { linkToken } });
    expect(read).toEqual({ ...order, linkToken: null });
    const forged = linkToken.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'));
    const { code } = await program.refusal(readOrderByLink, { params: { linkToken: forged } });
    expect(code).toBe('NOT_FOUND');
  });
});

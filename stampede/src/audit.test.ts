import { expect, test } from 'vitest';
import { checkMoney, checkOrders, doubleSold, type FinalOrder } from './audit.ts';

const order = (
  buyer: number,
  change: Partial<Omit<FinalOrder, 'record'>> & { told?: FinalOrder['record']['told'] } = {},
): FinalOrder => {
  const seatNos = change.seatNos ?? [2 * buyer, 2 * buyer + 1];
  const tickets = seatNos.map((seatNo) => ({ id: `tkt_${buyer}_${seatNo}`, seatNo, isLive: true }));
  return {
    buyer,
    state: 'PAID',
    seatNos,
    tickets,
    ...change,
    record: {
      orderId: `ord_${buyer}`,
      totalMinor: 1000,
      attemptIds: [`att_${buyer}`],
      tickets,
      told: change.told ?? 'paid',
    },
  };
};

const brokenBy = (orders: readonly FinalOrder[]): string[] =>
  checkOrders(orders)
    .filter(({ breaches }) => breaches.length > 0)
    .map(({ id }) => id);

test('paid orders with their tickets, and unpaid ones without, are no breach', () => {
  const unpaid = order(2, { state: 'EXPIRED', tickets: [], told: 'no' });
  expect(brokenBy([order(0), order(1), unpaid])).toEqual([]);
});

test('two tickets for one seat are a breach', () => {
  const orders = [order(0), order(1, { seatNos: [1, 2] })];
  expect(doubleSold(orders)).toEqual([1]);
  expect(brokenBy(orders)).toEqual(['B1']);
});

test('a paid order that lacks a ticket is a breach', () => {
  const { tickets } = order(0);
  expect(brokenBy([order(0, { tickets: tickets.slice(1) })])).toContain('B2');
});

test('a ticket of an order that is not paid is a breach', () => {
  expect(brokenBy([order(0, { state: 'FAILED', told: 'open' })])).toEqual(['B2']);
});

test('an order reported as paid that is not paid is a breach', () => {
  expect(brokenBy([order(0, { state: 'EXPIRED', tickets: [] })])).toEqual(['B3']);
});

test('an order reported as failed for which money moved is a breach', () => {
  expect(brokenBy([order(0, { told: 'no' })])).toEqual(['B3']);
  expect(brokenBy([order(0, { told: 'no', state: 'UNKNOWN', tickets: [] })])).toEqual(['B3']);
});

test('a ticket that was replaced after its owner saw it is a breach', () => {
  const tickets = order(0).tickets.map((ticket) => ({ ...ticket, id: `${ticket.id}_new` }));
  expect(brokenBy([order(0, { tickets })])).toEqual(['B3']);
});

test('a buyer with two paid orders is a breach', () => {
  expect(brokenBy([order(0), order(0, { seatNos: [8] })])).toEqual(['B4']);
});

const moneyBreaches = (byAttempt: [string, number][], orders: readonly FinalOrder[]): string[] =>
  checkMoney({ outcome: 'book', byAttempt: new Map(byAttempt) }, orders).checks.flatMap(
    ({ breaches }) => breaches,
  );

test('money that the provider took once for each paid order is no breach', () => {
  const declined = order(1, { state: 'FAILED', tickets: [], told: 'no' });
  expect(moneyBreaches([['att_0', 1000]], [order(0), declined])).toEqual([]);
});

test('too much money, too little, or money for an unpaid order is a breach', () => {
  const failed = order(2, { state: 'FAILED', tickets: [], told: 'no' });
  const book: [string, number][] = [
    ['att_0', 2000],
    ['att_2', 1000],
  ];
  expect(moneyBreaches(book, [order(0), order(1), failed])).toHaveLength(3);
});

test('a payment that is not decided yet is not checked', () => {
  expect(moneyBreaches([], [order(0, { state: 'UNKNOWN', told: 'open' })])).toEqual([]);
});

test('a lost ledger is reported as not checked, not as correct', () => {
  const { checks, notChecked } = checkMoney({ outcome: 'none', why: 'it burnt' }, [order(0)]);
  expect(checks).toEqual([]);
  expect(notChecked[0]).toContain('it burnt');
});

import { expect, test } from 'vitest';
import { makeLedger } from './ledger.ts';

const entry = (
  kind: 'capture' | 'refund',
  orderId: string,
  paymentKey: string,
  amount: number,
) => ({
  atMs: 1000,
  kind,
  orderId,
  paymentKey,
  amount,
  method: 'CARD',
  customerKey: null,
  currency: 'KRW',
  status: 'DONE',
});
const ledgerOf = (...entries: ReturnType<typeof entry>[]) => {
  const ledger = makeLedger({ random: () => 0.5, written: () => {} });
  for (const each of entries) ledger.append(each);
  return ledger;
};

test('the ledger check finds a buyer who paid twice for one order', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('capture', 'order-two', 'key-b', 100),
    entry('capture', 'order-one', 'key-c', 100),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(false);
  expect(report.doubleCharged).toMatchObject([
    { orderId: 'order-one', captures: 2, net: 200, paymentKeys: ['key-a', 'key-c'] },
  ]);
});

test('the ledger check accepts an order that was charged once and partly refunded', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 40),
  ).assertNoDoubleCharge();
  expect(report).toMatchObject({ ok: true, captured: 100, refunded: 40, doubleCharged: [] });
});

test('the ledger check finds a double charge even if the surplus was partly refunded', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-b', 100),
    entry('refund', 'order-one', 'key-b', 99),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(false);
});

test('the ledger check distinguishes a fully refunded surplus from one that was not', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-b', 100),
    entry('refund', 'order-one', 'key-b', 100),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(true);
  expect(report.chargedTwiceAndRefunded).toMatchObject([{ orderId: 'order-one', net: 100 }]);
});

test('the ledger check finds a payment that refunded too much, and one captured twice', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 101),
    entry('capture', 'order-two', 'key-b', 100),
    entry('capture', 'order-two', 'key-b', 100),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(false);
  expect(report.wrongPayments.map(({ paymentKey }) => paymentKey)).toEqual(['key-a', 'key-b']);
});

test('the ledger check accepts a deposit that the bank reversed and that came again', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-a', 100),
  ).assertNoDoubleCharge();
  expect(report).toMatchObject({ ok: true, wrongPayments: [], doubleCharged: [] });
});

test('the ledger returns every entry of a page once, whatever the previous page’s last key', () => {
  const ledger = makeLedger({ random: () => 0.5, written: () => {} });
  for (let at = 0; at < 10; at++) {
    ledger.append({ ...entry('capture', `order-${at}`, `key-${at}`, 100), atMs: at * 10 });
  }
  const first = ledger.between(20, 80, null, 4)!;
  const second = ledger.between(20, 80, first.at(-1)!.transactionKey, 4)!;
  expect([...first, ...second].map(({ atMs }) => atMs)).toEqual([20, 30, 40, 50, 60, 70, 80]);
  expect(ledger.between(0, 100, 'F'.repeat(32), 4)).toBeNull();
});

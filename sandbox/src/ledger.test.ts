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

test('finds a buyer who paid twice for one order', () => {
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

test('calls an order that was charged once and refunded in part fine', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 40),
  ).assertNoDoubleCharge();
  expect(report).toMatchObject({ ok: true, captured: 100, refunded: 40, doubleCharged: [] });
});

test('still finds the double charge when only a part of the surplus went back', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-b', 100),
    entry('refund', 'order-one', 'key-b', 99),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(false);
});

test('tells a surplus that went back in full apart from one that did not', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-b', 100),
    entry('refund', 'order-one', 'key-b', 100),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(true);
  expect(report.chargedTwiceAndRefunded).toMatchObject([{ orderId: 'order-one', net: 100 }]);
});

test('finds a payment that gave back more than it took, and one captured twice', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 101),
    entry('capture', 'order-two', 'key-b', 100),
    entry('capture', 'order-two', 'key-b', 100),
  ).assertNoDoubleCharge();
  expect(report.ok).toBe(false);
  expect(report.wrongPayments.map(({ paymentKey }) => paymentKey)).toEqual(['key-a', 'key-b']);
});

test('forgives a deposit that the bank took back and that came again', () => {
  const report = ledgerOf(
    entry('capture', 'order-one', 'key-a', 100),
    entry('refund', 'order-one', 'key-a', 100),
    entry('capture', 'order-one', 'key-a', 100),
  ).assertNoDoubleCharge();
  expect(report).toMatchObject({ ok: true, wrongPayments: [], doubleCharged: [] });
});

test('gives every entry of a page once, whatever key the page before ended with', () => {
  const ledger = makeLedger({ random: () => 0.5, written: () => {} });
  for (let at = 0; at < 10; at++) {
    ledger.append({ ...entry('capture', `order-${at}`, `key-${at}`, 100), atMs: at * 10 });
  }
  const first = ledger.between(20, 80, null, 4)!;
  const second = ledger.between(20, 80, first.at(-1)!.transactionKey, 4)!;
  expect([...first, ...second].map(({ atMs }) => atMs)).toEqual([20, 30, 40, 50, 60, 70, 80]);
  expect(ledger.between(0, 100, 'F'.repeat(32), 4)).toBeNull();
});

import { beforeEach, describe, expect, test } from 'vitest';
import { type Bed, startSandbox, type Told } from './test-bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

const said = ({ status, body }: Told): [number, unknown] => [status, body['code']];

describe('a cancel', () => {
  test('without an amount refunds everything', async () => {
    const paymentKey = await bed.paid('order-0001');
    const { status, body } = await bed.cancel(paymentKey);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'CANCELED',
      totalAmount: 15_000,
      balanceAmount: 0,
      suppliedAmount: 0,
      vat: 0,
      approvedAt: '2026-11-21T09:00:00+09:00',
    });
    expect(body['cancels']).toEqual([
      {
        transactionKey: body['lastTransactionKey'],
        cancelReason: 'changed my mind',
        taxExemptionAmount: 0,
        canceledAt: '2026-11-21T09:00:00+09:00',
        cardDiscountAmount: 0,
        transferDiscountAmount: 0,
        easyPayDiscountAmount: 0,
        receiptKey: null,
        cancelStatus: 'DONE',
        cancelRequestId: null,
        cancelAmount: 15_000,
        taxFreeAmount: 0,
        refundableAmount: 0,
      },
    ]);
  });

  test('in parts leaves the rest, with a new transaction each, until nothing is left', async () => {
    const paymentKey = await bed.paid('order-0001');
    const first = (await bed.cancel(paymentKey, { cancelAmount: 4_000 })).body;
    expect(first).toMatchObject({
      status: 'PARTIAL_CANCELED',
      totalAmount: 15_000,
      balanceAmount: 11_000,
      vat: 1_000,
      suppliedAmount: 10_000,
      cancels: [{ cancelAmount: 4_000, refundableAmount: 11_000 }],
    });
    const second = (await bed.cancel(paymentKey, { cancelAmount: 11_000 })).body;
    expect(second).toMatchObject({
      status: 'CANCELED',
      balanceAmount: 0,
      cancels: [{ refundableAmount: 11_000 }, { cancelAmount: 11_000, refundableAmount: 0 }],
    });
    expect(second['lastTransactionKey']).not.toBe(first['lastTransactionKey']);
    expect((await bed.ledger()).map(({ kind, amount }) => [kind, amount])).toEqual([
      ['capture', 15_000],
      ['refund', 4_000],
      ['refund', 11_000],
    ]);
  });

  test('keeps tax-free and taxed money separate', async () => {
    const paymentKey = await bed.paid('order-0001', 15_000, { taxFreeAmount: 4_000 });
    expect((await bed.api(`/v1/payments/${paymentKey}`)).body).toMatchObject({
      taxFreeAmount: 4_000,
      vat: 1_000,
      suppliedAmount: 10_000,
    });
    const taxed = await bed.cancel(paymentKey, { cancelAmount: 5_500, taxFreeAmount: 0 });
    expect(taxed.body).toMatchObject({ taxFreeAmount: 4_000, vat: 500, suppliedAmount: 5_000 });
    const tooMuchTaxed = await bed.cancel(paymentKey, { cancelAmount: 6_000, taxFreeAmount: 0 });
    expect(said(tooMuchTaxed)).toEqual([403, 'NOT_CANCELABLE_AMOUNT']);
    const tooMuchFree = await bed.cancel(paymentKey, { cancelAmount: 4_500, taxFreeAmount: 4_500 });
    expect(said(tooMuchFree)).toEqual([403, 'NOT_CANCELABLE_AMOUNT']);
    expect((await bed.cancel(paymentKey)).body).toMatchObject({ vat: 0, taxFreeAmount: 0 });
  });

  test('never refunds more than was taken', async () => {
    const paymentKey = await bed.paid('order-0001');
    await bed.cancel(paymentKey, { cancelAmount: 10_000 });
    const answer = await bed.cancel(paymentKey, { cancelAmount: 5_001 });
    expect(said(answer)).toEqual([403, 'NOT_CANCELABLE_AMOUNT']);
  });

  test('of a cancelled payment is refused as already cancelled', async () => {
    const paymentKey = await bed.paid('order-0001');
    await bed.cancel(paymentKey);
    expect(said(await bed.cancel(paymentKey))).toEqual([400, 'ALREADY_CANCELED_PAYMENT']);
  });

  test('of a payment without money is refused', async () => {
    const open = await bed.authenticate('order-0001');
    expect(said(await bed.cancel(open))).toEqual([403, 'NOT_CANCELABLE_PAYMENT']);
    const declined = await bed.paid('order-0002', 15_000, { outcome: 'decline' });
    expect(said(await bed.cancel(declined))).toEqual([403, 'NOT_CANCELABLE_PAYMENT']);
    bed.advance(600_000);
    expect(said(await bed.cancel(open))).toEqual([403, 'NOT_CANCELABLE_PAYMENT']);
  });

  test('of an invented payment finds none', async () => {
    expect(said(await bed.cancel('sbx_invented'))).toEqual([404, 'NOT_FOUND_PAYMENT']);
  });

  test('in parts is refused if the payment allows only a full cancel', async () => {
    const paymentKey = await bed.paid('order-0001', 15_000, { isPartialCancelable: false });
    const answer = await bed.cancel(paymentKey, { cancelAmount: 1_000 });
    expect(said(answer)).toEqual([403, 'NOT_ALLOWED_PARTIAL_REFUND']);
    expect((await bed.cancel(paymentKey)).status).toBe(200);
  });

  test.each([
    ['no reason', { cancelReason: undefined }, 'INVALID_REQUEST'],
    ['an empty reason', { cancelReason: '' }, 'INVALID_REQUEST'],
    ['a reason of 201 letters', { cancelReason: 'x'.repeat(201) }, 'INVALID_REQUEST'],
    ['an amount of 0', { cancelAmount: 0 }, 'INVALID_REQUEST'],
    ['a negative amount', { cancelAmount: -1 }, 'INVALID_REQUEST'],
    ['an amount that is text', { cancelAmount: '1000' }, 'INVALID_REQUEST'],
    ['another currency', { currency: 'USD' }, 'INVALID_REQUEST'],
    ['a wrong balance', { refundableAmount: 14_000 }, 'NOT_MATCHES_REFUNDABLE_AMOUNT'],
    [
      'an account number with letters',
      { refundReceiveAccount: { bank: '88', accountNumber: 'abc', holderName: 'Kim' } },
      'INVALID_REFUND_ACCOUNT_NUMBER',
    ],
    [
      'an impossible bank',
      { refundReceiveAccount: { bank: '!', accountNumber: '123', holderName: 'Kim' } },
      'INVALID_BANK',
    ],
    [
      'a holder without a name',
      { refundReceiveAccount: { bank: '88', accountNumber: '123', holderName: '' } },
      'INVALID_REFUND_ACCOUNT_INFO',
    ],
  ])('with %s moves no money', async (_name, body, code) => {
    const paymentKey = await bed.paid('order-0001');
    expect(said(await bed.cancel(paymentKey, body))).toEqual([400, code]);
    expect(await bed.ledger()).toHaveLength(1);
  });

  test('with the correct balance succeeds', async () => {
    const paymentKey = await bed.paid('order-0001');
    expect((await bed.cancel(paymentKey, { refundableAmount: 15_000 })).status).toBe(200);
  });
});

describe('a virtual account', () => {
  const issue = (more: object = {}): Promise<Told> =>
    bed.api('/v1/virtual-accounts', {
      body: {
        amount: 15_000,
        orderId: 'order-0001',
        orderName: 'two seats',
        customerName: 'Kim',
        bank: '88',
        ...more,
      },
    });
  const refundReceiveAccount = { bank: '신한', accountNumber: '1234567890', holderName: 'Kim' };

  test('waits for its deposit, and is paid when the deposit arrives', async () => {
    const { status, body } = await issue();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'WAITING_FOR_DEPOSIT',
      method: '가상계좌',
      approvedAt: null,
      virtualAccount: { dueDate: '2026-11-28T09:00:00+09:00', bankCode: '88', expired: false },
    });
    expect(await bed.ledger()).toEqual([]);
    expect((await bed.control('deposit', { orderId: 'order-0001' })).body).toMatchObject({
      status: 'DONE',
    });
    expect(await bed.ledger()).toHaveLength(1);
    expect((await bed.control('deposit', { orderId: 'order-0001' })).status).toBe(404);
  });

  test('is also created by a confirm if the buyer chose it', async () => {
    const paymentKey = await bed.authenticate('order-0001', 15_000, { method: 'VIRTUAL_ACCOUNT' });
    const { body } = await bed.confirm(paymentKey, 'order-0001');
    expect(body).toMatchObject({ status: 'WAITING_FOR_DEPOSIT' });
  });

  test('loses a deposit that the bank reverses, and can be paid again', async () => {
    await issue();
    await bed.control('deposit', { orderId: 'order-0001' });
    const reversed = await bed.control('reverse-deposit', { orderId: 'order-0001' });
    expect(reversed.body).toMatchObject({ status: 'WAITING_FOR_DEPOSIT' });
    await bed.control('deposit', { orderId: 'order-0001' });
    expect((await bed.control('assert-no-double-charge')).body).toMatchObject({
      ok: true,
      captured: 30_000,
      refunded: 15_000,
    });
    await bed.paid('order-0002');
    const card = await bed.control('reverse-deposit', { orderId: 'order-0002' });
    expect(said(card)).toEqual([403, 'NOT_CANCELABLE_PAYMENT']);
  });

  test('expires silently at its due date', async () => {
    const { body } = await issue({ validHours: 1 });
    bed.advance(3_600_000);
    const later = await bed.api(`/v1/payments/${body['paymentKey']}`);
    expect(later.body).toMatchObject({ status: 'EXPIRED' });
    expect((await bed.control('deposit', { orderId: 'order-0001' })).status).toBe(404);
  });

  test('can be cancelled completely before the deposit, and no money moves', async () => {
    const { paymentKey } = (await issue()).body;
    const part = await bed.cancel(String(paymentKey), { cancelAmount: 1_000 });
    expect(said(part)).toEqual([403, 'NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT']);
    expect((await bed.cancel(String(paymentKey))).body).toMatchObject({ status: 'CANCELED' });
    expect(await bed.ledger()).toEqual([]);
  });

  test('requires an account for refunds after the deposit', async () => {
    const { paymentKey } = (await issue()).body;
    await bed.control('deposit', { orderId: 'order-0001' });
    const without = await bed.cancel(String(paymentKey));
    expect(said(without)).toEqual([400, 'INVALID_REFUND_ACCOUNT_INFO']);
    const { body } = await bed.cancel(String(paymentKey), { refundReceiveAccount });
    expect(body).toMatchObject({
      status: 'CANCELED',
      virtualAccount: { refundStatus: 'COMPLETED', refundReceiveAccount: null },
    });
  });

  test.each([
    [{ orderId: 'short' }, 'INVALID_ORDER_ID'],
    [{ bank: '?' }, 'INVALID_BANK'],
    [{ amount: 199 }, 'BELOW_MINIMUM_AMOUNT'],
    [{ amount: '15000' }, 'INVALID_REQUEST'],
    [{ customerName: '' }, 'INVALID_REQUEST'],
    [{ validHours: 2161 }, 'INVALID_REQUEST'],
    [{ validHours: 1, dueDate: '2026-11-22T00:00:00' }, 'INVALID_REQUEST'],
    [{ dueDate: '2026-11-20T00:00:00' }, 'INVALID_REQUEST'],
    [{ dueDate: '2027-11-20T00:00:00' }, 'INVALID_REQUEST'],
  ])('is refused with %j', async (more, code) => {
    expect(said(await issue(more))).toEqual([400, code]);
  });
});

import { beforeEach, describe, expect, test } from 'vitest';
import { type CallName, documentedCodes, errorMessage, errors } from './errors.ts';
import { type Bed, startSandbox, type Told } from './test-bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

const said = ({ status, body }: Told): [number, unknown] => [status, body['code']];
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the secret key', () => {
  const path = '/v1/payments/confirm';
  const withHeader = (authorization: string): Promise<Told> =>
    bed.api(path, { headers: { authorization }, body: {} });

  test('is checked before anything else', async () => {
    expect(said(await withHeader(''))).toEqual([401, 'UNAUTHORIZED_KEY']);
    expect(said(await withHeader('Bearer sandbox_sk_test'))).toEqual([401, 'UNAUTHORIZED_KEY']);
    expect(said(await withHeader(basic('sandbox_sk_other:')))).toEqual([401, 'UNAUTHORIZED_KEY']);
    expect(said(await withHeader(basic('sandbox_ck_test:')))).toEqual([401, 'UNAUTHORIZED_KEY']);
  });

  test('must be followed by a colon', async () => {
    const answer = await withHeader(basic('sandbox_sk_test'));
    expect(said(answer)).toEqual([403, 'INCORRECT_BASIC_AUTH_FORMAT']);
  });
});

describe('confirm', () => {
  test('takes the money once and returns the complete payment', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const { status, body, headers } = await bed.confirm(paymentKey, 'order-0001');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(body).toMatchObject({
      paymentKey,
      orderId: 'order-0001',
      status: 'DONE',
      method: '카드',
      type: 'NORMAL',
      currency: 'KRW',
      totalAmount: 15_000,
      balanceAmount: 15_000,
      suppliedAmount: 13_636,
      vat: 1_364,
      approvedAt: '2026-11-21T09:00:00+09:00',
      requestedAt: '2026-11-21T09:00:00+09:00',
      cancels: null,
      failure: null,
      card: { amount: 15_000, cardType: '신용', acquireStatus: 'READY' },
    });
    expect(body['lastTransactionKey']).toMatch(/^[0-9A-F]{32}$/);
    expect(String(body['secret']).length).toBeLessThanOrEqual(50);
    expect(paymentKey.length).toBeLessThanOrEqual(200);
    expect(await bed.ledger()).toMatchObject([
      { kind: 'capture', orderId: 'order-0001', amount: 15_000, paymentKey },
    ]);
  });

  test('returns every key of the payment object, null if it is not used', async () => {
    const { body } = await bed.confirm(await bed.authenticate('order-0001'), 'order-0001');
    const keys =
      'mId version lastTransactionKey paymentKey orderId orderName type method status currency ' +
      'country totalAmount balanceAmount suppliedAmount vat taxFreeAmount taxExemptionAmount ' +
      'requestedAt approvedAt useEscrow cultureExpense isPartialCancelable card virtualAccount ' +
      'transfer mobilePhone giftCertificate easyPay cashReceipt cashReceipts discount cancels ' +
      'metadata secret receipt checkout failure';
    expect(Object.keys(body)).toEqual(keys.split(' '));
  });

  test('responds in English if requested', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const english = { 'accept-language': 'en-US' };
    const { body } = await bed.confirm(paymentKey, 'order-0001', 15_000, english);
    expect(body).toMatchObject({ method: 'CARD', card: { cardType: 'CREDIT' } });
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, english);
    expect(again.body['message']).toBe(errorMessage('ALREADY_PROCESSED_PAYMENT', true));
  });

  test.each([
    ['not JSON', 'paymentKey=1'],
    ['no object', '[]'],
    ['no paymentKey', { orderId: 'order-0001', amount: 15_000 }],
    ['a paymentKey that is too long', { paymentKey: 'x'.repeat(201), orderId: 'o', amount: 1 }],
    ['no orderId', { paymentKey: 'x', amount: 15_000 }],
    ['an amount that is text', { paymentKey: 'x', orderId: 'order-0001', amount: '15000' }],
    ['an amount with a fraction', { paymentKey: 'x', orderId: 'order-0001', amount: 1.5 }],
  ])('refuses %s as a bad request', async (_name, body) => {
    const answer = await bed.api('/v1/payments/confirm', { body });
    expect(said(answer)).toEqual([400, 'INVALID_REQUEST']);
  });

  test('refuses an amount that differs from the one the buyer authenticated', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const answer = await bed.confirm(paymentKey, 'order-0001', 14_999);
    expect(said(answer)).toEqual([400, 'INVALID_REQUEST']);
    expect(await bed.ledger()).toEqual([]);
  });

  test('does not find a payment with an invented key', async () => {
    const answer = await bed.confirm('sbx_invented', 'order-0001');
    expect(said(answer)).toEqual([404, 'NOT_FOUND_PAYMENT']);
  });

  test('refuses a payment under another order', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const answer = await bed.confirm(paymentKey, 'order-0002');
    expect(said(answer)).toEqual([404, 'NOT_FOUND_PAYMENT_SESSION']);
  });

  test('refuses a payment ten minutes after the buyer authenticated it, not before', async () => {
    const early = await bed.authenticate('order-0001');
    const late = await bed.authenticate('order-0002');
    bed.advance(10 * 60_000 - 1);
    expect((await bed.confirm(early, 'order-0001')).status).toBe(200);
    bed.advance(1);
    const answer = await bed.confirm(late, 'order-0002');
    expect(said(answer)).toEqual([404, 'NOT_FOUND_PAYMENT_SESSION']);
    const { body } = await bed.api(`/v1/payments/${late}`);
    expect(body).toMatchObject({
      status: 'EXPIRED',
      method: null,
      approvedAt: null,
      failure: { code: 'EXPIRED_PAYMENT' },
    });
  });

  test('reports a second confirm without the same key as already processed', async () => {
    const paymentKey = await bed.paid('order-0001');
    const answer = await bed.confirm(paymentKey, 'order-0001');
    expect(said(answer)).toEqual([400, 'ALREADY_PROCESSED_PAYMENT']);
    expect(await bed.ledger()).toHaveLength(1);
  });

  test('ends the payment if the card company declines, and stores the reason', async () => {
    const paymentKey = await bed.authenticate('order-0001', 15_000, { outcome: 'decline' });
    const answer = await bed.confirm(paymentKey, 'order-0001');
    expect(said(answer)).toEqual([403, 'REJECT_CARD_COMPANY']);
    const { body } = await bed.api(`/v1/payments/${paymentKey}`);
    expect(body).toMatchObject({ status: 'ABORTED', failure: { code: 'REJECT_CARD_COMPANY' } });
    expect(await bed.ledger()).toEqual([]);
  });

  test('leaves the payment open if the card company only had an error', async () => {
    const paymentKey = await bed.authenticate('order-0001', 15_000, { outcome: 'PROVIDER_ERROR' });
    const answer = await bed.confirm(paymentKey, 'order-0001');
    expect(said(answer)).toEqual([400, 'PROVIDER_ERROR']);
    expect((await bed.confirm(paymentKey, 'order-0001')).status).toBe(200);
  });

  test.each([
    ['CARD', 99, 'BELOW_MINIMUM_AMOUNT'],
    ['TRANSFER', 199, 'BELOW_MINIMUM_AMOUNT'],
    ['TRANSFER', 10_000_001, 'EXCEED_MAX_AMOUNT'],
  ])('refuses %s of %i won', async (method, amount, code) => {
    const paymentKey = await bed.authenticate('order-0001', amount, { method });
    expect(said(await bed.confirm(paymentKey, 'order-0001', amount))).toEqual([400, code]);
  });

  test.each([
    ['CARD', 100, 'card'],
    ['TRANSFER', 200, 'transfer'],
    ['EASY_PAY', 100, 'easyPay'],
  ])('takes %s of %i won and describes it under %s', async (method, amount, field) => {
    const paymentKey = await bed.authenticate('order-0001', amount, { method });
    const { status, body } = await bed.confirm(paymentKey, 'order-0001', amount);
    expect(status).toBe(200);
    const described = ['card', 'transfer', 'easyPay', 'virtualAccount'].filter(
      (each) => body[each] !== null,
    );
    expect(described).toEqual([field]);
  });

  test('allows a merchant to charge one order twice, as the provider does', async () => {
    const first = await bed.authenticate('order-0001');
    const second = await bed.authenticate('order-0001');
    expect((await bed.confirm(first, 'order-0001')).status).toBe(200);
    expect((await bed.confirm(second, 'order-0001')).status).toBe(200);
    const { status, body } = await bed.control('assert-no-double-charge');
    expect(status).toBe(409);
    expect(body).toMatchObject({
      ok: false,
      doubleCharged: [{ orderId: 'order-0001', net: 30_000 }],
    });
  });

  test('refuses a new payment for an order whose payment has ended', async () => {
    await bed.paid('order-0001');
    const answer = await bed.control('authenticate', { orderId: 'order-0001', amount: 15_000 });
    expect(said(answer)).toEqual([400, 'DUPLICATED_ORDER_ID']);
  });
});

describe('queries', () => {
  test('find a payment by its key and by its order in every state', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const byKey = await bed.api(`/v1/payments/${paymentKey}`);
    expect(byKey.body).toMatchObject({
      status: 'IN_PROGRESS',
      lastTransactionKey: null,
      approvedAt: null,
      receipt: null,
    });
    await bed.confirm(paymentKey, 'order-0001');
    const byOrder = await bed.api('/v1/payments/orders/order-0001');
    expect(byOrder.body).toMatchObject({ status: 'DONE', paymentKey });
    expect(byOrder.body).toEqual((await bed.api(`/v1/payments/${paymentKey}`)).body);
  });

  test.each(['/v1/payments/sbx_invented', '/v1/payments/orders/order-9999'])(
    'do not find %s',
    async (path) => {
      expect(said(await bed.api(path))).toEqual([404, 'NOT_FOUND_PAYMENT']);
    },
  );

  test.each([
    ['GET', '/v1/elsewhere'],
    ['GET', '/v1/payments/a/b'],
    ['GET', '/v1/payments/%E0%A4%A'],
    ['DELETE', '/v1/payments/sbx_invented'],
  ])('are answered with 404 at any other address: %s %s', async (method, path) => {
    expect(said(await bed.api(path, { method }))).toEqual([404, 'NOT_FOUND']);
  });
});

describe('transactions', () => {
  const list = (query: string): Promise<Told> => bed.api(`/v1/transactions?${query}`);
  const day = 'startDate=2026-11-21T00:00:00&endDate=2026-11-21T23:59:59';

  test('list captures and refunds in order, refunds as negative amounts', async () => {
    const paymentKey = await bed.paid('order-0001');
    bed.advance(1000);
    await bed.cancel(paymentKey, { cancelAmount: 4_000 });
    const { status, body } = await list(day);
    expect(status).toBe(200);
    expect(body).toMatchObject([
      { orderId: 'order-0001', paymentKey, status: 'DONE', amount: 15_000, method: '카드' },
      {
        status: 'PARTIAL_CANCELED',
        amount: -4_000,
        transactionAt: '2026-11-21T09:00:01+09:00',
        currency: 'KRW',
      },
    ]);
  });

  test('page by the last transaction key', async () => {
    for (const order of ['order-0001', 'order-0002', 'order-0003']) await bed.paid(order);
    const first = (await list(`${day}&limit=2`)).body as unknown as { transactionKey: string }[];
    const rest = await list(`${day}&limit=2&startingAfter=${first[1]!.transactionKey}`);
    expect(rest.body).toMatchObject([{ orderId: 'order-0003' }]);
  });

  test('contain only what happened between the two instants', async () => {
    await bed.paid('order-0001');
    const none = await list('startDate=2026-11-20T00:00:00&endDate=2026-11-21T08:59:59');
    expect(none.body).toEqual([]);
    const utc = await list('startDate=2026-11-21T00:00:00Z&endDate=2026-11-21T00:00:00Z');
    expect(utc.body).toHaveLength(1);
  });

  test.each([
    '',
    'startDate=2026-11-21T00:00:00',
    'startDate=yesterday&endDate=today',
    'startDate=2026-11-22T00:00:00&endDate=2026-11-21T00:00:00',
    `${day}&limit=0`,
    `${day}&limit=5001`,
    `${day}&startingAfter=unknown`,
  ])('refuse the query %j', async (query) => {
    expect(said(await list(query))).toEqual([400, 'INVALID_REQUEST']);
  });
});

describe('TossPayments-Test-Code', () => {
  const asks: Record<CallName, () => [string, object]> = {
    confirm: () => ['/v1/payments/confirm', { body: {} }],
    cancel: () => ['/v1/payments/sbx_invented/cancel', { body: {} }],
    query: () => ['/v1/payments/sbx_invented', {}],
    'query-by-order': () => ['/v1/payments/orders/order-0001', {}],
    transactions: () => ['/v1/transactions', {}],
    'virtual-accounts': () => ['/v1/virtual-accounts', { body: {} }],
  };
  const every = (Object.keys(asks) as CallName[]).flatMap((call) =>
    [...documentedCodes[call]].map((code) => [call, code] as const),
  );

  test.each(every)('forces on %s the documented %s with its status', async (call, code) => {
    const [path, ask] = asks[call]();
    const answer = await bed.api(path, { ...ask, headers: { 'tosspayments-test-code': code } });
    expect(said(answer)).toEqual([errors[code].status, code]);
    expect(answer.body['message']).toBe(errorMessage(code, false));
  });

  test('refuses a code that the call does not have', async () => {
    for (const code of ['NO_SUCH_CODE', 'ALREADY_CANCELED_PAYMENT', 'constructor']) {
      const answer = await bed.api('/v1/payments/confirm', {
        body: {},
        headers: { 'tosspayments-test-code': code },
      });
      expect(said(answer)).toEqual([400, 'INVALID_TEST_CODE']);
    }
  });

  test('does not change the payment', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const headers = { 'tosspayments-test-code': 'REJECT_CARD_COMPANY', 'idempotency-key': 'k' };
    await bed.confirm(paymentKey, 'order-0001', 15_000, headers);
    const real = await bed.confirm(paymentKey, 'order-0001', 15_000, { 'idempotency-key': 'k' });
    expect(real.status).toBe(200);
  });
});

describe('the table of codes', () => {
  test('has the statuses of the reference for the calls that a merchant depends on', () => {
    const statusOf = (call: CallName, status: number): number =>
      [...documentedCodes[call]].filter((code) => errors[code].status === status).length;
    const counts = (call: CallName): number[] =>
      [400, 401, 403, 404, 409, 500].map((status) => statusOf(call, status));
    expect(counts('confirm')).toEqual([32, 1, 11, 2, 1, 3]);
    expect(counts('cancel')).toEqual([13, 1, 10, 1, 1, 6]);
    expect(counts('query')).toEqual([0, 1, 2, 2, 0, 1]);
  });
});

test('refuses a body beyond its limit', async () => {
  const answer = await fetch(`${bed.base}/v1/payments/confirm`, {
    method: 'POST',
    body: 'x'.repeat(70_000),
  });
  expect(answer.status).toBe(413);
});

test('says so when it holds as many payments as it may', async () => {
  const small = await startSandbox({ paymentsMax: 1 });
  await small.authenticate('order-0001');
  const answer = await small.control('authenticate', { orderId: 'order-0002', amount: 1000 });
  expect(said(answer)).toEqual([503, 'SANDBOX_FULL']);
});

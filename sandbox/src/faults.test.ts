import { until } from '@usher/tests/support/until.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Bed, startSandbox, type Told } from './test-bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

const said = ({ status, body }: Told): [number, unknown] => [status, body['code']];
const key = (text: string) => ({ 'idempotency-key': text });
const rule = async (body: object): Promise<string> => {
  const { status, body: made } = await bed.control('rules', body);
  expect(status).toBe(200);
  return String(made['id']);
};
const callsMade = async (): Promise<Record<string, unknown>[]> =>
  (await bed.control('calls')).body['calls'] as Record<string, unknown>[];
const statusOf = async (paymentKey: string): Promise<unknown> =>
  (await bed.api(`/v1/payments/${paymentKey}`)).body['status'];
/** What the caller gets: an answer, or no knowledge of the outcome. */
const outcome = (call: Promise<Told>): Promise<Told | 'unknown'> => call.catch(() => 'unknown');

describe.each(['reset', 'truncate'])('%s', (action) => {
  test('before the commit gives no answer, and the buyer keeps the money', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, times: 1, phase: 'before-commit', action });
    expect(await outcome(bed.confirm(paymentKey, 'order-0001', 15_000, key('k1')))).toBe('unknown');
    expect(await bed.ledger()).toEqual([]);
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(again.status).toBe(200);
  });

  test('after the commit gives no answer, but the ledger has the charge', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, times: 1, phase: 'after-commit', action });
    expect(await outcome(bed.confirm(paymentKey, 'order-0001', 15_000, key('k1')))).toBe('unknown');
    expect(await bed.ledger()).toMatchObject([{ kind: 'capture', amount: 15_000 }]);
    expect(await statusOf(paymentKey)).toBe('DONE');
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(again.body).toMatchObject({ status: 'DONE' });
    expect(await bed.ledger()).toHaveLength(1);
  });
});

describe('hang', () => {
  test.each([
    ['before-commit', 0, 'IN_PROGRESS'],
    ['after-commit', 1, 'DONE'],
  ])('%s never answers; the ledger has %i captures', async (phase, captures, status) => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, times: 1, phase, action: 'hang' });
    const hanging = outcome(bed.confirm(paymentKey, 'order-0001', 15_000, key('k1')));
    await until('the call has come', async () => (await callsMade()).length === 1);
    expect(await bed.ledger()).toHaveLength(captures);
    expect(await statusOf(paymentKey)).toBe(status);
    bed.advance(120_000);
    expect(await hanging).toBe('unknown');
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(again.body).toMatchObject({ status: 'DONE' });
    expect(await bed.ledger()).toHaveLength(1);
  });

  test('ends by itself when the caller has disconnected', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, phase: 'after-commit', action: 'hang' });
    const gone = new AbortController();
    const hanging = fetch(`${bed.base}/v1/payments/confirm`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('sandbox_sk_test:').toString('base64')}` },
      body: JSON.stringify({ paymentKey, orderId: 'order-0001', amount: 15_000 }),
      signal: gone.signal,
    }).catch(() => 'unknown');
    await until('the money is taken', async () => (await bed.ledger()).length === 1);
    gone.abort();
    expect(await hanging).toBe('unknown');
    expect(await callsMade()).toMatchObject([{ status: 200, fault: 'after-commit hang' }]);
  });
});

describe('delay', () => {
  test('before the commit: the same key is running, for another the payment is busy', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, times: 1, action: 'delay', delayMs: 5_000 });
    const slow = bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    await until('the call has come', async () => (await callsMade()).length === 1);
    const same = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(said(same)).toEqual([409, 'IDEMPOTENT_REQUEST_PROCESSING']);
    const other = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k2'));
    expect(said(other)).toEqual([400, 'ALREADY_PROCESSING_REQUEST']);
    expect(await bed.ledger()).toEqual([]);
    bed.advance(5_000);
    expect((await slow).status).toBe(200);
    const replayed = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(replayed.body).toEqual((await slow).body);
    const afterwards = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k2'));
    expect(said(afterwards)).toEqual([400, 'ALREADY_PROCESSED_PAYMENT']);
    expect(await bed.ledger()).toHaveLength(1);
  });

  test('before the commit: the money is taken even if the caller has disconnected', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, action: 'delay', delayMs: 60_000 });
    const gone = new AbortController();
    const slow = fetch(`${bed.base}/v1/payments/confirm`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('sandbox_sk_test:').toString('base64')}` },
      body: JSON.stringify({ paymentKey, orderId: 'order-0001', amount: 15_000 }),
      signal: gone.signal,
    }).catch(() => 'unknown');
    await until('the call has come', async () => (await callsMade()).length === 1);
    gone.abort();
    expect(await slow).toBe('unknown');
    expect(await statusOf(paymentKey)).toBe('IN_PROGRESS');
    bed.advance(60_000);
    expect(await statusOf(paymentKey)).toBe('DONE');
  });

  test('after the commit: the money is taken at once, the answer comes later', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const phase = 'after-commit';
    await rule({ match: { call: 'confirm' }, phase, action: 'delay', delayMs: 5_000 });
    const slow = bed.confirm(paymentKey, 'order-0001');
    await until('the money is taken', async () => (await bed.ledger()).length === 1);
    bed.advance(5_000);
    expect((await slow).body).toMatchObject({ status: 'DONE' });
  });

  test('postpones the expiry of a payment until its running confirm is decided', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    bed.advance(599_000);
    await rule({ match: { call: 'confirm' }, action: 'delay', delayMs: 5_000 });
    const slow = bed.confirm(paymentKey, 'order-0001');
    await until('the call has come', async () => (await callsMade()).length === 1);
    bed.advance(5_000);
    expect((await slow).status).toBe(200);
  });

  test('is added to every call as latency', async () => {
    await bed.control('settings', { latencyMs: 50 }, 'PATCH');
    const paymentKey = await bed.authenticate('order-0001');
    const slow = bed.confirm(paymentKey, 'order-0001');
    await until('the call has come', async () => (await callsMade()).length === 1);
    expect(await bed.ledger()).toEqual([]);
    bed.advance(50);
    expect((await slow).status).toBe(200);
  });
});

describe('a forced answer', () => {
  test('before the commit moves no money and is repeated by a replay', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const code = 'FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING';
    await rule({ match: { call: 'confirm' }, times: 1, action: 'answer', code });
    const first = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(said(first)).toEqual([500, code]);
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(said(again)).toEqual([500, code]);
    expect(await bed.ledger()).toEqual([]);
  });

  test('after the commit is an error although the money was taken', async () => {
    const paymentKey = await bed.authenticate('order-0001');
    const answer = { action: 'answer', code: 'PROVIDER_ERROR' };
    await rule({ match: { call: 'confirm' }, times: 1, phase: 'after-commit', ...answer });
    const first = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(said(first)).toEqual([400, 'PROVIDER_ERROR']);
    expect(await statusOf(paymentKey)).toBe('DONE');
  });

  test('may have a status and a code that are in no table', async () => {
    const message = 'brand new';
    await rule({ match: { call: 'query' }, action: 'answer', status: 418, code: 'NEW', message });
    const { status, body } = await bed.api('/v1/payments/sbx_invented');
    expect([status, body]).toEqual([418, { code: 'NEW', message }]);
  });

  test.each([
    ['before-commit', 0],
    ['after-commit', 1],
  ])('may be the page of a gateway, %s, which no key stores', async (phase, captures) => {
    const paymentKey = await bed.authenticate('order-0001');
    await rule({ match: { call: 'confirm' }, times: 1, phase, action: 'html', status: 504 });
    const answer = await fetch(`${bed.base}/v1/payments/confirm`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from('sandbox_sk_test:').toString('base64')}`,
        ...key('k1'),
      },
      body: JSON.stringify({ paymentKey, orderId: 'order-0001', amount: 15_000 }),
    });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([504, 'text/html']);
    await answer.text();
    expect(await bed.ledger()).toHaveLength(captures);
    const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
    expect(again.body).toMatchObject({ status: 'DONE' });
    expect(await bed.ledger()).toHaveLength(1);
  });
});

describe('a rule', () => {
  const answer = { action: 'answer', code: 'COMMON_ERROR' };
  const wasStruck = async (path: string): Promise<boolean> =>
    (await bed.api(path)).body['code'] === 'COMMON_ERROR';

  test('applies only to the calls that it names, and only the given number of times', async () => {
    const paymentKey = await bed.paid('order-0001');
    await bed.paid('order-0002');
    await rule({ match: { call: 'query-by-order', orderId: 'order-0001' }, times: 2, ...answer });
    expect(await wasStruck(`/v1/payments/${paymentKey}`)).toBe(false);
    expect(await wasStruck('/v1/payments/orders/order-0002')).toBe(false);
    expect(await wasStruck('/v1/payments/orders/order-0001')).toBe(true);
    expect(await wasStruck('/v1/payments/orders/order-0001')).toBe(true);
    expect(await wasStruck('/v1/payments/orders/order-0001')).toBe(false);
  });

  test('by order matches calls that name only the payment', async () => {
    const paymentKey = await bed.paid('order-0001');
    await rule({ match: { orderId: 'order-0001' }, ...answer });
    expect(said(await bed.cancel(paymentKey))).toEqual([500, 'COMMON_ERROR']);
    expect(await wasStruck(`/v1/payments/${paymentKey}`)).toBe(true);
  });

  test('by payment matches calls that name only the order', async () => {
    const paymentKey = await bed.paid('order-0001');
    await rule({ match: { paymentKey }, ...answer });
    expect(await wasStruck('/v1/payments/orders/order-0001')).toBe(true);
  });

  test('is listed with the number of its matches, and can be removed', async () => {
    const id = await rule({ match: { call: 'any' }, ...answer });
    await bed.api('/v1/transactions');
    expect((await bed.control('rules')).body).toMatchObject({ rules: [{ id, struck: 1 }] });
    expect((await bed.control(`rules/${id}`, undefined, 'DELETE')).status).toBe(200);
    expect((await bed.control(`rules/${id}`, undefined, 'DELETE')).status).toBe(404);
    expect(await wasStruck('/v1/payments/sbx_invented')).toBe(false);
    await rule({ ...answer });
    await bed.control('rules', undefined, 'DELETE');
    expect((await bed.control('rules')).body).toEqual({ rules: [] });
  });

  test.each([
    [{}],
    [{ action: 'explode' }],
    [{ action: 'delay' }],
    [{ action: 'hang', match: { call: 'refund' } }],
    [{ action: 'hang', times: 0 }],
    [{ action: 'hang', unheard: 1 }],
    [{ action: 'answer' }],
  ])('that makes no sense is refused: %j', async (body) => {
    expect(said(await bed.control('rules', body))).toEqual([400, 'BAD_CONTROL_CALL']);
  });
});

describe('a payment that is set to time out', () => {
  test.each([
    ['timeout', 1],
    ['lost', 0],
  ])(
    '%s: no answer, %i captures; a retry with the same key shows which',
    async (chosen, captures) => {
      const paymentKey = await bed.authenticate('order-0001', 15_000, { outcome: chosen });
      const hanging = outcome(bed.confirm(paymentKey, 'order-0001', 15_000, key('k1')));
      await until('the call has come', async () => (await callsMade()).length === 1);
      expect(await bed.ledger()).toHaveLength(captures);
      const again = await bed.confirm(paymentKey, 'order-0001', 15_000, key('k1'));
      expect(again.body).toMatchObject({ status: 'DONE' });
      expect(await bed.ledger()).toHaveLength(1);
      bed.advance(120_000);
      expect(await hanging).toBe('unknown');
    },
  );

  test('does not time out at a confirm that is refused anyway', async () => {
    const paymentKey = await bed.authenticate('order-0001', 15_000, { outcome: 'timeout' });
    const wrong = await bed.confirm(paymentKey, 'order-0001', 1);
    expect(said(wrong)).toEqual([400, 'INVALID_REQUEST']);
  });
});

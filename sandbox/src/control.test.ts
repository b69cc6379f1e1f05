import { beforeEach, describe, expect, test } from 'vitest';
import { type Bed, startSandbox } from './test-bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await startSandbox();
});

describe('authenticate', () => {
  test('creates thousands of payments in one call, and reports refused orders', async () => {
    await bed.paid('order-0000');
    const payments = Array.from({ length: 999 }, (_, at) => ({
      orderId: `order-${String(at).padStart(4, '0')}`,
      amount: 15_000,
    }));
    const { status, body } = await bed.control('authenticate', { payments });
    const made = body['payments'] as { orderId: string; paymentKey?: string; code?: string }[];
    expect(status).toBe(200);
    expect(made[0]).toEqual({ orderId: 'order-0000', code: 'DUPLICATED_ORDER_ID' });
    expect(made.map(({ orderId }) => orderId)).toEqual(payments.map(({ orderId }) => orderId));
    const keys = made.slice(1).map(({ paymentKey }) => paymentKey!);
    expect(new Set(keys).size).toBe(998);
    expect((await bed.confirm(keys[997]!, 'order-0998')).status).toBe(200);
  });

  test.each([
    [{ orderId: 'short', amount: 1000 }],
    [{ orderId: 'order-0001' }],
    [{ orderId: 'order-0001', amount: 0 }],
    [{ orderId: 'order-0001', amount: 1000, outcome: 'maybe' }],
    [{ orderId: 'order-0001', amount: 1000, outcome: 'NOT_CANCELABLE_AMOUNT' }],
    [{ orderId: 'order-0001', amount: 1000, unheard: 1 }],
    ['{'],
  ])('refuses %j', async (body) => {
    const answer = await bed.control('authenticate', body);
    expect([answer.status, answer.body['code']]).toEqual([400, 'BAD_CONTROL_CALL']);
  });

  test('draws the outcome with the configured probabilities if none is given', async () => {
    await bed.control('settings', { declinePercent: 30 }, 'PATCH');
    const payments = Array.from({ length: 300 }, (_, at) => ({
      orderId: `order-${String(at).padStart(4, '0')}`,
      amount: 15_000,
    }));
    const { body } = await bed.control('authenticate', { payments });
    const made = body['payments'] as { orderId: string; paymentKey: string }[];
    const answers = await Promise.all(
      made.map(({ orderId, paymentKey }) => bed.confirm(paymentKey, orderId)),
    );
    const declined = answers.filter(({ status }) => status === 403).length;
    // The numbers are seeded, so this is a fixed draw of a binomial, not chance.
    expect(declined).toBeGreaterThan(60);
    expect(declined).toBeLessThan(120);
    expect(await bed.ledger()).toHaveLength(300 - declined);
  });
});

describe('the double-charge check', () => {
  test('passes if every order was charged once', async () => {
    await bed.paid('order-0001');
    await bed.cancel(await bed.paid('order-0002'));
    const { status, body } = await bed.control('assert-no-double-charge');
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: true, captures: 2, refunds: 1, captured: 30_000 });
  });

  test('finds a planted double charge, until the surplus is refunded', async () => {
    const first = await bed.authenticate('order-0001');
    const second = await bed.authenticate('order-0001');
    await bed.confirm(first, 'order-0001');
    await bed.confirm(second, 'order-0001');
    const { status, body } = await bed.control('assert-no-double-charge');
    expect(status).toBe(409);
    expect(body).toMatchObject({
      ok: false,
      doubleCharged: [{ orderId: 'order-0001', paymentKeys: [first, second] }],
    });
    await bed.cancel(second);
    expect((await bed.control('assert-no-double-charge')).status).toBe(200);
  });

  test('lists payments that were confirmed under a changed key or none', async () => {
    const steady = await bed.authenticate('order-0001');
    const changed = await bed.authenticate('order-0002');
    const bare = await bed.authenticate('order-0003');
    const key = (text: string) => ({ 'idempotency-key': text });
    for (const text of ['k1', 'k1']) await bed.confirm(steady, 'order-0001', 15_000, key(text));
    for (const text of ['k2', 'k3']) await bed.confirm(changed, 'order-0002', 15_000, key(text));
    await bed.confirm(bare, 'order-0003');
    const { body } = await bed.control('assert-no-double-charge');
    expect(body['changedKeys']).toEqual([
      { paymentKey: changed, idempotencyKeys: ['k2', 'k3'] },
      { paymentKey: bare, idempotencyKeys: [null] },
    ]);
  });
});

test('the ledger is paged, and summed by order', async () => {
  const paymentKey = await bed.paid('order-0001');
  await bed.cancel(paymentKey, { cancelAmount: 5_000 });
  await bed.paid('order-0002');
  const page = (await bed.control('ledger?from=1&limit=1')).body;
  expect(page).toMatchObject({ size: 3, entries: [{ seq: 1, kind: 'refund', amount: 5_000 }] });
  expect((await bed.control('ledger/orders')).body['orders']).toEqual([
    {
      orderId: 'order-0001',
      captures: 1,
      captured: 15_000,
      refunded: 5_000,
      net: 10_000,
      paymentKeys: [paymentKey],
    },
    expect.objectContaining({ orderId: 'order-0002', net: 15_000 }),
  ]);
});

test('every call is recorded with its idempotency key and its decision', async () => {
  const paymentKey = await bed.authenticate('order-0001');
  const key = { 'idempotency-key': 'k1' };
  await bed.confirm(paymentKey, 'order-0001', 1, key);
  await bed.confirm(paymentKey, 'order-0001', 15_000, key);
  await bed.cancel(paymentKey, { cancelAmount: 100 }, { 'idempotency-key': 'k2' });
  await bed.api('/v1/payments/orders/order-0001');
  await bed.paid('order-0002');
  const { body } = await bed.control('calls?orderId=order-0001');
  const shared = { orderId: 'order-0001', paymentKey, fault: null };
  expect(body).toMatchObject({ made: 5, overwritten: 0, found: 4 });
  expect(body['calls']).toMatchObject([
    { ...shared, call: 'confirm', idempotencyKey: 'k1', amount: 1, status: 400, isReplay: false },
    { ...shared, call: 'confirm', idempotencyKey: 'k1', status: 400, isReplay: true },
    { call: 'cancel', idempotencyKey: 'k2', amount: 100, code: 'NOT_CANCELABLE_PAYMENT' },
    { ...shared, call: 'query-by-order', idempotencyKey: null, status: 200 },
  ]);
  const cancels = await bed.control(`calls?call=cancel&paymentKey=${paymentKey}`);
  expect(cancels.body).toMatchObject({ found: 1 });
});

test('the clock shows its time and moves only forward', async () => {
  expect((await bed.control('clock')).body).toEqual({ now: '2026-11-21T00:00:00.000Z' });
  const { body } = await bed.control('clock/advance', { ms: 60_000 });
  expect(body).toEqual({ now: '2026-11-21T00:01:00.000Z' });
  expect((await bed.control('clock/advance', { ms: -1 })).status).toBe(400);
});

test('settings can be read and partly changed, and are validated', async () => {
  const { body } = await bed.control(
    'settings',
    { latencyMs: 5, webhookUrl: 'http://127.0.0.1:9/hook' },
    'PATCH',
  );
  expect(body).toMatchObject({ latencyMs: 5, declinePercent: 0 });
  await bed.control('settings', { webhookUrl: null, latencyMs: 0 }, 'PATCH');
  expect((await bed.control('settings')).body).toMatchObject({ latencyMs: 0, webhookUrl: null });
  for (const wrong of [{ declinePercent: 101 }, { unheard: 1 }, { webhookUrl: 'ftp://x/' }]) {
    expect((await bed.control('settings', wrong, 'PATCH')).status).toBe(400);
  }
});

test('a dashboard cancel and a deposit require a payment that allows them', async () => {
  for (const call of ['operator-cancel', 'deposit', 'reverse-deposit']) {
    expect((await bed.control(call, { orderId: 'order-9999' })).status).toBe(404);
  }
  await bed.paid('order-0001');
  const cancelled = await bed.control('operator-cancel', { orderId: 'order-0001' });
  expect(cancelled.body).toMatchObject({ status: 'CANCELED' });
  expect((await bed.control('operator-cancel', { orderId: 'order-0001' })).status).toBe(400);
});

test('reset clears everything but the clock and the settings', async () => {
  const paymentKey = await bed.paid('order-0001');
  await bed.control('rules', { action: 'hang' });
  await bed.control('reset', {});
  expect((await bed.control('stats')).body).toMatchObject({
    payments: 0,
    idempotencyKeys: 0,
    ledgerEntries: 0,
    calls: 0,
  });
  expect((await bed.api(`/v1/payments/${paymentKey}`)).status).toBe(404);
  expect((await bed.confirm(await bed.authenticate('order-0001'), 'order-0001')).status).toBe(200);
});

test('an unknown control call is answered with the list of existing ones', async () => {
  const { status, body } = await bed.control('lever');
  expect(status).toBe(404);
  expect(body['calls']).toContain('POST /__ctl/authenticate');
});

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@usher/tests/support/until.ts';
import { describe, expect, test } from 'vitest';
import type { Settings } from './settings.ts';
import { type Bed, startSandbox, whenOver } from './test-bed.ts';

type Heard = {
  headers: Record<string, unknown>;
  body: Record<string, unknown> & { data: Record<string, unknown> };
};

/** A merchant's webhook address; `answer` decides the response to each call. */
const startMerchant = async (
  answer: (res: ServerResponse, calls: number) => void = (res) => res.end(),
) => {
  const heard: Heard[] = [];
  const server = createServer((req: IncomingMessage, res) => {
    let text = '';
    req.on('data', (chunk) => {
      text += chunk;
    });
    req.on('end', () => {
      heard.push({ headers: req.headers, body: JSON.parse(text) as Heard['body'] });
      answer(res, heard.length);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  whenOver(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks?from=sandbox`;
  return { heard, url };
};

const startBoth = async (
  answer?: (res: ServerResponse, calls: number) => void,
  settings: Partial<Settings> = {},
) => {
  const merchant = await startMerchant(answer);
  const bed = await startSandbox({ webhookUrl: merchant.url, settings });
  return { bed, ...merchant };
};

type Shown = { state: string; attempts: { atMs: number; result: unknown }[] };
const shown = async (bed: Bed): Promise<Shown[]> =>
  (await bed.control('webhooks')).body['webhooks'] as Shown[];
const statuses = (heard: Heard[]): unknown[] => heard.map(({ body }) => body.data['status']);
const minute = 60_000;

describe('PAYMENT_STATUS_CHANGED', () => {
  test('carries the payment, the time without offset and the transmission’s headers', async () => {
    const { bed, heard } = await startBoth();
    const paymentKey = await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    expect(heard).toHaveLength(1);
    const payment = (await bed.api(`/v1/payments/${paymentKey}`)).body;
    expect(heard[0]!.body).toEqual({
      eventType: 'PAYMENT_STATUS_CHANGED',
      createdAt: '2026-11-21T09:00:00.000000',
      data: payment,
    });
    expect(heard[0]!.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'tosspayments-webhook-transmission-time': '2026-11-21T09:00:00+09:00',
      'tosspayments-webhook-transmission-retried-count': '0',
      'tosspayments-webhook-transmission-id': expect.stringMatching(/^whtrans_\w+$/),
    });
    expect(heard[0]!.headers).not.toHaveProperty('tosspayments-webhook-signature');
  });

  test('is sent for DONE, cancels, a decline and an expiry, and for nothing else', async () => {
    const { bed, heard } = await startBoth();
    const paymentKey = await bed.paid('order-0001');
    await bed.cancel(paymentKey, { cancelAmount: 1_000 });
    await bed.cancel(paymentKey);
    await bed.paid('order-0002', 15_000, { outcome: 'decline' });
    await bed.authenticate('order-0003');
    await bed.whenWebhooksIdle();
    expect(statuses(heard)).toEqual(['DONE', 'PARTIAL_CANCELED', 'CANCELED', 'ABORTED']);
    bed.advance(10 * minute);
    await bed.whenWebhooksIdle();
    expect(heard.at(-1)!.body.data).toMatchObject({ orderId: 'order-0003', status: 'EXPIRED' });
    expect(heard).toHaveLength(5);
  });

  test('is sent before the answer if the answer is late', async () => {
    const { bed, heard } = await startBoth();
    const paymentKey = await bed.authenticate('order-0001');
    const rule = { phase: 'after-commit', action: 'delay', delayMs: 1_000 };
    await bed.control('rules', { match: { call: 'confirm' }, ...rule });
    const confirming = bed.confirm(paymentKey, 'order-0001');
    await until('the webhook has come', () => heard.length === 1);
    bed.advance(1_000);
    expect((await confirming).status).toBe(200);
  });

  test('is sent after a cancel in the provider’s dashboard', async () => {
    const { bed, heard } = await startBoth();
    await bed.paid('order-0001');
    await bed.control('operator-cancel', { orderId: 'order-0001', cancelAmount: 5_000 });
    await bed.whenWebhooksIdle();
    expect(statuses(heard)).toEqual(['DONE', 'PARTIAL_CANCELED']);
  });
});

test('comes with the flat deposit callback for a virtual account, none on expiry', async () => {
  const { bed, heard } = await startBoth();
  await bed.paid('order-0001', 15_000, { method: 'VIRTUAL_ACCOUNT' });
  await bed.control('deposit', { orderId: 'order-0001' });
  await bed.control('reverse-deposit', { orderId: 'order-0001' });
  await bed.whenWebhooksIdle();
  const flat = heard.map(({ body }) => body).filter((body) => body['eventType'] === undefined);
  expect(flat.map((body) => body['status']).sort()).toEqual([
    'DONE',
    'WAITING_FOR_DEPOSIT',
    'WAITING_FOR_DEPOSIT',
  ]);
  expect(Object.keys(flat[0]!)).toEqual([
    'createdAt',
    'secret',
    'status',
    'transactionKey',
    'orderId',
  ]);
  expect(heard).toHaveLength(4);
  bed.advance(168 * 60 * minute);
  await bed.api('/v1/payments/orders/order-0001');
  await bed.whenWebhooksIdle();
  expect(heard).toHaveLength(4);
});

describe('retries', () => {
  test('are sent after 1, 4, 16, 64, 256, 1024 and 4096 minutes, then no more', async () => {
    const { bed, heard } = await startBoth((res) => res.writeHead(500).end());
    await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    let passed = 0;
    for (const [at, minutes] of [1, 4, 16, 64, 256, 1024, 4096].entries()) {
      bed.advance(minutes * minute - 1);
      await bed.whenWebhooksIdle();
      expect(heard).toHaveLength(at + 1);
      bed.advance(1);
      await until('the next try', () => heard.length === at + 2);
      await bed.whenWebhooksIdle();
      passed += minutes;
    }
    expect(passed).toBe(5461);
    bed.advance(100_000 * minute);
    await bed.whenWebhooksIdle();
    expect(heard).toHaveLength(8);
    expect(await shown(bed)).toMatchObject([{ state: 'given-up' }]);
    const ids = heard.map(({ headers }) => headers['tosspayments-webhook-transmission-id']);
    expect(new Set(ids).size).toBe(1);
    expect(
      heard.map(({ headers }) => headers['tosspayments-webhook-transmission-retried-count']),
    ).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  test('end with the first 200, and the body stays the same', async () => {
    const { bed, heard } = await startBoth((res, calls) =>
      res.writeHead(calls < 3 ? 204 : 200).end(),
    );
    const paymentKey = await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    bed.advance(minute);
    await until('the second try', () => heard.length === 2);
    await bed.whenWebhooksIdle();
    bed.advance(4 * minute);
    await until('the third try', () => heard.length === 3);
    await bed.whenWebhooksIdle();
    expect(heard[2]!.body).toEqual(heard[0]!.body);
    expect(await shown(bed)).toMatchObject([
      { state: 'delivered', attempts: [{ result: 204 }, { result: 204 }, { result: 200 }] },
    ]);
    bed.advance(100_000 * minute);
    await bed.whenWebhooksIdle();
    expect(heard).toHaveLength(3);
    expect(paymentKey).toBe(heard[0]!.body.data['paymentKey']);
  });

  test('are all sent in order if the clock jumps over all of them', async () => {
    const { bed, heard } = await startBoth((res) => res.writeHead(503).end());
    await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    bed.advance(5461 * minute);
    await until('all tries', () => heard.length === 8);
    await bed.whenWebhooksIdle();
    const [delivery] = await shown(bed);
    const startedAt = delivery!.attempts[0]!.atMs;
    expect(delivery!.attempts.map(({ atMs }) => (atMs - startedAt) / minute)).toEqual([
      0, 1, 5, 21, 85, 341, 1365, 5461,
    ]);
  });

  test('are sent if the merchant takes longer than ten seconds', async () => {
    const { bed, heard } = await startBoth((res, calls) => {
      if (calls > 1) res.end();
    });
    await bed.paid('order-0001');
    await until('the first try', () => heard.length === 1);
    bed.advance(9_999);
    expect(await shown(bed)).toMatchObject([{ attempts: [{ result: 'running' }] }]);
    bed.advance(1);
    expect(await shown(bed)).toMatchObject([{ attempts: [{ result: 'timeout' }] }]);
    bed.advance(minute);
    await until('the second try', () => heard.length === 2);
    await bed.whenWebhooksIdle();
    expect(await shown(bed)).toMatchObject([{ state: 'delivered' }]);
  });

  test('are sent if the merchant is unreachable', async () => {
    const bed = await startSandbox({ webhookUrl: 'http://127.0.0.1:1/hooks' });
    await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    expect(await shown(bed)).toMatchObject([
      { state: 'pending', attempts: [{ result: 'failed' }] },
    ]);
  });
});

describe('webhook settings', () => {
  test('duplicate: the same transmission is sent twice', async () => {
    const { bed, heard } = await startBoth(undefined, { webhookDuplicatePercent: 100 });
    await bed.paid('order-0001');
    await bed.whenWebhooksIdle();
    expect(heard).toHaveLength(2);
    expect(heard[1]!.body).toEqual(heard[0]!.body);
    const [first, second] = heard.map(
      ({ headers }) => headers['tosspayments-webhook-transmission-id'],
    );
    expect(second).toBe(first);
    expect(heard[1]!.headers['tosspayments-webhook-transmission-retried-count']).toBe('0');
  });

  test('drop: it is never sent', async () => {
    const { bed, heard } = await startBoth(undefined, { webhookDropPercent: 100 });
    await bed.paid('order-0001');
    bed.advance(100_000 * minute);
    await bed.whenWebhooksIdle();
    expect(heard).toEqual([]);
    expect(await shown(bed)).toMatchObject([{ state: 'dropped', attempts: [] }]);
  });

  test('delay: it is sent that much later', async () => {
    const { bed, heard } = await startBoth(undefined, { webhookDelayMs: 5_000 });
    await bed.paid('order-0001');
    bed.advance(4_999);
    await bed.whenWebhooksIdle();
    expect(heard).toEqual([]);
    bed.advance(1);
    await until('the webhook has come', () => heard.length === 1);
  });

  test('reorder: the last is sent first', async () => {
    const { bed, heard } = await startBoth(undefined, { webhookReorder: 3 });
    const paymentKey = await bed.paid('order-0001');
    await bed.cancel(paymentKey, { cancelAmount: 1_000 });
    await bed.whenWebhooksIdle();
    expect(heard).toEqual([]);
    await bed.cancel(paymentKey);
    await until('all three', () => heard.length === 3);
    expect(statuses(heard)).toEqual(['CANCELED', 'PARTIAL_CANCELED', 'DONE']);
  });

  test('reorder: webhooks that wait for more can be sent at once', async () => {
    const { bed, heard } = await startBoth(undefined, { webhookReorder: 1000 });
    await bed.paid('order-0001');
    await bed.paid('order-0002');
    expect((await bed.control('webhooks/flush', {})).body).toEqual({ sent: 2 });
    await until('both', () => heard.length === 2);
    expect(heard.map(({ body }) => body.data['orderId'])).toEqual(['order-0002', 'order-0001']);
  });

  test('forge: a webhook without a payment behind it, with a guessed secret', async () => {
    const { bed, heard } = await startBoth();
    const paymentKey = await bed.authenticate('order-0001');
    const { status } = await bed.control('webhooks/forge', {
      orderId: 'order-0001',
      status: 'DONE',
    });
    expect(status).toBe(200);
    await bed.whenWebhooksIdle();
    expect(heard[0]!.body).toMatchObject({
      eventType: 'PAYMENT_STATUS_CHANGED',
      data: { orderId: 'order-0001', status: 'DONE', paymentKey, secret: 'ps_forged' },
    });
    const real = (await bed.api(`/v1/payments/${paymentKey}`)).body;
    expect(real['status']).toBe('IN_PROGRESS');
    expect(real['secret']).not.toBe('ps_forged');
    expect(await bed.ledger()).toEqual([]);
  });

  test('forge: requires an address, and does not return after a refusal', async () => {
    const silent = await startSandbox();
    const asked = { orderId: 'order-0001', status: 'DONE' };
    expect((await silent.control('webhooks/forge', asked)).status).toBe(409);
    const { bed, heard } = await startBoth((res) => res.writeHead(400).end());
    await bed.control('webhooks/forge', { ...asked, paymentKey: 'sbx_x', amount: 1, secret: 's' });
    await bed.whenWebhooksIdle();
    bed.advance(100_000 * minute);
    await bed.whenWebhooksIdle();
    expect(heard).toHaveLength(1);
    expect(heard[0]!.body.data).toMatchObject({ paymentKey: 'sbx_x', totalAmount: 1, secret: 's' });
  });
});

test('a crowd of webhooks is sent completely, over a few connections', async () => {
  const { bed, heard } = await startBoth();
  const payments = Array.from({ length: 300 }, (_, at) => ({
    orderId: `order-${String(at).padStart(4, '0')}`,
    amount: 15_000,
  }));
  const { body } = await bed.control('authenticate', { payments });
  const made = body['payments'] as { orderId: string; paymentKey: string }[];
  await Promise.all(made.map(({ orderId, paymentKey }) => bed.confirm(paymentKey, orderId)));
  await until('all of them', () => heard.length === 300);
  await bed.whenWebhooksIdle();
  const orders = new Set(heard.map(({ body: each }) => each.data['orderId']));
  expect(orders.size).toBe(300);
});

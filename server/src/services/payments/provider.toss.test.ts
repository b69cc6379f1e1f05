import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openSandboxProgram } from '@usher/tests/support/sandbox.ts';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { makeTossProvider } from './provider.toss.ts';
import type { Provider, ProviderRequest } from './provider.ts';

const sandbox = await openSandboxProgram();
const closers: (() => Promise<unknown>)[] = [];
afterAll(() => sandbox.stop());
afterEach(async () => {
  await sandbox.clearRules();
  for (const close of closers.splice(0).reverse()) await close();
});

const open = (more: { url?: string; secretKey?: string; timeoutMs?: number } = {}): Provider => {
  const { url, secretKey } = sandbox;
  const provider = makeTossProvider({ url, secretKey, timeoutMs: 20_000, ...more });
  closers.push(provider.close);
  return provider;
};
let attempts = 0;
const amountMinor = 152_000;
/** A buyer who has entered the card. */
const authenticated = async (outcome: 'approve' | 'decline' = 'approve') => {
  const attemptId = `att_${process.pid}_${++attempts}`;
  const paymentKey = await sandbox.authenticate(attemptId, amountMinor, outcome);
  const key = `key-of-${attemptId}`;
  return { paymentKey, attemptId, amountMinor, currency: 'KRW', key } satisfies ProviderRequest;
};
const moneyOf = async ({ attemptId }: ProviderRequest): Promise<number> =>
  (await sandbox.money()).get(attemptId) ?? 0;

describe('a payment', () => {
  test('that the provider accepts is approved, and its repeats charge only once', async () => {
    const [provider, request] = [open(), await authenticated()];
    const first = await provider.confirm(request);
    expect(first).toMatchObject({ kind: 'approved', transaction: expect.any(String) });
    expect(await provider.confirm(request)).toEqual(first);
    expect(await provider.query(request)).toEqual(first);
    expect(await moneyOf(request)).toBe(amountMinor);
  });

  test('that the provider declines is declined with its code, and no money moves', async () => {
    const [provider, request] = [open(), await authenticated('decline')];
    const answer = await provider.confirm(request);
    expect(answer).toMatchObject({ kind: 'declined', code: expect.stringMatching(/^[A-Z_]+$/) });
    expect(await moneyOf(request)).toBe(0);
  });

  test('with a key that the provider does not accept is refused as our fault', async () => {
    const provider = open({ secretKey: 'sandbox_sk_of_another' });
    const answer = await provider.confirm(await authenticated());
    expect(answer).toMatchObject({ kind: 'refused', code: expect.stringMatching(/KEY/) });
  });

  test('to a provider that is unreachable is unsent', async () => {
    const gone = createServer();
    gone.listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const provider = open({ url: `http://127.0.0.1:${port}` });
    const request = await authenticated();
    expect(await provider.confirm(request)).toEqual({ kind: 'unsent', code: 'ECONNREFUSED' });
    expect(await provider.query(request)).toMatchObject({ kind: 'unknown' });
  });
});

describe('a payment’s outcome is unknown, not declined, after', () => {
  const phases = ['before-commit', 'after-commit'] as const;

  test('an unlisted error code', async () => {
    await sandbox.rule({ action: 'answer', code: 'SOMETHING_NEW', status: 400 });
    const answer = await open().confirm(await authenticated());
    expect(answer).toEqual({ kind: 'unknown', code: 'SOMETHING_NEW' });
  });

  test.each(phases)('a missing answer (%s)', async (phase) => {
    await sandbox.rule({ action: 'hang', phase });
    const request = await authenticated();
    const answer = await open({ timeoutMs: 1000 }).confirm(request);
    expect(answer).toMatchObject({ kind: 'unknown', code: 'UND_ERR_HEADERS_TIMEOUT' });
    expect(await moneyOf(request)).toBe(phase === 'after-commit' ? amountMinor : 0);
  });

  test.each(phases)('a reset connection (%s)', async (phase) => {
    await sandbox.rule({ action: 'reset', phase, times: 1 });
    const [provider, request] = [open(), await authenticated()];
    expect(await provider.confirm(request)).toMatchObject({ kind: 'unknown' });
    expect(await moneyOf(request)).toBe(phase === 'after-commit' ? amountMinor : 0);
    // The same key returns the outcome, or charges now: once in either case.
    expect(await provider.confirm(request)).toMatchObject({ kind: 'approved' });
    expect(await moneyOf(request)).toBe(amountMinor);
  });

  test('a truncated answer', async () => {
    await sandbox.rule({ action: 'truncate', phase: 'after-commit' });
    expect(await open().confirm(await authenticated())).toMatchObject({ kind: 'unknown' });
  });

  test('an answer from a gateway, whatever its status', async () => {
    for (const status of [200, 400, 401, 403, 404, 500, 502, 503]) {
      await sandbox.rule({ action: 'html', status, times: 1 });
      const answer = await open().confirm(await authenticated());
      expect([status, answer.kind]).toEqual([status, 'unknown']);
    }
  });
});

describe('an answer about another payment than the requested one', () => {
  /** A provider that answers what the test says. */
  const openWith = async (answer: (response: ServerResponse) => void): Promise<Provider> => {
    const server: Server = createServer((request, response) => {
      request.resume();
      request.on('end', () => answer(response));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return open({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  };
  const request: ProviderRequest = {
    paymentKey: 'pay_1',
    attemptId: 'att_1',
    amountMinor,
    currency: 'KRW',
    key: 'key_1',
  };
  const done = {
    paymentKey: 'pay_1',
    orderId: 'att_1',
    status: 'DONE',
    totalAmount: amountMinor,
    currency: 'KRW',
    lastTransactionKey: 'tx_1',
    secret: null,
    newField: 1,
  };
  const saying = (body: unknown) =>
    openWith((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    );

  test('is detected by comparison: the same answer with all fields right is approved', async () => {
    const provider = await saying(done);
    const approved = { kind: 'approved', transaction: 'tx_1', secret: null };
    expect(await provider.confirm(request)).toEqual(approved);
    expect(await provider.query(request)).toEqual(approved);
  });

  test.each([
    ['another amount', { totalAmount: amountMinor - 1 }],
    ['another order', { orderId: 'att_2' }],
    ['another payment', { paymentKey: 'pay_2' }],
    ['another currency', { currency: 'USD' }],
  ])('%s is unknown', async (_, wrong) => {
    const provider = await saying({ ...done, ...wrong });
    const mismatch = { kind: 'unknown', code: 'ANSWER_MISMATCH' };
    expect(await provider.confirm(request)).toEqual(mismatch);
    expect(await provider.query(request)).toEqual(mismatch);
  });

  test.each([
    ['no payment at all', {}],
    ['an amount that is no number', { ...done, totalAmount: 'much' }],
    ['null', null],
  ])('%s is unknown', async (_, body) => {
    const provider = await saying(body);
    expect(await provider.confirm(request)).toMatchObject({ kind: 'unknown' });
    expect(await provider.query(request)).toMatchObject({ kind: 'unknown' });
  });

  test('an answer larger than any payment is not read to its end and is unknown', async () => {
    const provider = await openWith((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...done, junk: 'x'.repeat(1_000_000) }));
    });
    expect(await provider.confirm(request)).toMatchObject({ kind: 'unknown' });
  });

  test('a redirect is not followed', async () => {
    let calls = 0;
    const provider = await openWith((response) => {
      calls++;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await provider.confirm(request)).toMatchObject({ kind: 'unknown' });
    expect(calls).toBe(1);
  });
});

import { makeRandom } from '@usher/tests/support/random.ts';
import { afterEach } from 'vitest';
import { makeSandbox, type SandboxOptions } from './server.ts';

/** 2026-11-21T09:00:00 in Seoul. */
export const bedStartsAtMs = Date.parse('2026-11-21T09:00:00+09:00');
export const secretKey = 'sandbox_sk_test';
export const clientKey = 'sandbox_ck_test';
const credentials = Buffer.from(`${secretKey}:`).toString('base64');

export type Told = { status: number; body: Record<string, unknown>; headers: Headers };
type Ask = { headers?: Record<string, string>; body?: unknown; method?: string };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Runs `close` when the test has ended, whatever its result. */
export const whenOver = (close: () => Promise<void>): void => {
  closers.push(close);
};

/** A sandbox on a free port whose clock stands still until `advance`; closed after the test. */
export const startSandbox = async (options: Partial<SandboxOptions> = {}) => {
  const sandbox = makeSandbox({
    clock: { now: () => bedStartsAtMs, wake: () => () => {} },
    random: makeRandom(1).next,
    secretKey,
    clientKey,
    webhookUrl: null,
    settings: {},
    paymentsMax: 1000,
    journal: null,
    ...options,
  });
  const base = await sandbox.listen(0, '127.0.0.1');
  whenOver(sandbox.close);

  const ask = async (path: string, { headers = {}, body, method }: Ask = {}): Promise<Told> => {
    const init: RequestInit = { headers, method: method ?? (body === undefined ? 'GET' : 'POST') };
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${base}${path}`, init);
    return {
      status: answer.status,
      body: (await answer.json()) as Record<string, unknown>,
      headers: answer.headers,
    };
  };

  const bed = {
    base,
    advance: sandbox.advance,
    whenWebhooksIdle: sandbox.whenWebhooksIdle,
    /** A call to the public API, with the right key unless other headers are given. */
    api: (path: string, { headers, ...rest }: Ask = {}): Promise<Told> =>
      ask(path, { headers: { authorization: `Basic ${credentials}`, ...headers }, ...rest }),
    /** A call to the control plane. */
    control: (path: string, body?: unknown, method?: string): Promise<Told> =>
      ask(`/__ctl/${path}`, { body, ...(method === undefined ? {} : { method }) }),
    /** An authenticated payment's key. */
    async authenticate(orderId: string, amount = 15_000, more: object = {}): Promise<string> {
      const { body } = await bed.control('authenticate', { orderId, amount, ...more });
      return String(body['paymentKey']);
    },
    confirm: (
      paymentKey: string,
      orderId: string,
      amount = 15_000,
      headers: Record<string, string> = {},
    ): Promise<Told> =>
      bed.api('/v1/payments/confirm', { headers, body: { paymentKey, orderId, amount } }),
    cancel: (
      paymentKey: string,
      body: object = {},
      headers: Record<string, string> = {},
    ): Promise<Told> =>
      bed.api(`/v1/payments/${paymentKey}/cancel`, {
        headers,
        body: { cancelReason: 'changed my mind', ...body },
      }),
    /** An approved payment's key. */
    async paid(orderId: string, amount = 15_000, more: object = {}): Promise<string> {
      const paymentKey = await bed.authenticate(orderId, amount, more);
      await bed.confirm(paymentKey, orderId, amount);
      return paymentKey;
    },
    async ledger(): Promise<{ kind: string; orderId: string; amount: number }[]> {
      const { body } = await bed.control('ledger');
      return body['entries'] as { kind: string; orderId: string; amount: number }[];
    },
  };
  return bed;
};

export type Bed = Awaited<ReturnType<typeof startSandbox>>;

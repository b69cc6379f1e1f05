import { expect, test } from 'vitest';
import type { HttpClient } from './http.ts';
import { makeProvider } from './provider.ts';

/** A sandbox as far as the crowd uses it; `restart` loses everything. */
const makeFake = () => {
  let rules: { id: string; match: { orderId: string } }[] = [];
  let orders: { orderId: string; net: number }[] = [];
  let made = 0;
  const answer = (method: string, path: string, body: string | null): unknown => {
    if (path === '/__ctl/ledger/orders') return { orders };
    if (path === '/__ctl/rules' && method === 'GET') return { rules };
    if (path === '/__ctl/rules') {
      made += 1;
      rules.push({ id: `rule${made}`, match: JSON.parse(body ?? '').match });
      return rules.at(-1);
    }
    if (method === 'DELETE') {
      rules = rules.filter(({ id }) => !path.endsWith(`/${id}`));
      return {};
    }
    const { orderId, amount } = JSON.parse(body ?? '');
    orders.push({ orderId, net: amount });
    return { paymentKey: `key-${orderId}` };
  };
  const http: HttpClient = {
    send: async ({ method, path, body }) => {
      const text = JSON.stringify(answer(method, path, body));
      const bytes = new TextEncoder().encode(text).buffer;
      return { outcome: 'reply', reply: { status: 200, headers: {}, body: bytes } };
    },
    close: async () => undefined,
  };
  const restart = (): void => {
    rules = [{ id: 'rule1', match: { orderId: 'somebody else’s' } }];
    orders = [];
  };
  return { http, restart, rulesLeft: () => rules.length };
};

const payment = { amountMinor: 1000, orderName: 'x', outcome: 'approve', slowMs: null } as const;

test('the ledger of a sandbox that survived the run is read, and its mark removed', async () => {
  const { http, rulesLeft } = makeFake();
  const provider = makeProvider(http, 'mark');
  for (const attemptId of ['att_1', 'att_2'])
    expect(await provider.authenticate('http://s', { ...payment, attemptId })).toEqual({
      outcome: 'authenticated',
      paymentKey: `key-${attemptId}`,
    });
  expect(await provider.money()).toEqual({
    outcome: 'book',
    byAttempt: new Map([
      ['att_1', 1000],
      ['att_2', 1000],
    ]),
  });
  expect(rulesLeft()).toBe(0);
});

test('the ledger of a restarted sandbox is not trusted', async () => {
  const { http, restart } = makeFake();
  const provider = makeProvider(http, 'mark');
  await provider.authenticate('http://s', { ...payment, attemptId: 'att_1' });
  restart();
  await provider.authenticate('http://s', { ...payment, attemptId: 'att_2' });
  expect(await provider.money()).toMatchObject({ outcome: 'none' });
});

test('the ledger of a sandbox that moved is not trusted', async () => {
  const { http } = makeFake();
  const provider = makeProvider(http, 'mark');
  await provider.authenticate('http://s:1', { ...payment, attemptId: 'att_1' });
  await provider.authenticate('http://s:2', { ...payment, attemptId: 'att_2' });
  expect(await provider.money()).toMatchObject({ outcome: 'none' });
});

test('a sandbox that does not respond is unreachable, and its ledger unknown', async () => {
  const http: HttpClient = {
    send: async () => ({ outcome: 'no-answer', code: 'ECONNREFUSED' }),
    close: async () => undefined,
  };
  const provider = makeProvider(http, 'mark');
  expect(await provider.authenticate('http://s', { ...payment, attemptId: 'att_1' })).toEqual({
    outcome: 'unreachable',
  });
  expect(await provider.money()).toMatchObject({ outcome: 'none' });
});

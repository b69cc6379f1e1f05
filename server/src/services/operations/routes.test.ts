import { afterEach, describe, expect, test } from 'vitest';
import { openTestServer } from '../../platform/http/test-bed.ts';
import type { Relay } from '../../platform/journal/relay.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { probeRoutes, troubleRoutes } from './routes.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const eventId = 'evt_01jd8zk3v7q2m4x6t9w1y5b0ce';
const letter = {
  consumer: 'mails',
  eventId,
  showId: 'show_1',
  type: 'order.paid',
  payload: { a: 1 },
  tries: 5,
  error: 'Error: no',
  diedAt: new Date(0),
};
const open = async (missing: () => Promise<string[]> = async () => []) => {
  const replayed: string[] = [];
  const metrics = makeMetrics();
  metrics.counter('usher_test_total', 'counted by the test').inc();
  const relay = {
    deadLetters: async () => [letter],
    replay: async (consumer: string, id: string): Promise<'replayed' | 'unknown'> => {
      replayed.push(`${consumer} ${id}`);
      return consumer === 'mails' ? 'replayed' : 'unknown';
    },
  } satisfies Pick<Relay, 'deadLetters' | 'replay'>;
  const payments = { unknown: async () => [] };
  const probes = probeRoutes({ metrics, missing, hasMetrics: true });
  const routes = [...probes, ...troubleRoutes({ relay, payments })];
  const { app } = await openTestServer(routes);
  closers.push(() => app.close());
  const ask = (url: string, as = 'operator', method: 'GET' | 'POST' = 'GET') =>
    app.inject({ method, url, headers: { authorization: `Bearer ${as}` } });
  return { ask, replayed };
};

describe('the probes', () => {
  test('say that the process is alive, even if a dependency is missing', async () => {
    const { ask } = await open(async () => ['database']);
    expect((await ask('/healthz', '')).json()).toEqual({ alive: true });
  });

  test('say that it can serve, or what is missing and when to retry', async () => {
    const ready = await (await open()).ask('/readyz', '');
    expect([ready.statusCode, ready.json()]).toEqual([200, { ready: true }]);
    const { ask } = await open(async () => ['database']);
    const missing = await ask('/readyz', '');
    expect([missing.statusCode, missing.json()]).toEqual([
      503,
      { ready: false, missing: ['database'] },
    ]);
    expect(missing.headers['retry-after']).toBe('1');
  });

  test('do not give the metrics where these have a port of their own', async () => {
    const metrics = makeMetrics();
    const missing = async () => [];
    const { app } = await openTestServer(probeRoutes({ metrics, missing, hasMetrics: false }));
    closers.push(() => app.close());
    expect((await app.inject({ url: '/metrics' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    metrics.close();
  });

  test('give the metrics in Prometheus’ format', async () => {
    const reply = await (await open()).ask('/metrics', '');
    expect(reply.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(reply.body).toContain('usher_test_total 1');
  });
});

describe('dead letters', () => {
  const list = '/api/v1/operator/dead-letters';
  test('are listed for operators only', async () => {
    const { ask } = await open();
    expect((await ask(list)).json()).toEqual({
      items: [{ ...letter, diedAt: '1970-01-01T00:00:00.000Z' }],
    });
    expect((await ask(list, 'buyer')).statusCode).toBe(403);
    expect((await ask(list, 'nobody')).statusCode).toBe(401);
  });

  test('are replayed by consumer and event; an unknown one is not found', async () => {
    const { ask, replayed } = await open();
    const replay = (consumer: string) =>
      ask(`${list}/${consumer}/${eventId}/replay`, 'operator', 'POST');
    expect((await replay('mails')).statusCode).toBe(204);
    expect((await replay('nobody')).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect(replayed).toEqual([`mails ${eventId}`, `nobody ${eventId}`]);
  });
});

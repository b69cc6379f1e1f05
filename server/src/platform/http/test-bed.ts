import type { RouteSpec } from '@usher/contract/route.ts';
import { manualClock } from '../clock.ts';
import { makeLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { openTracing } from '../tracing.ts';
import type { Idempotency } from './idempotency.ts';
import { type Route, route } from './route.ts';
import { type HttpOptions, makeHttpServer } from './server.ts';

const callers = {
  buyer: { accountId: 'acc_buyer', role: 'BUYER', sessionId: 'ses_1' },
  operator: { accountId: 'acc_operator', role: 'OPERATOR', sessionId: 'ses_2' },
};

/** Stores nothing: how it uses a database is tested next to it. */
export const forgetful: Idempotency = {
  once: async (_, work) => ({ outcome: 'answered', answer: await work(), isReplayed: false }),
  close: async () => undefined,
};

/**
 * The HTTP server with a test's routes, a manual clock and a log that can be read. `buyer` and
 * `operator` are valid access tokens.
 */
export const openTestServer = async (routes: readonly Route[], more: Partial<HttpOptions> = {}) => {
  const lines: string[] = [];
  const metrics = makeMetrics();
  const clock = manualClock(0);
  const log = makeLog({
    level: 'debug',
    service: 'test',
    destination: { write: (line) => lines.push(line) },
  });
  const app = await makeHttpServer({
    clock,
    log,
    metrics,
    routes,
    idempotency: forgetful,
    trustProxy: false,
    tracing: await openTracing({ endpoint: undefined, service: 'test' }),
    authenticate: (token) => callers[token as keyof typeof callers] ?? null,
    mayCall: (auth, caller) => auth !== 'operator' || caller.role === 'OPERATOR',
    allowedOrigins: [],
    safeHeaders: {},
    checkAnswers: true,
    rateLimits: true,
    ...more,
  });
  const metric = async (name: string) =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  return { app, clock, lines, metric };
};

/** One public route without parameters, at /api/v1/plain. */
export const plainRoute = (
  handle: Parameters<typeof route>[1],
  spec: Partial<RouteSpec> = {},
): Route =>
  route(
    {
      name: 'plain',
      method: 'GET',
      path: '/api/v1/plain',
      tag: 'Test',
      summary: 'Test',
      auth: 'public',
      rate: { perMinute: 60_000, burst: 60_000 },
      problems: [],
      responses: { 200: { contentType: 'text/plain', description: 'a text' } },
      ...spec,
    },
    handle,
  );

import { defineRoute, type RouteSpec } from '@usher/contract/route.ts';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { assert, Failure } from '../failure.ts';
import { currentTraceIds } from '../trace-scope.ts';
import type { JudgePass } from './pass.ts';
import { refuse } from './problem.ts';
import { answer, emptyAnswer, type PassSubject, rawAnswer, route } from './route.ts';
import { forgetful, openTestServer, plainRoute } from './test-bed.ts';

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});
const open: typeof openTestServer = async (...given) => {
  const server = await openTestServer(...given);
  opened.push(server.app);
  return server;
};

const base = {
  name: 'takeSeats',
  method: 'POST',
  path: '/api/v1/shows/{showId}/seats',
  tag: 'Test',
  summary: 'Test',
  auth: 'account',
  rate: { perMinute: 60, burst: 3 },
  params: z.strictObject({ showId: z.string().regex(/^show_\d$/) }),
  body: z.strictObject({ seats: z.array(z.int()).min(1) }),
  responses: { 201: z.strictObject({ seats: z.array(z.int()) }) },
  problems: ['SEATS_TAKEN'],
} as const satisfies RouteSpec;
const takeSeats = defineRoute(base);
const takeOnce = defineRoute({ ...base, idempotency: 'required' });
const taking = (spec: typeof takeSeats | typeof takeOnce = takeSeats) =>
  route(spec, async ({ body }) => answer(201, { seats: body.seats }));
const traceIds = z.strictObject({ traceIds: z.array(z.string()) });
const plain: typeof plainRoute = (handle, spec = {}) =>
  plainRoute(handle, { responses: { 200: traceIds }, ...spec });

const post = (
  app: FastifyInstance,
  more: { headers?: object; payload?: unknown; url?: string } = {},
) =>
  app.inject({
    method: 'POST',
    url: more.url ?? '/api/v1/shows/show_1/seats',
    headers: { authorization: 'Bearer buyer', 'content-type': 'application/json', ...more.headers },
    payload: (more.payload ?? { seats: [1] }) as object,
  });
const codeOf = (reply: { json(): unknown }) => (reply.json() as { code: string }).code;

describe('a request is checked in this order, so that nobody learns more than they may:', () => {
  const nothingRight = { payload: {}, url: '/api/v1/shows/nonsense/seats?unheard=of' };

  test('caller, permission, rate limit, request, and last the idempotency key', async () => {
    const spec = defineRoute({
      ...base,
      auth: 'operator',
      idempotency: 'required',
      query: z.strictObject({}),
      rate: { perMinute: 60, burst: 4 },
    });
    const { app } = await open([route(spec, async () => answer(201, { seats: [] }))]);
    const as = (who: string) => ({ authorization: `Bearer ${who}` });
    const codes = [
      await post(app, { ...nothingRight, headers: as('stranger') }),
      await post(app, { ...nothingRight, headers: as('buyer') }),
      await post(app, { ...nothingRight, headers: as('operator') }),
      await post(app, {
        payload: {},
        headers: as('operator'),
        url: '/api/v1/shows/show_1/seats?a=b',
      }),
      await post(app, { payload: {}, headers: as('operator') }),
      await post(app, { headers: as('operator') }),
      await post(app, { ...nothingRight, headers: as('operator') }),
    ].map(codeOf);
    expect(codes).toEqual([
      'UNAUTHENTICATED',
      'FORBIDDEN',
      'NOT_FOUND',
      'VALIDATION_FAILED',
      'VALIDATION_FAILED',
      'IDEMPOTENCY_KEY_MISSING',
      'TOO_MANY_REQUESTS',
    ]);
  });

  test('a lost race is refused before the handler and the stored responses are asked', async () => {
    let asked = 0;
    const idempotency = { ...forgetful, once: () => Promise.reject(new Error(`${++asked}`)) };
    const refuseEarly = () => refuse('SEATS_TAKEN', { extra: { conflicts: [1] } });
    const { app } = await open([{ ...taking(takeOnce), refuseEarly }], { idempotency });
    const reply = await post(app, {
      headers: { 'idempotency-key': 'has a space in it' },
    });
    expect([reply.statusCode, codeOf(reply), asked]).toEqual([400, 'IDEMPOTENCY_KEY_MISSING', 0]);
    const good = await post(app, { headers: { 'idempotency-key': 'k'.repeat(16) } });
    expect([codeOf(good), good.json()['conflicts'], asked]).toEqual(['SEATS_TAKEN', [1], 0]);
  });

  test('the scheme before a token may be in upper or lower case', async () => {
    const { app } = await open([taking()]);
    for (const authorization of ['bearer buyer', 'BEARER  buyer'])
      expect((await post(app, { headers: { authorization } })).statusCode).toBe(201);
    for (const authorization of ['buyer', 'Basic buyer', 'Bearer', 'Bearer buyer extra'])
      expect(codeOf(await post(app, { headers: { authorization } }))).toBe('UNAUTHENTICATED');
  });
});

describe('a route that requires a pass', () => {
  const takeWithPass = defineRoute({ ...base, idempotency: 'by-id', pass: 'required' });
  type Gate = { isRepeat?: boolean; subject?: PassSubject | null; isLost?: boolean };
  /** What was asked, in order. A pass is `good`, `ended` as only the store knows, or refused. */
  const openGate = async (more: Gate = {}) => {
    const asked: string[] = [];
    const judgePass: JudgePass = ({ showId, accountId, pass }) => {
      asked.push(`${showId} ${accountId} ${pass}`);
      if (pass === 'free') return null;
      if (pass !== 'good' && pass !== 'ended') return refuse('PASS_REQUIRED');
      return {
        askStore: async () => {
          asked.push('store');
          return pass === 'good' ? null : refuse('PASS_ENDED');
        },
      };
    };
    const { subject = { showId: 'show_1', heldAtMs: null } } = more;
    const entry = route(
      takeWithPass,
      async ({ body }) => {
        asked.push('handler');
        return answer(201, { seats: body.seats });
      },
      {
        passFor: async () => subject,
        isRepeat: async () => {
          asked.push('repeat');
          return more.isRepeat ?? false;
        },
        refuseEarly: () => {
          asked.push('race');
          return more.isLost === true ? refuse('SEATS_TAKEN') : null;
        },
      },
    );
    const { app } = await open([entry], { judgePass });
    const take = (pass: string | null) =>
      post(app, {
        headers: {
          'idempotency-key': 'k'.repeat(16),
          ...(pass === null ? {} : { 'usher-pass': pass }),
        },
      });
    return { asked, take };
  };

  test('refuses a call without one, and asks neither the store nor the handler', async () => {
    const { asked, take } = await openGate();
    expect(codeOf(await take(null))).toBe('PASS_REQUIRED');
    expect(asked).toEqual(['show_1 acc_buyer undefined', 'repeat']);
  });
  test('calls its handler with a valid one, after one look at the pass and the store', async () => {
    const { asked, take } = await openGate();
    expect((await take('good')).statusCode).toBe(201);
    expect(asked).toEqual(['show_1 acc_buyer good', 'race', 'store', 'handler']);
  });
  test('calls its handler without asking the store if no pass is needed', async () => {
    const { asked, take } = await openGate();
    expect((await take('free')).statusCode).toBe(201);
    expect(asked).toEqual(['show_1 acc_buyer free', 'race', 'handler']);
  });
  test('refuses a pass that the store knows to have ended', async () => {
    const { asked, take } = await openGate();
    expect(codeOf(await take('ended'))).toBe('PASS_ENDED');
    expect(asked).toEqual(['show_1 acc_buyer ended', 'race', 'store', 'repeat']);
  });
  test('refuses a lost race before the store is asked about the pass', async () => {
    const { asked, take } = await openGate({ isLost: true });
    expect(codeOf(await take('good'))).toBe('SEATS_TAKEN');
    expect(asked).toEqual(['show_1 acc_buyer good', 'race']);
  });
  test.each([null, 'ended'])('lets the repeat of a call pass, with the pass «%s»', async (pass) => {
    const { asked, take } = await openGate({ isRepeat: true });
    expect((await take(pass)).statusCode).toBe(201);
    expect(asked.at(-1)).toBe('handler');
  });
  test('responds NOT_FOUND if there is nothing to buy, except to a repeat', async () => {
    const { asked, take } = await openGate({ subject: null });
    expect(codeOf(await take('good'))).toBe('NOT_FOUND');
    expect(asked).toEqual(['repeat']);
    const again = await openGate({ subject: null, isRepeat: true });
    expect((await again.take('good')).statusCode).toBe(201);
  });
  test('is not served if nothing can check passes, or if it stores responses', async () => {
    const companions = { passFor: async () => null };
    const unchecked = route(takeWithPass, async () => answer(201, { seats: [] }), companions);
    await expect(openTestServer([unchecked])).rejects.toThrow('pass');
    const { passFor: _, ...without } = unchecked;
    const judgePass: JudgePass = () => null;
    await expect(openTestServer([without], { judgePass })).rejects.toThrow('pass');
    const spec = defineRoute({ ...base, idempotency: 'required', pass: 'required' });
    const storing = route(spec, async () => answer(201, { seats: [] }), companions);
    await expect(openTestServer([storing], { judgePass })).rejects.toThrow('stores no responses');
  });
});

describe('a route whose ids come from the key', () => {
  test('needs a key, stores no response, and runs its handler for each call', async () => {
    let runs = 0;
    const spec = defineRoute({ ...base, idempotency: 'by-id' });
    const entry = route(spec, async ({ idempotencyKey }) =>
      answer(201, { seats: [++runs, idempotencyKey.length] }),
    );
    const once = () => Promise.reject(new Error('a stored response was asked for'));
    const { app } = await open([entry], { idempotency: { ...forgetful, once } });
    expect(codeOf(await post(app))).toBe('IDEMPOTENCY_KEY_MISSING');
    const headers = { 'idempotency-key': 'k'.repeat(16) };
    const replies = [await post(app, { headers }), await post(app, { headers })];
    expect(replies.map((reply) => reply.json())).toEqual([{ seats: [1, 16] }, { seats: [2, 16] }]);
  });
});

describe('a route for accounts with a confirmed address', () => {
  test('refuses the others, and no other route does', async () => {
    const callers = {
      proved: { accountId: 'acc_1', role: 'BUYER', sessionId: 'ses_1' },
      unproved: {
        accountId: 'acc_2',
        role: 'BUYER',
        sessionId: 'ses_2',
        mustConfirm: true as const,
      },
    };
    const authenticate = (token: string) => callers[token as keyof typeof callers] ?? null;
    const needing = await open([taking(defineRoute({ ...base, confirmed: 'required' }))], {
      authenticate,
    });
    const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    expect((await post(needing.app, as('proved'))).statusCode).toBe(201);
    const refused = await post(needing.app, as('unproved'));
    expect([refused.statusCode, codeOf(refused)]).toEqual([403, 'EMAIL_NOT_CONFIRMED']);
    const other = await open([taking()], { authenticate });
    expect((await post(other.app, as('unproved'))).statusCode).toBe(201);
  });
});

describe('a rate limit', () => {
  test('belongs to the account, from any address, and says when to retry', async () => {
    const { app, clock } = await open([taking()], { trustProxy: true });
    const from = (address: string) => post(app, { headers: { 'x-forwarded-for': address } });
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.3'])
      expect((await from(address)).statusCode).toBe(201);
    const refused = await from('203.0.113.4');
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterMs: 1000 });
    await clock.advance(1000);
    expect((await from('203.0.113.5')).statusCode).toBe(201);
  });

  test('refuses too many accounts at one address, but not those at other addresses', async () => {
    const spec = defineRoute({ ...base, addressRate: { perMinute: 60, burst: 2 } });
    const { app } = await open([taking(spec)]);
    const from = (who: string, remoteAddress: string) =>
      app.inject({
        method: 'POST',
        url: '/api/v1/shows/show_1/seats',
        remoteAddress,
        headers: { authorization: `Bearer ${who}`, 'content-type': 'application/json' },
        payload: { seats: [1] },
      });
    const statuses = [
      (await from('buyer', '192.0.2.1')).statusCode,
      (await from('operator', '192.0.2.1')).statusCode,
      (await from('operator', '192.0.2.1')).statusCode,
      (await from('operator', '192.0.2.2')).statusCode,
    ];
    expect(statuses).toEqual([201, 201, 429, 201]);
  });

  test('of an anonymous caller belongs to the address, or to the IPv6 subscriber', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const { app } = await open([plain(handle, { rate: { perMinute: 1, burst: 1 } })], {
      trustProxy: true,
    });
    const from = async (address: string) =>
      (await app.inject({ url: '/api/v1/plain', headers: { 'x-forwarded-for': address } }))
        .statusCode;
    expect([await from('203.0.113.1'), await from('203.0.113.1')]).toEqual([200, 429]);
    expect([await from('203.0.113.2'), await from('2001:db8::1')]).toEqual([200, 200]);
    expect([await from('2001:db8::2'), await from('2001:db8:0:1::1')]).toEqual([429, 200]);
  });

  test('cannot be evaded by sending another address if no proxy is trusted', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const { app } = await open([plain(handle, { rate: { perMinute: 1, burst: 1 } })]);
    const from = async (address: string) =>
      (await app.inject({ url: '/api/v1/plain', headers: { 'x-forwarded-for': address } }))
        .statusCode;
    expect([await from('203.0.113.1'), await from('203.0.113.2')]).toEqual([200, 429]);
  });

  test('asks an EventSource to come back: any other status would end it', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const { app } = await open([plain(handle, { rate: { perMinute: 1, burst: 1 } })]);
    const ask = (accept: string) => app.inject({ url: '/api/v1/plain', headers: { accept } });
    expect((await ask('*/*')).statusCode).toBe(200);
    expect((await ask('*/*')).statusCode).toBe(429);
    const watched = await ask('text/event-stream');
    expect([watched.statusCode, watched.headers['content-type'], watched.body]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'retry: 60000\n\n',
    ]);
  });

  test('does not ask an EventSource to come back to what it will never get', async () => {
    const { app } = await open([
      plain(async () => refuse('NOT_FOUND'), { problems: ['NOT_FOUND'] }),
    ]);
    const headers = { accept: 'text/event-stream' };
    expect((await app.inject({ url: '/api/v1/plain', headers })).statusCode).toBe(404);
  });

  test('of a costly public route belongs to the address, whatever token comes along', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const rate = { perMinute: 1, burst: 1 };
    const { app } = await open([plain(handle, { rate, rateBy: 'address' })]);
    const as = async (token: string) =>
      (await app.inject({ url: '/api/v1/plain', headers: { authorization: `Bearer ${token}` } }))
        .statusCode;
    expect([await as('buyer'), await as('operator')]).toEqual([200, 429]);
  });

  test('counts a connection through a proxy by its address, without the port', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const { app } = await open([plain(handle, { rate: { perMinute: 1, burst: 1 } })], {
      trustProxy: true,
    });
    const from = async (address: string) =>
      (await app.inject({ url: '/api/v1/plain', headers: { 'x-forwarded-for': address } }))
        .statusCode;
    expect([await from('203.0.113.60:4000'), await from('203.0.113.60:4001')]).toEqual([200, 429]);
  });

  test('that counts proxies instead of people is warned of, once an hour', async () => {
    const handle = async () => answer(200, { traceIds: [] });
    const { app, clock, lines } = await open([plain(handle)]);
    const ask = () =>
      app.inject({ url: '/api/v1/plain', headers: { 'x-forwarded-for': '203.0.113.1' } });
    const countWarnings = () => lines.filter((line) => line.includes('TRUST_PROXY')).length;
    await app.inject({ url: '/api/v1/plain' });
    expect(countWarnings()).toBe(0);
    await ask();
    await ask();
    expect(countWarnings()).toBe(1);
    await clock.advance(3_600_000);
    await ask();
    expect(countWarnings()).toBe(2);
    const trusting = await open([plain(handle)], { trustProxy: true });
    await trusting.app.inject({ url: '/api/v1/plain', headers: { 'x-forwarded-for': '::1' } });
    expect(trusting.lines.filter((line) => line.includes('TRUST_PROXY'))).toEqual([]);
  });
});

describe('the trace of a request', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const showing = plain(async (request) =>
    request.query === undefined
      ? answer(200, { traceIds: [request.traceId, ...currentTraceIds()] })
      : refuse('NOT_FOUND'),
  );

  test('is the caller’s, in the handler, its log lines and the problem document', async () => {
    const { app } = await open([showing]);
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const good = await app.inject({ url: '/api/v1/plain', headers });
    expect(good.json()).toEqual({ traceIds: [traceId, traceId] });
    const bad = await app.inject({ url: '/api/v1/nowhere', headers });
    expect(bad.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', traceId });
  });

  test('is a new one if the caller sent none that can be parsed', async () => {
    const { app } = await open([showing]);
    const headers = { traceparent: `00-${traceId}-nonsense-01` };
    const replies = [
      await app.inject('/api/v1/plain'),
      await app.inject({ url: '/api/v1/plain', headers }),
    ];
    const traces = replies.map((reply) => reply.json().traceIds[0] as string);
    for (const each of traces) expect(each).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([...traces, traceId]).size).toBe(3);
  });
});

describe('a thrown value:', () => {
  const throwing = (error: unknown) =>
    open([
      plain(() => {
        throw error;
      }),
    ]);

  test.each([
    [
      'a store that is away',
      new Failure('STORE_UNREACHABLE', 'x', { retryable: true }),
      503,
      'UNAVAILABLE',
      'warn',
    ],
    [
      'too much work',
      new Failure('OVERLOADED', 'x', { retryable: true }),
      503,
      'OVERLOADED',
      'warn',
    ],
    [
      'a failure for good',
      new Failure('BROKEN', 'x', { retryable: false }),
      500,
      'INTERNAL',
      'error',
    ],
    ['a bug', new TypeError('undefined is not a seat'), 500, 'INTERNAL', 'error'],
    ['no error at all', 'a text', 500, 'INTERNAL', 'error'],
  ] as const)('%s becomes its problem and a log line', async (_, error, status, code, level) => {
    const { app, lines, metric } = await throwing(error);
    const reply = await app.inject('/api/v1/plain?linkToken=hunter2');
    expect([reply.statusCode, codeOf(reply)]).toEqual([status, code]);
    expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    if (status === 503) expect(reply.headers['retry-after']).toBe('1');
    expect(reply.body).not.toContain('undefined is not a seat');
    const line = JSON.parse(lines.at(-1) ?? '{}');
    expect(line).toMatchObject({ level, route: 'plain', traceId: reply.json().traceId });
    expect(await metric('usher_refusals_total')).toEqual([
      `usher_refusals_total{route="plain",code="${code}"} 1`,
    ]);
    expect(await metric('usher_http_seconds_count')).toEqual([
      `usher_http_seconds_count{route="plain",status="${status}"} 1`,
    ]);
  });

  test('an assertion ends its request with 500, and the next one is served', async () => {
    let calls = 0;
    const { app } = await open([
      plain(async () => {
        assert(++calls > 1, 'seats are counted');
        return answer(200, { traceIds: [] });
      }),
    ]);
    expect(codeOf(await app.inject('/api/v1/plain'))).toBe('INTERNAL');
    expect((await app.inject('/api/v1/plain')).statusCode).toBe(200);
  });

  test('a response that violates its contract is a bug if responses are checked', async () => {
    const wrong = plain(async () => answer(200, { seats: 'many' }));
    const strict = await open([wrong]);
    expect(codeOf(await strict.app.inject('/api/v1/plain'))).toBe('INTERNAL');
    const service = await open([wrong], { checkAnswers: false });
    expect((await service.app.inject('/api/v1/plain')).json()).toEqual({ seats: 'many' });
  });
});

describe('a request that cannot be processed', () => {
  test.each([
    ['no JSON', '{"seats": [1', 'application/json', 'MALFORMED_REQUEST'],
    ['nothing', '', 'application/json', 'VALIDATION_FAILED'],
    [
      'JSON that attacks objects',
      '{"__proto__": {"a": 1}}',
      'application/json',
      'MALFORMED_REQUEST',
    ],
    ['not called JSON', '<seats/>', 'text/xml', 'MALFORMED_REQUEST'],
    [
      'too long',
      JSON.stringify({ seats: new Array(20_000).fill(1) }),
      'application/json',
      'BODY_TOO_LARGE',
    ],
    ['null', 'null', 'application/json', 'VALIDATION_FAILED'],
    ['a field too many', '{"seats":[1],"price":0}', 'application/json', 'VALIDATION_FAILED'],
  ])('because it is %s is refused and not logged', async (_, payload, type, code) => {
    const { app, lines } = await open([taking()]);
    const reply = await post(app, { payload, headers: { 'content-type': type } });
    expect(codeOf(reply)).toBe(code);
    expect(lines).toEqual([]);
  });
});

describe('a response', () => {
  test('of JSON is never cached unless the handler allows it', async () => {
    const cached = plain(async () =>
      answer(200, { traceIds: [] }, { 'cache-control': 'max-age=9' }),
    );
    const { app } = await open([taking(), cached]);
    expect((await post(app)).headers['cache-control']).toBe('no-store');
    expect((await app.inject('/api/v1/plain')).headers['cache-control']).toBe('max-age=9');
  });

  test('of bytes, or without a body, is sent unchanged', async () => {
    const png = { 200: { contentType: 'image/png', description: 'a picture' }, 204: null };
    const { app } = await open([
      plain(async () => rawAnswer(200, Buffer.from([1, 2]), { 'content-type': 'image/png' }), {
        responses: png,
      }),
      plain(async () => emptyAnswer(204, { etag: '"1"', 'set-cookie': ['a=1', 'b=2'] }), {
        name: 'empty',
        path: '/api/v1/empty',
        responses: png,
      }),
    ]);
    const raw = await app.inject('/api/v1/plain');
    expect([raw.headers['content-type'], [...raw.rawPayload]]).toEqual(['image/png', [1, 2]]);
    const empty = await app.inject('/api/v1/empty');
    expect([empty.statusCode, empty.body, empty.headers['etag']]).toEqual([204, '', '"1"']);
    expect(empty.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });
});

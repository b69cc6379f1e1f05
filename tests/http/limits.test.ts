import { logIn, readMe } from '@usher/contract/identity.ts';
import { placeOrder, readOrderByLink } from '@usher/contract/orders.ts';
import { createShow, importVenue } from '@usher/contract/organiser.ts';
import { tossWebhook } from '@usher/contract/payments.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf, headersOf, pathOf, problemOf, type Reply, sendByInject } from '../support/ask.ts';
import { exampleOf, nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { exchange, openRaw, replyIn, requestText, said } from '../support/raw-http.ts';

let program: Program;
let origin: string;
beforeAll(async () => {
  program = await openProgram();
  origin = await program.listen();
});

const inJson = { 'content-type': 'application/json' };
/** Sends any text to a route, as a caller who may use it. */
const post = (spec: RouteSpec, text: string, headers: Record<string, string> = inJson) => {
  const given = { ...exampleOf(spec, nowhere), as: program.operator, headers };
  return sendByInject(program.app.http)({
    method: spec.method,
    path: pathOf(spec, given),
    headers: { ...headersOf(spec, { ...given, body: undefined }), ...headers },
    body: text,
  });
};
const raw = async (text: string): Promise<Reply> => replyIn(await exchange(origin, text));
const withBody = allRoutes.filter((spec) => spec.body !== undefined);
const withQuery = allRoutes.filter((spec) => spec.query !== undefined);

describe('a body larger than the route takes is refused before it is read', () => {
  const limits: [RouteSpec, number][] = [
    [logIn, 32 * 1024],
    [tossWebhook, 64 * 1024],
    [createShow, 256 * 1024],
    [importVenue, 8 * 1024 * 1024],
  ];
  test.each(limits)('$name', async (spec, limitBytes) => {
    const announced = { ...inJson, 'content-length': limitBytes + 1 };
    const reply = await raw(requestText(`POST ${spec.path}`, announced));
    expect([reply.status, codeOf(reply)]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('also without a Content-Length', async () => {
    const chunk = `${(4096).toString(16)}\r\n${'a'.repeat(4096)}\r\n`;
    const headers = { ...inJson, 'transfer-encoding': 'chunked' };
    const reply = await raw(requestText(`POST ${logIn.path}`, headers, chunk.repeat(10)));
    expect([reply.status, codeOf(reply)]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('while a body of exactly the limit is read', async () => {
    const frame = JSON.stringify({ email: '' }).length;
    const text = JSON.stringify({ email: 'a'.repeat(32 * 1024 - frame) });
    expect(Buffer.byteLength(text)).toBe(32 * 1024);
    expect(codeOf(await post(logIn, text))).toBe('VALIDATION_FAILED');
  });
});

describe('the connection', () => {
  test('refuses headers beyond 16 kB, and a query of that length', async () => {
    const tooLong = 'a'.repeat(17 * 1024);
    for (const text of [
      requestText('GET /healthz', { 'x-long': tooLong }),
      requestText(`GET /api/v1/shows?q=${tooLong}`),
    ]) {
      const reply = await raw(text);
      expect([reply.status, codeOf(reply)]).toEqual([431, 'HEADERS_TOO_LARGE']);
    }
    const long = await raw(requestText(`GET /api/v1/shows?q=${'a'.repeat(12 * 1024)}`));
    expect([long.status, codeOf(long)]).toEqual([400, 'VALIDATION_FAILED']);
  });

  test('is refused and closed if it sends invalid HTTP or smuggles a request', async () => {
    const smuggled = { ...inJson, 'content-length': 2, 'transfer-encoding': 'chunked' };
    for (const text of [
      'hello\r\n\r\n',
      requestText(`POST ${logIn.path}`, smuggled, '{}'),
      requestText('GET /healthz', { 'x-bad\u0001name': 'a' }),
    ]) {
      const reply = await raw(text);
      expect([reply.status, codeOf(reply)]).toEqual([400, 'MALFORMED_REQUEST']);
      expect(reply.headers['connection']).toBe('close');
    }
  });

  test('has every timeout set, and is closed if data arrives too slowly', async () => {
    const slow = await openProgram({ databaseUrl: program.databaseUrl });
    const slowOrigin = await slow.listen();
    const { server } = slow.app.http;
    for (const limitMs of [server.headersTimeout, server.requestTimeout, server.timeout])
      expect(limitMs).toBeGreaterThan(0);
    expect(server.keepAliveTimeout).toBeGreaterThan(0);
    // The same limits with shorter times.
    server.headersTimeout = 100;
    server.requestTimeout = 200;
    const head = 'GET /healthz HTTP/1.1\r\nhost: usher.test\r\n';
    const body = requestText(`POST ${logIn.path}`, { ...inJson, 'content-length': 50 }, '{');
    const cut = await Promise.all(
      [head, body].map(async (text) => replyIn(await said(await openRaw(slowOrigin), text))),
    );
    expect(cut.map((reply) => [reply.status, codeOf(reply)])).toEqual([
      [408, 'REQUEST_TIMEOUT'],
      [408, 'REQUEST_TIMEOUT'],
    ]);
    await slow.close();
  });
});

describe('input validation', () => {
  test.each(withBody.filter((spec) => spec.name !== 'tossWebhook'))(
    '$name refuses a field that it does not know',
    async (spec) => {
      const { body } = exampleOf(spec, nowhere);
      const text = JSON.stringify({ ...(body as object), isAdmin: true });
      const problem = problemOf(await post(spec, text));
      expect(problem.code).toBe('VALIDATION_FAILED');
      expect(JSON.stringify(problem.errors)).toContain('body');
    },
  );

  test('the provider’s webhook accepts fields that are new to us', async () => {
    const { body } = exampleOf(tossWebhook, nowhere);
    const reply = await post(tossWebhook, JSON.stringify({ ...(body as object), version: 3 }));
    expect(reply.status).toBe(200);
  });

  test.each(withQuery)('$name refuses a parameter that it does not know', async (spec) => {
    const given = { ...exampleOf(spec, nowhere), as: program.operator };
    const reply = await program.ask(spec, { ...given, query: { unheard: 'of' } });
    expect(codeOf(reply)).toBe('VALIDATION_FAILED');
  });

  test.each(withQuery.filter((spec) => 'limit' in (spec.query?.shape ?? {})))(
    '$name refuses a page limit outside 1 to 100',
    async (spec) => {
      const given = { ...exampleOf(spec, nowhere), as: program.operator };
      for (const limit of ['0', '-1', '101', '1e9', 'all', '']) {
        const problem = problemOf(await program.ask(spec, { ...given, query: { limit } }));
        expect([limit, problem.code]).toEqual([limit, 'VALIDATION_FAILED']);
      }
    },
  );

  test.each(withQuery.filter((spec) => 'cursor' in (spec.query?.shape ?? {})))(
    '$name refuses a cursor that it did not write',
    async (spec) => {
      const given = { ...exampleOf(spec, nowhere), as: program.operator };
      const forged = Buffer.from('["2026-11-21T00:00:00.000Z", 7, {}]').toString('base64url');
      for (const cursor of ['nonsense', forged, 'a'.repeat(201)]) {
        const reply = await program.ask(spec, { ...given, query: { cursor } });
        expect([cursor, reply.status]).toEqual([cursor, 400]);
        expect(codeOf(reply)).toBe('VALIDATION_FAILED');
      }
    },
  );

  test('a malformed id is answered with NOT_FOUND', async () => {
    for (const orderId of ['1', '../me', 'ord_', `${nowhere.orderId}x`, 'a'.repeat(300)]) {
      const path = `/api/v1/orders/${encodeURIComponent(orderId)}`;
      const headers = { authorization: `Bearer ${program.operator}` };
      const send = sendByInject(program.app.http);
      const reply = await send({ method: 'GET', path, headers, body: null });
      expect([orderId, reply.status]).toEqual([orderId, 404]);
      expect(codeOf(reply)).toBe('NOT_FOUND');
    }
  });
});

describe('malformed requests', () => {
  test.each(withBody)('$name refuses invalid JSON, non-objects and __proto__', async (spec) => {
    const traps = [
      '{',
      '{"a":1}}',
      'null',
      '[]',
      '"text"',
      '[['.repeat(5000),
      '{"__proto__":{"isAdmin":true}}',
      '{"constructor":{"prototype":{"isAdmin":true}}}',
    ];
    for (const trap of traps) {
      const problem = problemOf(await post(spec, trap));
      expect([trap.slice(0, 40), problem.status]).toEqual([trap.slice(0, 40), 400]);
    }
    expect('isAdmin' in {}).toBe(false);
  });

  test('a media type other than JSON is refused, so foreign forms cannot post', async () => {
    const text = JSON.stringify({ email: 'minji@example.com', password: 'four words of hers' });
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
    ];
    for (const type of types) {
      const problem = problemOf(await post(logIn, text, { 'content-type': type }));
      expect([type, problem.status]).toEqual([type, 400]);
    }
  });

  test('a malformed URL and an unknown method get problem documents, too', async () => {
    const reply = await raw(requestText('GET /api/v1/shows/%zz'));
    expect([reply.status, codeOf(reply)]).toEqual([400, 'MALFORMED_REQUEST']);
    const method = await raw(requestText('DELETE /healthz'));
    expect([method.status, codeOf(method)]).toEqual([404, 'ROUTE_NOT_FOUND']);
  });

  test('a refusal has the trace id that the caller sent', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    expect((await program.refusal(readMe, { headers })).traceId).toBe(trace);
    expect((await program.refusal(readMe, { headers: { traceparent: 'x' } })).traceId).not.toBe(
      (await program.refusal(readMe)).traceId,
    );
  });
});

describe('a client that calls too often', () => {
  const limited = () =>
    openProgram({ databaseUrl: program.databaseUrl, settings: { RATE_LIMITS: 'true' } });

  test('must wait for Retry-After; others need not', async () => {
    const { ask, newBuyers, close } = await limited();
    const [hasty, other] = await newBuyers(2);
    const call = (as: string | undefined) =>
      ask(placeOrder, { as: as ?? '', body: { holdId: nowhere.holdId } });
    const replies: Reply[] = [];
    for (let i = 0; i <= placeOrder.rate.burst; i++) replies.push(await call(hasty?.token));
    const last = replies.pop();
    expect(replies.map(codeOf)).toEqual(replies.map(() => 'NOT_FOUND'));
    if (last === undefined) throw new Error('it was called');
    const problem = problemOf(last);
    expect(problem).toMatchObject({ code: 'TOO_MANY_REQUESTS', status: 429, retryable: true });
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    expect(problem.retryAfterMs).toBeGreaterThan(0);
    expect(codeOf(await call(other?.token))).toBe('NOT_FOUND');
    await close();
  });

  test('without signing in is limited by address', async () => {
    const { app, close } = await limited();
    const { linkToken } = nowhere;
    const call = (remoteAddress: string) =>
      app.http.inject({
        method: 'GET',
        url: pathOf(readOrderByLink, { params: { linkToken } }),
        remoteAddress,
      });
    for (let i = 0; i < readOrderByLink.rate.burst; i++)
      expect((await call('192.0.2.1')).statusCode).toBe(404);
    expect((await call('192.0.2.1')).statusCode).toBe(429);
    expect((await call('192.0.2.2')).statusCode).toBe(404);
    // X-Forwarded-For is trusted only from a configured proxy.
    const forged = await app.http.inject({
      method: 'GET',
      url: pathOf(readOrderByLink, { params: { linkToken } }),
      remoteAddress: '192.0.2.1',
      headers: { 'x-forwarded-for': '192.0.2.9' },
    });
    expect(forged.statusCode).toBe(429);
    await close();
  });
});

describe('the pages', () => {
  const pages = [
    '/',
    '/pay/success',
    '/pay/fail',
    '/o/a-link',
    '/docs/',
    '/docs/problems/INTERNAL',
  ];
  test.each(pages)('%s forbid inline scripts, framing and content sniffing', async (path) => {
    const reply = await raw(requestText(`GET ${path}`));
    expect(reply.status).toBe(200);
    const policy = String(reply.headers['content-security-policy']);
    expect(policy).toMatch(/default-src 'self'/);
    expect(policy).toMatch(/object-src 'none'/);
    expect(policy).toMatch(/frame-ancestors '(?:none|self)'/);
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|upgrade-insecure-requests/);
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin-allow-popups',
    });
    expect(reply.headers).not.toHaveProperty('strict-transport-security');
  });

  test('send Strict-Transport-Security if buyers reach us by TLS, and only then', async () => {
    const overTls = await openProgram({
      databaseUrl: program.databaseUrl,
      publicUrl: 'https://usher.test',
    });
    const reply = await overTls.app.http.inject({ method: 'GET', url: '/' });
    expect(reply.headers).toHaveProperty('strict-transport-security');
    await overTls.close();
  });
});

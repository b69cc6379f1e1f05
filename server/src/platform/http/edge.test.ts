import { once } from 'node:events';
import { connect } from 'node:net';
import { exchange, openRaw, requestText } from '@usher/tests/support/raw-http.ts';
import { until } from '@usher/tests/support/until.ts';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { rawAnswer, route } from './route.ts';
import { openTestServer, plainRoute } from './test-bed.ts';

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});
const open: typeof openTestServer = async (...given) => {
  const server = await openTestServer(...given);
  opened.push(server.app);
  return server;
};
const listening = (app: FastifyInstance) => app.listen({ host: '127.0.0.1', port: 0 });
const text = { 'content-type': 'text/plain' };
/** A route that answers when the test says so. */
const waiting = () => {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  const state = { isBegun: false };
  const handler = plainRoute(async () => {
    state.isBegun = true;
    await held;
    return rawAnswer(200, 'done', text);
  });
  return { handler, begun: () => until('the request runs', () => state.isBegun), end: () => end() };
};

describe('closing', () => {
  test('waits for a running request, which gets its complete response', async () => {
    const { handler, begun, end } = waiting();
    const { app } = await open([handler]);
    const origin = await listening(app);
    const reply = fetch(`${origin}/api/v1/plain`, { headers: { connection: 'close' } });
    await begun();
    let isClosed = false;
    const closing = app.close().then(() => {
      isClosed = true;
    });
    await until('nobody is admitted', () =>
      openRaw(origin).then(
        (socket) => void socket.destroy(),
        () => true,
      ),
    );
    expect(isClosed).toBe(false);
    end();
    expect(await (await reply).text()).toBe('done');
    await closing;
  });

  test('does not wait for idle connections', async () => {
    const { app } = await open([plainRoute(async () => rawAnswer(200, 'done', text))]);
    const origin = await listening(app);
    const idle = await openRaw(origin);
    const closed = once(idle, 'close');
    idle.write(requestText('GET /api/v1/plain', { connection: 'keep-alive' }));
    await once(idle, 'data');
    await app.close();
    await closed;
  });

  test('serves requests that arrive while it starts, then closes that connection', async () => {
    const { app } = await open([plainRoute(async () => rawAnswer(200, 'done', text))]);
    let isBegun = false;
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    app.addHook('preClose', async () => {
      isBegun = true;
      await held;
    });
    const origin = await listening(app);
    const closing = app.close();
    await until('it has begun', () => isBegun);
    const reply = await fetch(`${origin}/api/v1/plain`);
    expect([reply.status, reply.headers.get('connection')]).toEqual([200, 'close']);
    end();
    await closing;
  });
});

describe('under pressure', () => {
  /** Keeps the event loop late until the server notices. */
  const press = async (ask: () => Promise<boolean>): Promise<void> => {
    await until('the server notices', async () => {
      const endMs = systemClock.monotonicMs() + 300;
      while (systemClock.monotonicMs() < endMs);
      return ask();
    });
  };

  test('API calls are refused with a time to retry; probes are answered', async () => {
    const probe = { name: 'probe', path: '/healthz' };
    const alive = async () => rawAnswer(200, 'alive', text);
    const { app } = await open([plainRoute(alive), plainRoute(alive, probe)], {
      loopDelayMaxMs: 50,
    });
    await press(async () => (await app.inject('/api/v1/plain')).statusCode === 503);
    const refused = await app.inject('/api/v1/plain');
    expect(refused.json()).toMatchObject({ code: 'OVERLOADED', retryable: true });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    await until('calm again', async () => (await app.inject('/api/v1/plain')).statusCode === 200);
  });
});

describe('a page of another site', () => {
  const mine = 'https://tickets.opera.kr';
  const asked = async (origin: string, method: string) => {
    const { app } = await open([plainRoute(async () => rawAnswer(200, 'done', text))], {
      allowedOrigins: [mine],
    });
    const reply = await app.inject({
      method: 'OPTIONS',
      url: '/api/v1/plain',
      headers: { origin, 'access-control-request-method': method },
    });
    return reply.headers;
  };

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'may send %s if it is listed',
    async (method) => {
      const headers = await asked(mine, method);
      expect(headers['access-control-allow-origin']).toBe(mine);
      expect(headers['access-control-allow-methods']).toContain(method);
      expect(headers['access-control-allow-credentials']).toBe('true');
    },
  );

  test.each(['https://evil.example', `${mine}.evil.example`, 'http://tickets.opera.kr', 'null'])(
    'may send nothing if it is not listed: %s',
    async (origin) => {
      expect(await asked(origin, 'POST')).not.toHaveProperty('access-control-allow-origin');
    },
  );
});

describe('no secret reaches the log', () => {
  const secret = 'hunter2hunter2hunter2';
  const link = `ord_01jd8zk3v7q2m4x6t9w1y5b0ce.${secret}x`;
  /** A call that carries secrets everywhere, to a handler that fails and reports all it knows. */
  const called = async (error: () => unknown) => {
    const breaking = route(
      {
        name: 'readLink',
        method: 'POST',
        path: '/api/v1/links/{link}',
        auth: 'public',
        tag: 'Test',
        summary: 'Test',
        rate: { perMinute: 600, burst: 60 },
        responses: {},
        problems: [],
      },
      () => {
        throw error();
      },
    );
    const { app, lines } = await open([breaking]);
    const reply = await app.inject({
      method: 'POST',
      url: `/api/v1/links/${link}?paymentKey=${secret}`,
      headers: {
        authorization: `Bearer access.eyJhIjoxfQ.${secret.repeat(2)}x`,
        cookie: `refresh_token=${secret}`,
        'idempotency-key': secret,
      },
      payload: { password: secret },
    });
    return { status: reply.statusCode, body: reply.body, log: lines.join('') };
  };

  test.each([
    ['a bug', () => new Error(`no order for ${link}, Bearer ${secret}`)],
    [
      'a failure with its cause',
      () => {
        const cause = Object.assign(new Error(`postgres://usher:${secret}@db refused`), {
          request: {
            headers: { cookie: secret, authorization: secret },
            body: { password: secret },
          },
        });
        return new Failure('STORE_UNREACHABLE', 'away', { retryable: true, cause });
      },
    ],
  ])('when %s is logged', async (_, error) => {
    const { status, body, log } = await called(error);
    expect(status).toBeGreaterThanOrEqual(500);
    expect(log).toContain('"route":"readLink"');
    expect(log).not.toContain('hunter2');
    expect(JSON.parse(body).detail).not.toContain('hunter2');
  });
});

test('input that is not HTTP gets a problem document, and the connection is closed', async () => {
  const { app } = await open([]);
  const origin = await listening(app);
  const heard = await exchange(origin, 'nonsense\r\n\r\n');
  expect(heard).toContain('400 Bad Request');
  expect(heard).toContain('"code":"MALFORMED_REQUEST"');
});

test('a client that disconnects in the middle of a request affects no other', async () => {
  const { app, lines } = await open([plainRoute(async () => rawAnswer(200, 'done', text))]);
  const origin = await listening(app);
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('POST /api/v1/plain HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{');
  socket.resetAndDestroy();
  await once(socket, 'close');
  expect(await (await fetch(`${origin}/api/v1/plain`)).text()).toBe('done');
  expect(lines).toEqual([]);
});

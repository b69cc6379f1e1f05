import { describe, expect, test } from 'vitest';
import { likeShow, listShows, readShow } from './catalogue.ts';
import {
  ContractBreach,
  checkBody,
  type Fetch,
  makeClient,
  type ReadBody,
  type Retry,
  type RouteParts,
  trustBody,
} from './client.ts';
import { logOut, readMe } from './identity.ts';
import { createShow } from './organiser.ts';
import type { ProblemCode } from './problems.ts';
import type { RouteSpec } from './route.ts';
import { allRoutes } from './routes.ts';
import { readSeats, takeHold, watchSeats } from './seats.ts';
import { joinRoom } from './waiting-room.ts';

type Sent = { url: string } & Parameters<Fetch>[1];
const showId = 'show_01jd8zk3v7q2m4x6t9w1y5b0ce';
const performanceId = 'perf_01jd8zk3v7q2m4x6t9w1y5b0ce';
const me = {
  id: 'acc_01jd8zk3v7q2m4x6t9w1y5b0ce',
  email: 'minji@example.com',
  name: '김민지',
  role: 'BUYER',
  locale: 'ko',
  emailConfirmed: true,
  createdAt: '2026-11-21T00:00:00.000Z',
};

const respond = (
  status: number,
  body: string | Uint8Array | null,
  headers: Record<string, string>,
) => new Response(body === null ? null : body.slice(), { status, headers });
const json = (status: number, body: unknown) =>
  respond(status, JSON.stringify(body), { 'content-type': 'application/json; charset=utf-8' });
const refuse = (status: number, code: ProblemCode, retryable: boolean, more: object = {}) => {
  const problem = {
    type: '',
    title: '',
    status,
    detail: '',
    instance: '',
    traceId: '',
    code,
    retryable,
    ...more,
  };
  return respond(status, JSON.stringify(problem), { 'content-type': 'application/problem+json' });
};

/** A client whose server gives one of `answers` per call, and repeats the last one for ever. */
const setUp = (
  answers: readonly (() => Response)[],
  more: { readBody?: ReadBody; retries?: Omit<Retry, 'sleep'>; token?: string } = {},
) => {
  const sent: Sent[] = [];
  const waitedMs: number[] = [];
  let keys = 0;
  const sleep = async (ms: number): Promise<void> => {
    waitedMs.push(ms);
  };
  const client = makeClient({
    fetch: async (url, request) => {
      sent.push({ url, ...request });
      const answer = answers[sent.length - 1] ?? answers.at(-1);
      if (answer === undefined) throw new Error('nothing to answer with');
      return answer();
    },
    baseUrl: 'https://tickets.example',
    makeKey: () => `key-number-${++keys}-of-this-test`,
    accessToken: () => more.token ?? null,
    readBody: more.readBody ?? checkBody,
    retries: more.retries === undefined ? null : { ...more.retries, sleep },
  });
  return { client, sent, waitedMs };
};
const lost = (code: string) => () => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
};
const threeTries = { triesMax: 3, pauseMs: 100, pauseMaxMs: 5000 };

describe('a request', () => {
  test('has the names of its path and its query filled in and escaped', async () => {
    const { client, sent } = setUp([() => json(200, { items: [], nextCursor: null })]);
    await client.call(listShows, { query: { q: '오페라 & 유령', limit: 5 } });
    expect(sent[0]?.url).toBe(
      'https://tickets.example/api/v1/shows?q=%EC%98%A4%ED%8E%98%EB%9D%BC+%26+%EC%9C%A0%EB%A0%B9&limit=5',
    );
    expect(client.url(watchSeats, { params: { performanceId: 'a/b' } })).toBe(
      'https://tickets.example/api/v1/performances/a%2Fb/seats/stream',
    );
  });

  test('carries the token of its client, or the one of the call, or none', async () => {
    const { client, sent } = setUp([() => json(200, me)], { token: 'mine' });
    await client.call(readMe, {});
    await client.call(readMe, {}, { accessToken: 'another' });
    await client.call(readMe, {}, { accessToken: null });
    expect(sent.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer mine',
      'Bearer another',
      undefined,
    ]);
  });

  test('has an Idempotency-Key only if its route takes one', async () => {
    const { client, sent } = setUp([() => refuse(404, 'NOT_FOUND', false)]);
    for (const spec of allRoutes) {
      const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, 'x']);
      const parts = { params: Object.fromEntries(names) };
      await client.call<RouteSpec>(spec, parts as RouteParts<RouteSpec>);
    }
    const withKey = allRoutes.filter((_, at) => sent[at]?.headers['idempotency-key'] !== undefined);
    const taking = allRoutes.filter(({ idempotency }) => idempotency !== undefined);
    expect(taking).toContain(takeHold);
    expect(taking).toContain(createShow);
    expect(taking).not.toContain(joinRoom);
    expect(withKey).toEqual(taking);
  });

  test('that lacks a path parameter is refused as a bug of the caller', async () => {
    const { client } = setUp([() => json(200, {})]);
    // @ts-expect-error: the compiler reports it first.
    await expect(client.call(readShow, {})).rejects.toThrow('readShow needs showId');
  });

  test('is checked against its route by the compiler', () => {
    const { client } = setUp([]);
    const wrong = [
      // @ts-expect-error: a body that the route does not take.
      () => client.call(readShow, { params: { showId }, body: {} }),
      // @ts-expect-error: a field that the body does not have.
      () => client.call(takeHold, { params: { performanceId }, body: { seat: 1 } }),
      // @ts-expect-error: a path parameter of another route.
      () => client.url(readShow, { params: { performanceId } }),
      // @ts-expect-error: an unknown category.
      () => client.call(listShows, { query: { category: 'OPERA' } }),
    ];
    expect(wrong).toHaveLength(4);
  });
});

describe('an answer', () => {
  test('is typed by its status', async () => {
    const { client } = setUp([() => json(200, me)]);
    const outcome = await client.call(readMe, {});
    if (outcome.outcome !== 'answer') throw new Error('no answer');
    const role: 'BUYER' | 'ORGANISER' | 'OPERATOR' = outcome.body.role;
    expect([outcome.status, role]).toEqual([200, 'BUYER']);
  });

  test('that is not JSON comes as bytes, and one without a body as null', async () => {
    const bits = new Uint8Array([0, 255, 27]);
    const stream = { 'content-type': 'application/octet-stream' };
    const { client } = setUp([
      () => respond(200, bits, stream),
      () => respond(304, null, { etag: '"7"' }),
      () => respond(204, null, {}),
    ]);
    const params = { performanceId };
    expect(await client.call(readSeats, { params })).toMatchObject({ status: 200, body: bits });
    const same = await client.call(readSeats, { params });
    expect(same).toMatchObject({ outcome: 'answer', status: 304, body: null });
    expect(same.outcome === 'answer' && same.headers.get('etag')).toBe('"7"');
    expect(await client.call(likeShow, { params: { showId } })).toMatchObject({ status: 204 });
  });

  test('that breaks the contract throws: unknown status, field or code, or no JSON', async () => {
    const breaches = [
      () => json(299, me),
      () => json(200, { ...me, surprise: 1 }),
      () => json(200, { ...me, role: 'KING' }),
      () => refuse(409, 'NO_SUCH_CODE' as ProblemCode, false),
      () => respond(200, '{', { 'content-type': 'application/json' }),
    ];
    for (const breach of breaches) {
      const { client } = setUp([breach]);
      await expect(client.call(readMe, {})).rejects.toBeInstanceOf(ContractBreach);
    }
  });

  test('of a newer server is read by a client that trusts it', async () => {
    const newer = { ...me, pronouns: 'they' };
    const { client } = setUp([() => json(200, newer)], { readBody: trustBody });
    expect(await client.call(readMe, {})).toMatchObject({ outcome: 'answer', body: newer });
  });
});

describe('a refusal', () => {
  test('is a value with its code, and with the time after which to retry', async () => {
    const limited = { 'content-type': 'application/problem+json', 'retry-after': '3' };
    const body = await refuse(429, 'TOO_MANY_REQUESTS', true).text();
    const { client } = setUp([
      () => refuse(409, 'SEATS_TAKEN', false),
      () => refuse(403, 'SALE_NOT_OPEN', true, { retryAfterMs: 90_500 }),
      () => respond(429, body, limited),
    ]);
    const call = () =>
      client.call(takeHold, { params: { performanceId }, body: { seats: [1, 2] } });
    expect(await call()).toMatchObject({ code: 'SEATS_TAKEN', retryAfterMs: null, status: 409 });
    expect(await call()).toMatchObject({ code: 'SALE_NOT_OPEN', retryAfterMs: 90_500 });
    expect(await call()).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterMs: 3000 });
  });
});

describe('no answer', () => {
  test('is a value that names the failure, also when a proxy answers instead', async () => {
    const html = { 'content-type': 'text/html', 'retry-after': '7' };
    const { client } = setUp([
      lost('ECONNREFUSED'),
      () => respond(502, '<h1>Bad gateway</h1>', html),
      () => respond(200, '<h1>Sign in to the hotel</h1>', html),
    ]);
    const no = { outcome: 'no-answer' };
    expect(await client.call(readMe, {})).toMatchObject({ ...no, why: 'ECONNREFUSED' });
    const gateway = { ...no, status: 502, why: 'HTTP_502', retryAfterMs: 7000 };
    expect(await client.call(readMe, {})).toEqual(gateway);
    expect(await client.call(readMe, {})).toMatchObject({ ...no, status: 200 });
  });
});

describe('a retry', () => {
  const hold = { params: { performanceId }, body: { seats: [1] } };

  test('sends the same key again, after the pause that the server asks for', async () => {
    const { client, sent, waitedMs } = setUp(
      [
        lost('ECONNRESET'),
        () => refuse(503, 'OVERLOADED', true, { retryAfterMs: 2500 }),
        () => refuse(409, 'SEATS_TAKEN', false),
      ],
      { retries: threeTries },
    );
    expect(await client.call(takeHold, hold)).toMatchObject({ code: 'SEATS_TAKEN' });
    expect(sent.map(({ headers }) => headers['idempotency-key'])).toEqual(
      new Array(3).fill('key-number-1-of-this-test'),
    );
    expect(waitedMs).toEqual([100, 2500]);
    await client.call(takeHold, hold);
    expect(sent.at(-1)?.headers['idempotency-key']).toBe('key-number-2-of-this-test');
  });

  test('ends with the last outcome when all tries are used', async () => {
    const { client, sent, waitedMs } = setUp([lost('ECONNREFUSED')], { retries: threeTries });
    expect(await client.call(logOut, {})).toMatchObject({ outcome: 'no-answer' });
    expect([sent.length, waitedMs]).toEqual([3, [100, 200]]);
  });

  test('is not made after a final refusal, a long Retry-After or an aborted call', async () => {
    const decided = setUp([() => refuse(409, 'SEATS_TAKEN', false)], { retries: threeTries });
    await decided.client.call(takeHold, hold);
    const later = setUp([() => refuse(403, 'SALE_NOT_OPEN', true, { retryAfterMs: 60_000 })], {
      retries: threeTries,
    });
    await later.client.call(takeHold, hold);
    const aborted = setUp([lost('ABORTED')], { retries: threeTries });
    await aborted.client.call(takeHold, hold, { signal: AbortSignal.abort() });
    const counts = [decided, later, aborted].map(({ sent, waitedMs }) => [
      sent.length,
      waitedMs.length,
    ]);
    expect(counts).toEqual(new Array(3).fill([1, 0]));
  });
});

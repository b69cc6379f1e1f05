import type { RouteParts } from '@usher/contract/client.ts';
import { readMe } from '@usher/contract/identity.ts';
import { readHold, takeHold } from '@usher/contract/seats.ts';
import { readRoomNow } from '@usher/contract/waiting-room.ts';
import { type ManualClock, manualClock } from '@usher/tests/support/clock.ts';
import { expect, test } from 'vitest';
import { type Circumstances, makeCaller, type Session } from './caller.ts';
import type { HttpClient, Request, Sent } from './http.ts';
import { makeNotes } from './notes.ts';

const bodyOf = (value: unknown): ArrayBufferLike =>
  new TextEncoder().encode(JSON.stringify(value)).buffer;

const problem = (status: number, code: string, more: object = {}): Sent => ({
  outcome: 'reply',
  reply: {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    body: bodyOf({
      type: '',
      title: '',
      detail: '',
      instance: '',
      traceId: '',
      retryable: true,
      status,
      code,
      ...more,
    }),
  },
});
const me = {
  id: 'acc_01jd8zk3v7q2m4x6t9w1y5b0ce',
  email: 'a@example.com',
  name: 'a',
  role: 'BUYER',
  locale: 'ko',
  emailConfirmed: true,
  createdAt: '2026-11-21T00:00:00.000Z',
};
const json = (status: number, body: unknown): Sent => ({
  outcome: 'reply',
  reply: {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: bodyOf(body),
  },
});
const silence: Sent = { outcome: 'no-answer', code: 'ECONNREFUSED' };

const setUp = (answer: (request: Request, nth: number) => Sent) => {
  let keys = 0;
  const clock = manualClock(0);
  const notes = makeNotes();
  const requests: Request[] = [];
  const http: HttpClient = {
    send: async (request) => {
      requests.push(request);
      return answer(request, requests.length);
    },
    close: async () => undefined,
  };
  const caller = makeCaller({
    http,
    origin: 'http://x',
    clock,
    notes,
    patienceMs: 60_000,
    makeKey: () => `key-number-${++keys}-of-this-test`,
  });
  return { clock, notes, requests, caller };
};

/** Lets a call continue through its pauses. */
const finish = async <T>(clock: ManualClock, promise: Promise<T>): Promise<T> => {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  for (let turn = 0; !isDone && turn < 5000; turn++) await clock.advance(100);
  return done;
};

const session = (renew: Session['renew'] = async () => false): Session => ({
  accessToken: 'first',
  address: null,
  pass: null,
  renew,
});
const common = { fromMs: 0, signal: new AbortController().signal };
const readingMe = (who: Session): [typeof readMe, object, Circumstances] => [
  readMe,
  {},
  { step: 'me', session: who, ...common },
];
const holding: [typeof takeHold, RouteParts<typeof takeHold>, Circumstances] = [
  takeHold,
  { params: { performanceId: 'perf_x' }, body: { seats: [1, 2] } },
  { step: 'hold', session: session(), ...common },
];

test('a call without a response is retried with the same key until there is one', async () => {
  const { caller, clock, requests, notes } = setUp((_, nth) =>
    nth < 5 ? silence : problem(409, 'SEATS_TAKEN'),
  );
  const outcome = await finish(clock, caller.call(...holding));
  expect(outcome).toMatchObject({ outcome: 'refused', code: 'SEATS_TAKEN' });
  expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
  expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(
    new Array(5).fill('key-number-1-of-this-test'),
  );
  expect(notes.retries).toEqual({ ECONNREFUSED: 4 });
  expect(notes.steps.get('hold')?.count).toBe(1);
});

test('a call to a silent server gives up after its patience, with unknown outcome', async () => {
  const { caller, clock } = setUp(() => silence);
  const outcome = await finish(clock, caller.call(...holding));
  expect(outcome).toEqual({ outcome: 'gave-up', why: 'ECONNREFUSED' });
  expect(clock.monotonicMs()).toBeGreaterThan(60_000);
});

test('"too many requests" is waited out as the server says, however long', async () => {
  const { caller, clock, requests } = setUp((_, nth) =>
    nth <= 10 ? problem(429, 'TOO_MANY_REQUESTS', { retryAfterMs: 20_000 }) : json(200, me),
  );
  const outcome = await finish(clock, caller.call(...readingMe(session())));
  expect(outcome).toMatchObject({ outcome: 'answer', status: 200 });
  expect(requests).toHaveLength(11);
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(200_000);
});

test('the latency of a call counts from the wish, including pauses and retries', async () => {
  const { caller, clock, notes } = setUp((_, nth) =>
    nth === 1 ? problem(503, 'OVERLOADED', { retryAfterMs: 3000 }) : json(200, me),
  );
  await clock.advance(500);
  await finish(clock, caller.call(...readingMe(session())));
  expect(notes.steps.get('me')?.maxMs).toBeGreaterThanOrEqual(3500);
});

test('an expired token is refreshed once and the call retried', async () => {
  const who = session(async () => {
    who.accessToken = 'second';
    return true;
  });
  const { caller, requests, clock } = setUp(({ headers }) =>
    headers['authorization'] === 'Bearer second' ? json(200, me) : problem(401, 'UNAUTHENTICATED'),
  );
  const outcome = await finish(clock, caller.call(...readingMe(who)));
  expect(outcome).toMatchObject({ outcome: 'answer', body: me });
  expect(requests).toHaveLength(2);
});

test('a session that cannot be refreshed is a refusal, not an endless loop', async () => {
  const { caller, requests, clock } = setUp(() => problem(401, 'UNAUTHENTICATED'));
  const outcome = await finish(clock, caller.call(...readingMe(session(async () => true))));
  expect(outcome).toMatchObject({ outcome: 'refused', code: 'UNAUTHENTICATED' });
  expect(requests).toHaveLength(2);
});

test('a response that violates the contract is a failure of the run', async () => {
  const { caller } = setUp(() => json(200, { ...me, surprise: 1 }));
  await expect(caller.call(...readingMe(session()))).rejects.toThrow('surprise');
  const other = setUp(() => json(299, me));
  await expect(other.caller.call(...readingMe(session()))).rejects.toThrow('299');
});

test('a stopped run sends no more requests', async () => {
  const { caller, requests } = setUp(() => json(200, me));
  const signal = AbortSignal.abort();
  const call = caller.call(readMe, {}, { step: 'me', session: session(), fromMs: 0, signal });
  expect(await call).toEqual({ outcome: 'gave-up', why: 'STOPPED' });
  expect(requests).toHaveLength(0);
});

test('parameters in a path are filled in', async () => {
  const { caller, requests } = setUp(() => problem(404, 'NOT_FOUND'));
  await caller.call(
    readHold,
    { params: { holdId: 'hold_1' } },
    { step: null, session: session(), ...common },
  );
  expect(requests[0]).toMatchObject({ method: 'GET', path: '/api/v1/holds/hold_1' });
});

test('a pass goes with every call of its owner, but not with anonymous ones', async () => {
  const { requests, caller } = setUp(() => json(200, me));
  const owner = { ...session(), pass: 'the pass', address: '10.0.0.1' };
  await caller.call(...readingMe(owner));
  await caller.call(readMe, {}, { step: 'me', session: owner, isAnonymous: true, ...common });
  expect(requests[0]?.headers).toMatchObject({ 'usher-pass': 'the pass' });
  expect(requests[1]?.headers).toEqual({ 'x-forwarded-for': '10.0.0.1' });
});

const now = {
  rev: 1,
  epoch: 1,
  phase: 'open',
  override: 'none',
  now: 0,
  front: 3,
  tail: 9,
  waiting: 6,
  perMinute: 60,
  spread: 1,
  near: 180,
  left: { R: 4 },
  poll: { f: 2000, c: 60_000, d: 8, m: 1 },
  draw: { entries: 5 },
};

test('a repeated public response is parsed once, and not confused with the next one', async () => {
  const fronts = [3, 3, 4];
  const { requests, caller } = setUp((_, nth) => json(200, { ...now, front: fronts[nth - 1] }));
  const look = async () => {
    const read = await caller.call(
      readRoomNow,
      { params: { showId: 'shw_x' } },
      { step: null, session: null, etag: '"1"', ...common },
    );
    return read.outcome === 'answer' ? read.body : null;
  };
  const [first, second, third] = [await look(), await look(), await look()];
  expect(second).toBe(first);
  expect([first?.front, third?.front]).toEqual([3, 4]);
  expect(requests[0]?.headers['if-none-match']).toBe('"1"');
});

test('304 is a response without a body', async () => {
  const { caller } = setUp(() => ({
    outcome: 'reply',
    reply: { status: 304, headers: {}, body: new ArrayBuffer(0) },
  }));
  const read = await caller.call(
    readRoomNow,
    { params: { showId: 'shw_x' } },
    { step: null, session: null, ...common },
  );
  expect(read).toMatchObject({ outcome: 'answer', status: 304, body: null });
});

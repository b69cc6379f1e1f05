import * as contract from '@usher/contract/identity.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { makeTestProofOfWork, solve } from '@usher/tests/support/proof-of-work.ts';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { makeIdempotency } from '../../platform/http/idempotency.ts';
import { makeHttpServer } from '../../platform/http/server.ts';
import { makeIds } from '../../platform/ids.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { openTracing } from '../../platform/tracing.ts';
import { endedSessionsChannel, makeEndedSessions } from './events.ts';
import { openIdentity } from './index.ts';
import { makePasswords } from './passwords.ts';
import { makeIdentityRoutes } from './routes.ts';
import { makeIdentity } from './service.ts';
import { makeIdentityStore } from './store.ts';

const clock = manualClock(Date.parse('2026-12-24T10:00:00.000Z'));
const ids = makeIds(clock);
const proofOfWork = makeTestProofOfWork();
const metrics = makeMetrics();
const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 6 });
const idempotency = makeIdempotency(db, metrics, 256);
const tracing = await openTracing({ endpoint: undefined, service: 'test' });
const secret = 'a-secret-of-a-test-that-is-long-enough';
const publicUrl = 'https://tickets.example.com';
const allowedOrigins = ['https://app.example.org'];
const channels: string[] = [];
const context = {
  db,
  clock,
  ids,
  log: silentLog,
  metrics,
  config: {
    ACCESS_TOKEN_TTL_MS: 600_000,
    REFRESH_TOKEN_TTL_MS: 14 * 24 * 3_600_000,
    ALLOWED_ORIGINS: allowedOrigins,
    RATE_LIMITS: true,
    USHER_ENV: 'test' as const,
    HOST: '127.0.0.1',
    ONE_ACCOUNT_PER_MAILBOX: false,
  },
  secret,
  publicUrl,
  listen: (channel: string) => void channels.push(channel),
  relayWake: () => undefined,
};
const identity = await openIdentity(context, { proofOfWork });
const { authenticate, mayCall } = identity.service;

const serve = (routes: typeof identity.routes): Promise<FastifyInstance> =>
  makeHttpServer({
    clock,
    log: silentLog,
    metrics: makeMetrics(),
    tracing,
    idempotency,
    routes,
    authenticate,
    mayCall,
    trustProxy: false,
    allowedOrigins,
    safeHeaders: {},
    checkAnswers: true,
    rateLimits: true,
  });
const app = await serve(identity.routes);
afterAll(async () => {
  await app.close();
  await identity.close();
  await idempotency.close();
  await db.close();
});

let addresses = 0;
type Headers = Record<string, string>;
/** From a separate IP address unless one is given, so that tests do not share a limit. */
const call = (
  spec: { method: 'GET' | 'POST' | 'PATCH' | 'DELETE'; path: string },
  given: { body?: unknown; headers?: Headers; address?: string; of?: FastifyInstance } = {},
) =>
  (given.of ?? app).inject({
    method: spec.method,
    url: spec.path,
    headers: { host: 'localhost:3000', ...given.headers },
    remoteAddress: given.address ?? `10.0.${++addresses >> 8}.${addresses & 255}`,
    ...(given.body === undefined ? {} : { payload: given.body as object }),
  });
type Answered = Awaited<ReturnType<typeof call>>;

const cookieName = '__Host-usher_refresh';
const cookieOf = (response: Answered) => response.cookies.find(({ name }) => name === cookieName);
const readCookies = (response: Answered): string[] => [response.headers['set-cookie'] ?? []].flat();
const cookieHeader = (response: Answered): Headers => ({
  cookie: `${cookieName}=${cookieOf(response)?.value}`,
});
/** The code for an address, as its mail says it. */
const readMailedCode = async (email: string): Promise<string> => {
  const [row] = await db.query<{ id: string }>('SELECT id FROM identity.codes WHERE email = $1', [
    email,
  ]);
  const mailed = await identity.service.readCode(row?.id ?? '');
  if (mailed === null) throw new Error('no code is waiting');
  return mailed.code;
};
const bearer = (response: Answered): Headers => ({
  authorization: `Bearer ${response.json().accessToken}`,
});
const expectProblem = (response: Answered, status: number, code: string) => {
  expect({ status: response.statusCode, code: response.json().code }).toEqual({ status, code });
  expect(response.headers['content-type']).toContain('application/problem+json');
  expect(cookieOf(response)).toBeUndefined();
};

let people = 0;
const newPerson = () => ({
  email: `person-${++people}@example.com`,
  password: 'four words of mine',
  name: '김민지',
});
const signUp = (body = newPerson()) => call(contract.signUp, { body });

test('every route of the contract is served, and ended sessions are followed', () => {
  expect(identity.routes.map(({ spec }) => spec)).toEqual(contract.identityRoutes);
  expect(channels).toEqual([endedSessionsChannel]);
  expect(identity.jobs?.map(({ schedule }) => schedule)).toEqual(['23 * * * *', '27 * * * *']);
});

describe('POST /auth/sign-up', () => {
  test('201: an account, an access token, a refresh token hidden from scripts', async () => {
    const person = newPerson();
    const response = await signUp({ ...person, email: ` ${person.email.toUpperCase()} ` });
    expect(response.statusCode).toBe(201);
    const { account, accessToken, accessTokenEndsAt } = response.json();
    expect(account).toMatchObject({ email: person.email, name: '김민지', role: 'BUYER' });
    expect(account.locale).toBe('ko');
    expect(account.createdAt).toBe(new Date(clock.nowMs()).toISOString());
    expect(accessTokenEndsAt).toBe(new Date(clock.nowMs() + 600_000).toISOString());
    expect(authenticate(accessToken)).toMatchObject({ accountId: account.id });
    const [sent, browser] = readCookies(response);
    expect(sent).toMatch(/^__Host-usher_refresh=refresh\.[\w.-]+; Max-Age=1209600; /);
    expect(String(sent).split('; ').slice(2).sort()).toEqual(
      ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'].sort(),
    );
    expect(browser).toMatch(/^__Host-usher_browser=browser\.[\w.-]+; Max-Age=34560000; /);
    expect(response.body).not.toContain(cookieOf(response)?.value);
    expect(response.headers['cache-control']).toBe('no-store');
  });

  test.each([
    ['no body', undefined],
    ['an unknown field', { ...newPerson(), role: 'OPERATOR' }],
    ['a short password', { ...newPerson(), password: 'seven77' }],
    [
      'a password too short when composed',
      { ...newPerson(), password: '비밀번호'.normalize('NFD') },
    ],
    ['a name of two lines', { ...newPerson(), name: 'Minji\nBcc: all@example.com' }],
    ['a name with a zero byte', { ...newPerson(), name: 'Min\u0000ji' }],
    ['no e-mail', { ...newPerson(), email: 'minji' }],
  ])('400: %s', async (_what, body) => {
    const response = await call(contract.signUp, { body });
    expectProblem(response, 400, 'VALIDATION_FAILED');
  });

  test('400: a form, as another site’s page could send it', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await call(contract.signUp, { body: 'email=a@example.com', headers });
    expectProblem(response, 400, 'MALFORMED_REQUEST');
  });

  test('409: the e-mail already has an account, whatever its case', async () => {
    const person = newPerson();
    await signUp(person);
    const again = await signUp({ ...person, email: person.email.toUpperCase() });
    expectProblem(again, 409, 'EMAIL_TAKEN');
  });

  test('413: a body larger than any sign-up', async () => {
    const response = await signUp({ ...newPerson(), name: 'x'.repeat(40_000) });
    expectProblem(response, 413, 'BODY_TOO_LARGE');
  });

  test('422: a common password', async () => {
    const response = await signUp({ ...newPerson(), password: 'qwer1234' });
    expectProblem(response, 422, 'PASSWORD_TOO_COMMON');
  });
});

describe('POST /auth/login', () => {
  test('200: signs in, whatever the case of the e-mail', async () => {
    const { email, password } = newPerson();
    const made = await signUp({ email, password, name: '김민지' });
    const response = await call(contract.logIn, { body: { email: email.toUpperCase(), password } });
    expect(response.statusCode).toBe(200);
    expect(response.json().account).toEqual(made.json().account);
    expect(cookieOf(response)).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict' });
    expect(cookieOf(response)?.value).not.toBe(cookieOf(made)?.value);
  });

  test('400: no password', async () => {
    const response = await call(contract.logIn, { body: { email: 'minji@example.com' } });
    expectProblem(response, 400, 'VALIDATION_FAILED');
  });

  test('401: the same answer for a wrong password and for an unknown e-mail', async () => {
    const { email } = newPerson();
    await signUp({ email, password: 'four words of mine', name: '김민지' });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const ask = (body: object) =>
      call(contract.logIn, { body, headers: { traceparent }, address: '10.9.9.9' });
    const known = await ask({ email, password: 'not my words' });
    const unknown = await ask({ email: 'nobody@example.com', password: 'not my words' });
    expectProblem(known, 401, 'CREDENTIALS_WRONG');
    const { date: _, ...headers } = known.headers;
    const { date: __, ...headersOfUnknown } = unknown.headers;
    expect(unknown.json()).toEqual(known.json());
    expect(headersOfUnknown).toEqual(headers);
  });

  test('429: guesses; a solved challenge is tried instead of waiting', async () => {
    const { email, password, name } = newPerson();
    await signUp({ email, password, name });
    const address = '10.8.8.8';
    const tries = [1, 2, 3].map(() =>
      call(contract.logIn, { body: { email, password: 'a guess of mine' }, address }),
    );
    for (const response of await Promise.all(tries)) {
      expectProblem(response, 401, 'CREDENTIALS_WRONG');
    }
    const refused = await call(contract.logIn, { body: { email, password }, address });
    expectProblem(refused, 429, 'TOO_MANY_REQUESTS');
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ retryAfterMs: 1000, retryable: true });
    const solution = await solve(refused.json().challenge);
    const solved = await call(contract.logIn, { body: { email, password, solution }, address });
    expect(solved.statusCode).toBe(200);
  });

  test('200: guesses of strangers do not stop the owner’s own browser', async () => {
    const { email, password, name } = newPerson();
    const made = await signUp({ email, password, name });
    const address = '10.8.8.9';
    for (let i = 0; i < 5; i++)
      await call(contract.logIn, { body: { email, password: 'a guess of mine' }, address });
    const body = { email, password };
    const stranger = await call(contract.logIn, { body, address });
    expectProblem(stranger, 429, 'TOO_MANY_REQUESTS');
    const headers = { cookie: readCookies(made)[1]?.split(';')[0] ?? '' };
    const owner = await call(contract.logIn, { body, address, headers });
    expect(owner.statusCode).toBe(200);
  });
});

describe('POST /auth/refresh', () => {
  test('200: a new pair, by the cookie alone', async () => {
    const made = await signUp();
    await clock.advance(1000);
    const response = await call(contract.refresh, { headers: cookieHeader(made) });
    expect(response.statusCode).toBe(200);
    expect(response.json().account).toEqual(made.json().account);
    expect(response.json().accessToken).not.toBe(made.json().accessToken);
    expect(cookieOf(response)).toMatchObject({ maxAge: 1_209_600, path: '/' });
    expect(cookieOf(response)?.value).not.toBe(cookieOf(made)?.value);
    const me = await call(contract.readMe, { headers: bearer(response) });
    expect(me.statusCode).toBe(200);
  });

  test('401: no cookie, or one that we did not issue', async () => {
    expectProblem(await call(contract.refresh), 401, 'REFRESH_REFUSED');
    const headers = { cookie: `${cookieName}=refresh.e30.AAAA` };
    expectProblem(await call(contract.refresh, { headers }), 401, 'REFRESH_REFUSED');
  });

  test('401: a token used again after 10 s, and then its successor, too', async () => {
    const made = await signUp();
    const next = await call(contract.refresh, { headers: cookieHeader(made) });
    await clock.advance(10_000);
    for (const headers of [cookieHeader(made), cookieHeader(next)]) {
      expectProblem(await call(contract.refresh, { headers }), 401, 'REFRESH_REFUSED');
    }
    const me = await call(contract.readMe, { headers: bearer(next) });
    expectProblem(me, 401, 'UNAUTHENTICATED');
  });

  test.each<[string, Headers]>([
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['a foreign site without an origin', { 'sec-fetch-site': 'cross-site' }],
    [
      'a neighbour under the same domain',
      { origin: 'https://blog.example.com', 'sec-fetch-site': 'same-site' },
    ],
    ['a page without an origin', { origin: 'null' }],
    ['a host that only looks like ours', { origin: 'http://localhost:3000.evil.example' }],
  ])('403: %s, and the token is not used up', async (_what, headers) => {
    const made = await signUp();
    const foreign = await call(contract.refresh, {
      headers: { ...cookieHeader(made), ...headers },
    });
    expectProblem(foreign, 403, 'ORIGIN_REFUSED');
    await clock.advance(10_000);
    const own = await call(contract.refresh, { headers: cookieHeader(made) });
    expect(own.statusCode).toBe(200);
  });

  test.each<[string, Headers]>([
    ['our public address', { origin: publicUrl, 'sec-fetch-site': 'same-origin' }],
    ['our public address, in an old browser', { origin: publicUrl }],
    ['another name of ours', { origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-origin' }],
    ['another name of ours, in an old browser', { origin: 'http://localhost:3000' }],
    ['an allowed origin', { origin: 'https://app.example.org', 'sec-fetch-site': 'cross-site' }],
  ])('200: from %s', async (_what, headers) => {
    const made = await signUp();
    const response = await call(contract.refresh, {
      headers: { ...cookieHeader(made), ...headers },
    });
    expect(response.statusCode).toBe(200);
  });
});

describe('at an address without TLS', () => {
  test('a session outlives its access token, by a cookie that browsers keep there', async () => {
    const inLan = await openIdentity(
      {
        ...context,
        metrics: makeMetrics(),
        publicUrl: 'http://usher.lan:3000',
        listen: () => undefined,
      },
      { proofOfWork },
    );
    const plain = await serve(inLan.routes);
    const made = await call(contract.signUp, { body: newPerson(), of: plain });
    const [cookie = '', ...rules] = readCookies(made)[0]?.split('; ') ?? [];
    expect(cookie).toMatch(/^usher_refresh=/);
    expect(rules.slice(1)).toEqual(['Path=/', 'HttpOnly', 'SameSite=Strict']);
    const refreshed = await call(contract.refresh, { headers: { cookie }, of: plain });
    expect(refreshed.statusCode).toBe(200);
    const left = await call(contract.logOut, { headers: bearer(refreshed), of: plain });
    expect(left.headers['set-cookie']).toMatch(/^usher_refresh=; Max-Age=0; /);
    await plain.close();
    await inLan.close();
  });
});

describe('POST /auth/logout', () => {
  test('204: the cookie is cleared, and neither token is valid any more', async () => {
    const made = await signUp();
    const response = await call(contract.logOut, { headers: bearer(made) });
    expect(response.statusCode).toBe(204);
    expect(response.body).toBe('');
    expect(response.headers['set-cookie']).toBe(
      '__Host-usher_refresh=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict',
    );
    for (const spec of [contract.readMe, contract.logOut]) {
      expectProblem(await call(spec, { headers: bearer(made) }), 401, 'UNAUTHENTICATED');
    }
    const refreshed = await call(contract.refresh, { headers: cookieHeader(made) });
    expectProblem(refreshed, 401, 'REFRESH_REFUSED');
  });

  test('204: ends this session and no other of the account', async () => {
    const { email, password, name } = newPerson();
    const phone = await signUp({ email, password, name });
    const laptop = await call(contract.logIn, { body: { email, password } });
    await call(contract.logOut, { headers: bearer(phone) });
    const me = await call(contract.readMe, { headers: bearer(laptop) });
    expect(me.statusCode).toBe(200);
  });

  test('401: not signed in', async () => {
    expectProblem(await call(contract.logOut), 401, 'UNAUTHENTICATED');
  });
});

describe('GET /me', () => {
  test('200: the account of the token', async () => {
    const made = await signUp();
    const response = await call(contract.readMe, { headers: bearer(made) });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(made.json().account);
  });

  test('401: no token, a wrong one, or an expired one', async () => {
    expectProblem(await call(contract.readMe), 401, 'UNAUTHENTICATED');
    const headers = { authorization: 'Bearer access.e30.AAAA' };
    expectProblem(await call(contract.readMe, { headers }), 401, 'UNAUTHENTICATED');
    const made = await signUp();
    await clock.advance(600_000);
    const late = await call(contract.readMe, { headers: bearer(made) });
    expectProblem(late, 401, 'UNAUTHENTICATED');
  });

  test('401: the account is gone', async () => {
    const made = await signUp();
    const { id } = made.json().account;
    await db.query('DELETE FROM identity.sessions WHERE account_id = $1', [id]);
    await db.query('DELETE FROM identity.accounts WHERE id = $1', [id]);
    const response = await call(contract.readMe, { headers: bearer(made) });
    expectProblem(response, 401, 'UNAUTHENTICATED');
  });
});

describe('looking after an account', () => {
  const change = async (spec: Parameters<typeof call>[0], as: Answered, body?: unknown) =>
    call(spec, { headers: bearer(as), ...(body === undefined ? {} : { body }) });

  test('an address is confirmed with the mailed code', async () => {
    const made = await signUp();
    const sent = await change(contract.requestEmailCode, made);
    expect(sent.statusCode).toBe(202);
    expect(sent.json()).toMatchObject({ email: made.json().account.email });
    const wrong = await change(contract.confirmEmail, made, { code: '00000-00000' });
    expectProblem(wrong, 422, 'CODE_WRONG');
    expect(sent.json().code).toBeNull();
    const body = { code: await readMailedCode(made.json().account.email) };
    const confirmed = await change(contract.confirmEmail, made, body);
    expect(confirmed.json().account).toMatchObject({ emailConfirmed: true });
    expect((await change(contract.readMe, confirmed)).statusCode).toBe(200);
    expectProblem(await change(contract.requestEmailCode, made), 409, 'EMAIL_CONFIRMED_ALREADY');
  });

  test('a changed password signs in here and out everywhere else', async () => {
    const person = newPerson();
    const made = await signUp(person);
    const next = 'four new words of mine';
    const wrong = { current: 'not mine', password: next };
    expectProblem(await change(contract.changePassword, made, wrong), 403, 'PASSWORD_WRONG');
    const body = { current: person.password, password: next };
    const changed = await change(contract.changePassword, made, body);
    expect(changed.statusCode).toBe(200);
    expect(cookieOf(changed)?.value).toMatch(/^refresh\./);
    expectProblem(await change(contract.readMe, made), 401, 'UNAUTHENTICATED');
    expect((await change(contract.readMe, changed)).statusCode).toBe(200);
    const common = { current: next, password: 'qwer1234' };
    const refused = await change(contract.changePassword, changed, common);
    expectProblem(refused, 422, 'PASSWORD_TOO_COMMON');
  });

  test('a forgotten password is replaced with the mailed code', async () => {
    const { email, password, name } = newPerson();
    await signUp({ email, password, name });
    const sent = await call(contract.requestPasswordReset, { body: { email } });
    const next = 'four new words of mine';
    expect(sent.statusCode).toBe(202);
    const body = { email, code: await readMailedCode(email), password: next };
    expect((await call(contract.resetPassword, { body })).statusCode).toBe(204);
    expectProblem(await call(contract.resetPassword, { body }), 422, 'CODE_WRONG');
    const signedIn = await call(contract.logIn, { body: { email, password: next } });
    expect(signedIn.statusCode).toBe(200);
  });

  test('name, language, sessions and data are the account’s own', async () => {
    const made = await signUp();
    const edited = await change(contract.editMe, made, { name: '민지', locale: 'en' });
    expect(edited.json()).toMatchObject({ name: '민지', locale: 'en' });
    const { items } = (await change(contract.listSessions, made)).json();
    expect(items).toMatchObject([{ isThis: true }]);
    const data = await change(contract.readMyData, made);
    expect(data.json()).toMatchObject({ account: edited.json(), sessions: items });
    const path = contract.endSession.path.replace('{sessionId}', items[0].id);
    const stranger = await signUp();
    const foreign = await change({ ...contract.endSession, path }, stranger);
    expectProblem(foreign, 404, 'NOT_FOUND');
    expect((await change({ ...contract.endSession, path }, made)).statusCode).toBe(204);
    expectProblem(await change(contract.readMe, made), 401, 'UNAUTHENTICATED');
  });

  test('leaving for good needs the password, and clears the cookie', async () => {
    const { email, password, name } = newPerson();
    const made = await signUp({ email, password, name });
    const wrong = await change(contract.leave, made, { password: 'not mine' });
    expectProblem(wrong, 403, 'PASSWORD_WRONG');
    const left = await change(contract.leave, made, { password });
    expect(left.statusCode).toBe(204);
    expect(left.headers['set-cookie']).toMatch(/^__Host-usher_refresh=; Max-Age=0; /);
    expectProblem(
      await call(contract.logIn, { body: { email, password } }),
      401,
      'CREDENTIALS_WRONG',
    );
  });
});

describe('429 for one call above the burst', () => {
  // A second code within half a minute is refused with 429 too, and log-outs end the session.
  const special = ['logOut', 'requestEmailCode'];
  const others = contract.identityRoutes.filter(({ name }) => !special.includes(name));

  test.each(others)('of $path', async (spec) => {
    const headers: Headers = spec.auth === 'public' ? {} : bearer(await signUp());
    const address = `10.1.0.${others.indexOf(spec)}`;
    const statuses: number[] = [];
    for (let i = 0; i < spec.rate.burst; i++) {
      statuses.push((await call(spec, { headers, address })).statusCode);
    }
    expect(statuses).not.toContain(429);
    expectProblem(await call(spec, { headers, address }), 429, 'TOO_MANY_REQUESTS');
  });

  test('of log-outs by one account, each from a different session', async () => {
    const person = newPerson();
    const sessions = [await signUp(person)];
    while (sessions.length <= contract.logOut.rate.burst) {
      await clock.advance(6000);
      const { email, password } = person;
      sessions.push(await call(contract.logIn, { body: { email, password } }));
    }
    const last = sessions.pop();
    for (const session of sessions) {
      expect((await call(contract.logOut, { headers: bearer(session) })).statusCode).toBe(204);
    }
    if (last === undefined) throw new Error('no session');
    const refused = await call(contract.logOut, { headers: bearer(last) });
    expectProblem(refused, 429, 'TOO_MANY_REQUESTS');
  });
});

describe('503 while too many passwords wait to be hashed', () => {
  let full: FastifyInstance;
  beforeAll(async () => {
    const nowMs = () => clock.nowMs();
    const busy = makeIdentity({
      store: makeIdentityStore({ db, metrics, nowMs, refreshTokenTtlMs: 3_600_000 }),
      passwords: makePasswords({ ids, atOnce: 0, waitingMax: 0 }),
      ended: await makeEndedSessions({ clock, log: silentLog, endedSince: async () => [] }),
      clock,
      ids,
      log: silentLog,
      secret,
      rateLimits: true,
      proofOfWork,
      signUpWork: 0,
      mustConfirm: false,
      oneAccountPerMailbox: false,
      showsCodes: false,
      relayWake: () => undefined,
      happened: makeMetrics().counter('usher_sessions_total', 'test', ['what']),
      accessTokenTtlMs: 600_000,
      refreshTokenTtlMs: 3_600_000,
    });
    full = await serve(makeIdentityRoutes({ identity: busy, nowMs, publicUrl, allowedOrigins }));
    return () => full.close();
  });

  test.each([
    [contract.signUp, newPerson()],
    [contract.logIn, { email: 'minji@example.com', password: 'four words of mine' }],
  ])('$path', async (spec, body) => {
    const response = await call(spec, { body, of: full });
    expectProblem(response, 503, 'OVERLOADED');
    expect(response.headers['retry-after']).toBe('1');
  });
});

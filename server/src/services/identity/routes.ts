import * as contract from '@usher/contract/identity.ts';
import { refuse } from '../../platform/http/problem.ts';
import { toSubscriber } from '../../platform/http/rate-limit.ts';
import { answer, type Caller, emptyAnswer, type Route, route } from '../../platform/http/route.ts';
import { knownBrowserS } from './limits.ts';
import type { SentCode } from './service.care.ts';
import type { CallSource, Identity, SignedIn } from './service.ts';
import type { OpenSession } from './store.ts';

/**
 * Over plain HTTP a browser keeps neither a `__Host-` cookie nor a secure one, except from its own
 * machine; people would be signed out when their access token ends.
 */
const chooseCookies = (publicUrl: string): { session: string; browser: string; rules: string } =>
  publicUrl.startsWith('https:')
    ? {
        session: '__Host-usher_refresh',
        browser: '__Host-usher_browser',
        rules: 'Path=/; HttpOnly; Secure; SameSite=Strict',
      }
    : {
        session: 'usher_refresh',
        browser: 'usher_browser',
        rules: 'Path=/; HttpOnly; SameSite=Strict',
      };

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Whether a browser reports that another site's page made this call. Browsers do so in headers that
 * no page can set; other clients send no such header, and have no cookie of another person.
 */
const isForeign = (headers: Headers, ownOrigins: readonly string[]): boolean => {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (typeof origin === 'string' && ownOrigins.includes(origin)) return false;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  // An old browser that uses an address of ours other than the public one, such as localhost.
  return !URL.canParse(String(origin)) || new URL(String(origin)).host !== headers['host'];
};

type Access = Pick<SignedIn, 'account' | 'accessToken' | 'accessTokenEndsAtMs'>;
const makeBody = ({ account, accessToken, accessTokenEndsAtMs }: Access) => ({
  account,
  accessToken,
  accessTokenEndsAt: new Date(accessTokenEndsAtMs).toISOString(),
});

const viewCode = ({ email, endsAtMs, code }: SentCode) => ({
  email,
  endsAt: new Date(endsAtMs).toISOString(),
  code,
});
const viewSession = (session: OpenSession, caller: Caller) => ({
  id: session.id,
  startedAt: new Date(session.startedAtMs).toISOString(),
  usedAt: new Date(session.usedAtMs).toISOString(),
  endsAt: new Date(session.endsAtMs).toISOString(),
  isThis: session.id === caller.sessionId,
});

/** The refusal of a call that needs the caller's password. */
const refuseNotOwner = (result: { outcome: 'wrong' } | { outcome: 'too-soon'; waitMs: number }) =>
  result.outcome === 'wrong'
    ? refuse('PASSWORD_WRONG')
    : refuse('TOO_MANY_REQUESTS', { retryAfterMs: result.waitMs });

type SourceRequest = {
  address: string;
  traceId: string;
  raw: { cookies: Readonly<Record<string, string | undefined>> };
};

/** What people do with their own account. */
const makeCareRoutes = (deps: {
  identity: Identity;
  readSource: (request: SourceRequest) => CallSource;
  makeCookies: (signedIn: SignedIn & { browserToken: string }) => { 'set-cookie': string[] };
  /** The cookie of a browser in which nobody is signed in any more. */
  cookieOfNobody: string;
}): readonly Route[] => {
  const { identity, readSource, makeCookies } = deps;
  return [
    route(contract.requestPasswordReset, async ({ body, traceId }) =>
      answer(202, viewCode(await identity.requestPasswordReset(body.email, traceId))),
    ),
    route(contract.resetPassword, async ({ body, address, traceId }) => {
      const from = { source: toSubscriber(address), requestId: traceId };
      const result = await identity.resetPassword(body, from);
      switch (result.outcome) {
        case 'reset':
          return emptyAnswer(204);
        case 'wrong':
          return refuse('CODE_WRONG');
        case 'password-too-common':
          return refuse('PASSWORD_TOO_COMMON');
      }
    }),
    route(contract.editMe, async ({ caller, body, traceId }) => {
      const account = await identity.editMe(caller, body, traceId);
      return account === null ? refuse('UNAUTHENTICATED') : answer(200, account);
    }),
    route(contract.changePassword, async (request) => {
      const { caller, body } = request;
      const result = await identity.changePassword(caller, body, readSource(request));
      switch (result.outcome) {
        case 'signed-in':
          return answer(200, makeBody(result), makeCookies(result));
        case 'password-too-common':
          return refuse('PASSWORD_TOO_COMMON');
        default:
          return refuseNotOwner(result);
      }
    }),
    route(contract.requestEmailCode, async ({ caller, traceId }) => {
      const result = await identity.requestEmailCode(caller, traceId);
      switch (result.outcome) {
        case 'sent':
          return answer(202, viewCode(result));
        case 'confirmed-already':
          return refuse('EMAIL_CONFIRMED_ALREADY');
        case 'too-soon':
          return refuse('TOO_MANY_REQUESTS', { retryAfterMs: result.waitMs });
        case 'gone':
          return refuse('UNAUTHENTICATED');
      }
    }),
    route(contract.changeEmail, async (request) => {
      const { caller, body } = request;
      const result = await identity.changeEmail(caller, body, readSource(request));
      switch (result.outcome) {
        case 'sent':
          return answer(202, viewCode(result));
        case 'email-taken':
          return refuse('EMAIL_TAKEN');
        default:
          return refuseNotOwner(result);
      }
    }),
    route(contract.confirmEmail, async ({ caller, body, traceId }) => {
      const result = await identity.confirmEmail(caller, body.code, traceId);
      switch (result.outcome) {
        case 'confirmed':
          return answer(200, makeBody(result));
        case 'email-taken':
          return refuse('EMAIL_TAKEN');
        case 'wrong':
          return refuse('CODE_WRONG');
      }
    }),
    route(contract.listSessions, async ({ caller }) => {
      const sessions = await identity.listSessions(caller);
      return answer(200, { items: sessions.map((session) => viewSession(session, caller)) });
    }),
    route(contract.endSession, async ({ caller, params, traceId }) => {
      const isEnded = await identity.endSession(caller, params.sessionId, traceId);
      return isEnded ? emptyAnswer(204) : refuse('NOT_FOUND');
    }),
    route(contract.endOtherSessions, async ({ caller, traceId }) => {
      await identity.endOtherSessions(caller, traceId);
      return emptyAnswer(204);
    }),
    route(contract.readMyData, async ({ caller }) => {
      const account = await identity.readAccount(caller.accountId);
      if (account === null) return refuse('UNAUTHENTICATED');
      const sessions = await identity.listSessions(caller);
      const history = await identity.readHistory(caller);
      return answer(200, {
        account,
        sessions: sessions.map((session) => viewSession(session, caller)),
        history: history.map(({ at, what, why }) => ({ at: at.toISOString(), what, why })),
      });
    }),
    route(contract.leave, async (request) => {
      const { caller, body } = request;
      const result = await identity.leave(caller, body.password, readSource(request));
      return result.outcome === 'left'
        ? emptyAnswer(204, { 'set-cookie': deps.cookieOfNobody })
        : refuseNotOwner(result);
    }),
  ];
};

export const makeIdentityRoutes = (deps: {
  identity: Identity;
  nowMs: () => number;
  publicUrl: string;
  allowedOrigins: readonly string[];
}): readonly Route[] => {
  const { identity, nowMs } = deps;
  const names = chooseCookies(deps.publicUrl);
  const ownOrigins = [new URL(deps.publicUrl).origin, ...deps.allowedOrigins];

  const writeCookie = (name: string, value: string, maxAgeS: number): string =>
    `${name}=${value}; Max-Age=${maxAgeS}; ${names.rules}`;
  const writeSession = ({ refreshToken, sessionEndsAtMs }: SignedIn): string =>
    writeCookie(names.session, refreshToken, Math.floor((sessionEndsAtMs - nowMs()) / 1000));
  /** After a sign-in with a password: the session, and the token by which the browser is known. */
  const makeCookies = (signedIn: SignedIn & { browserToken: string }) => ({
    'set-cookie': [
      writeSession(signedIn),
      writeCookie(names.browser, signedIn.browserToken, knownBrowserS),
    ],
  });
  const readSource = (request: SourceRequest): CallSource => ({
    address: request.address,
    requestId: request.traceId,
    browserToken: request.raw.cookies[names.browser] ?? null,
  });

  return [
    route(contract.signUp, async (request) => {
      const result = await identity.signUp(request.body, readSource(request));
      switch (result.outcome) {
        case 'signed-in':
          return answer(201, makeBody(result), makeCookies(result));
        case 'work-needed':
          return refuse(result.hadSolution ? 'CHALLENGE_FAILED' : 'CHALLENGE_REQUIRED', {
            extra: { challenge: result.challenge },
          });
        case 'email-taken':
          return refuse('EMAIL_TAKEN');
        case 'password-too-common':
          return refuse('PASSWORD_TOO_COMMON');
      }
    }),
    route(contract.logIn, async (request) => {
      const result = await identity.logIn(request.body, readSource(request));
      switch (result.outcome) {
        case 'signed-in':
          return answer(200, makeBody(result), makeCookies(result));
        case 'wrong':
          return refuse('CREDENTIALS_WRONG');
        case 'too-fast':
          return refuse('TOO_MANY_REQUESTS', {
            retryAfterMs: result.waitMs,
            extra: { challenge: result.challenge },
          });
      }
    }),
    route(contract.refresh, async ({ raw, traceId }) => {
      if (isForeign(raw.headers, ownOrigins)) return refuse('ORIGIN_REFUSED');
      const token = raw.cookies[names.session];
      if (token === undefined) return refuse('REFRESH_REFUSED');
      const result = await identity.refresh(token, traceId);
      return result.outcome === 'signed-in'
        ? answer(200, makeBody(result), { 'set-cookie': writeSession(result) })
        : refuse('REFRESH_REFUSED');
    }),
    route(contract.logOut, async ({ caller, traceId }) => {
      await identity.logOut(caller, traceId);
      return emptyAnswer(204, { 'set-cookie': `${names.session}=; Max-Age=0; ${names.rules}` });
    }),
    route(contract.readMe, async ({ caller }) => {
      const account = await identity.readAccount(caller.accountId);
      return account === null ? refuse('UNAUTHENTICATED') : answer(200, account);
    }),
    ...makeCareRoutes({
      identity,
      readSource,
      makeCookies,
      cookieOfNobody: writeCookie(names.session, '', 0),
    }),
  ];
};

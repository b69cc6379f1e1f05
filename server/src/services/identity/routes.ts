import * as contract from '@usher/contract/identity.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, route } from '../../platform/http/route.ts';
import { knownBrowserS } from './limits.ts';
import type { CallSource, Identity, SignedIn } from './service.ts';

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
  const readSource = (request: {
    address: string;
    traceId: string;
    raw: { cookies: Readonly<Record<string, string | undefined>> };
  }): CallSource => ({
    address: request.address,
    requestId: request.traceId,
    browserToken: request.raw.cookies[names.browser] ?? null,
  });
  const makeBody = (signedIn: SignedIn) => ({
    account: signedIn.account,
    accessToken: signedIn.accessToken,
    accessTokenEndsAt: new Date(signedIn.accessTokenEndsAtMs).toISOString(),
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
  ];
};

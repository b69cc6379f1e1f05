import * as contract from '@usher/contract/identity.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, route } from '../../platform/http/route.ts';
import type { Identity, SignedIn } from './service.ts';

const cookieName = '__Host-usher_refresh';
const cookieRules = 'Path=/; HttpOnly; Secure; SameSite=Strict';

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
  const ownOrigins = [new URL(deps.publicUrl).origin, ...deps.allowedOrigins];

  const makeCookie = (signedIn: SignedIn) => {
    const maxAgeS = Math.floor((signedIn.sessionEndsAtMs - nowMs()) / 1000);
    return {
      'set-cookie': `${cookieName}=${signedIn.refreshToken}; Max-Age=${maxAgeS}; ${cookieRules}`,
    };
  };
  const makeBody = (signedIn: SignedIn) => ({
    account: signedIn.account,
    accessToken: signedIn.accessToken,
    accessTokenEndsAt: new Date(signedIn.accessTokenEndsAtMs).toISOString(),
  });

  return [
    route(contract.signUp, async ({ body, traceId }) => {
      const result = await identity.signUp(body, traceId);
      switch (result.outcome) {
        case 'signed-in':
          return answer(201, makeBody(result), makeCookie(result));
        case 'email-taken':
          return refuse('EMAIL_TAKEN');
        case 'password-too-common':
          return refuse('PASSWORD_TOO_COMMON');
      }
    }),
    route(contract.logIn, async ({ body, traceId }) => {
      const result = await identity.logIn(body, traceId);
      switch (result.outcome) {
        case 'signed-in':
          return answer(200, makeBody(result), makeCookie(result));
        case 'wrong':
          return refuse('CREDENTIALS_WRONG');
        case 'too-fast':
          return refuse('TOO_MANY_REQUESTS', { retryAfterMs: result.waitMs });
      }
    }),
    route(contract.refresh, async ({ raw, traceId }) => {
      if (isForeign(raw.headers, ownOrigins)) return refuse('ORIGIN_REFUSED');
      const token = raw.cookies[cookieName];
      if (token === undefined) return refuse('REFRESH_REFUSED');
      const result = await identity.refresh(token, traceId);
      return result.outcome === 'signed-in'
        ? answer(200, makeBody(result), makeCookie(result))
        : refuse('REFRESH_REFUSED');
    }),
    route(contract.logOut, async ({ caller, traceId }) => {
      await identity.logOut(caller, traceId);
      return emptyAnswer(204, { 'set-cookie': `${cookieName}=; Max-Age=0; ${cookieRules}` });
    }),
    route(contract.readMe, async ({ caller }) => {
      const account = await identity.readAccount(caller.accountId);
      return account === null ? refuse('UNAUTHENTICATED') : answer(200, account);
    }),
  ];
};

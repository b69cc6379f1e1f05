import * as contract from '@usher/contract/identity.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, route } from '../../platform/http/route.ts';
import type { Identity, SignedIn } from './service.ts';

/**
 * Over plain HTTP a browser keeps neither a `__Host-` cookie nor a secure one, except from its own
 * machine; people would be signed out when their access token ends.
 */
const chooseCookie = (publicUrl: string): { name: string; rules: string } =>
  publicUrl.startsWith('https:')
    ? { name: '__Host-usher_refresh', rules: 'Path=/; HttpOnly; Secure; SameSite=Strict' }
    : { name: 'usher_refresh', rules: 'Path=/; HttpOnly; SameSite=Strict' };

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
  const cookie = chooseCookie(deps.publicUrl);
  const ownOrigins = [new URL(deps.publicUrl).origin, ...deps.allowedOrigins];

  const makeCookie = (signedIn: SignedIn) => {
    const maxAgeS = Math.floor((signedIn.sessionEndsAtMs - nowMs()) / 1000);
    return {
      'set-cookie': `${cookie.name}=${signedIn.refreshToken}; Max-Age=${maxAgeS}; ${cookie.rules}`,
    };
  };
  const makeBody = (signedIn: SignedIn) => ({
    account: signedIn.account,
    accessToken: signedIn.accessToken,
    accessTokenEndsAt: new Date(signedIn.accessTokenEndsAtMs).toISOString(),
  });

  return [
    route(contract.signUp, async ({ body, address, traceId }) => {
      const result = await identity.signUp(body, { address, requestId: traceId });
      switch (result.outcome) {
        case 'signed-in':
          return answer(201, makeBody(result), makeCookie(result));
        case 'email-taken':
          return refuse('EMAIL_TAKEN');
        case 'password-too-common':
          return refuse('PASSWORD_TOO_COMMON');
      }
    }),
    route(contract.logIn, async ({ body, address, traceId }) => {
      const result = await identity.logIn(body, { address, requestId: traceId });
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
      const token = raw.cookies[cookie.name];
      if (token === undefined) return refuse('REFRESH_REFUSED');
      const result = await identity.refresh(token, traceId);
      return result.outcome === 'signed-in'
        ? answer(200, makeBody(result), makeCookie(result))
        : refuse('REFRESH_REFUSED');
    }),
    route(contract.logOut, async ({ caller, traceId }) => {
      await identity.logOut(caller, traceId);
      return emptyAnswer(204, { 'set-cookie': `${cookie.name}=; Max-Age=0; ${cookie.rules}` });
    }),
    route(contract.readMe, async ({ caller }) => {
      const account = await identity.readAccount(caller.accountId);
      return account === null ? refuse('UNAUTHENTICATED') : answer(200, account);
    }),
  ];
};

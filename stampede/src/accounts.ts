import type { Answer, RouteParts } from '@usher/contract/client.ts';
import { logIn, refresh, signUp } from '@usher/contract/identity.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import type { Caller, Circumstances, Session } from './caller.ts';
import { solveGiven } from './challenge.ts';
import type { Clock } from './clock.ts';

type Headers = { get(name: string): string | null };

/** Signs people up and in over the API, and refreshes their tokens. */
export type Accounts = {
  signUp(person: { email: string; name: string; address: string | null }): Promise<Session>;
  logIn(person: { email: string; password: string; address: string | null }): Promise<Session>;
  /** For an account that was created otherwise; its token must last the whole run. */
  withToken(accessToken: string, address: string | null): Session;
};

export const makeAccounts = (deps: {
  caller: Caller;
  clock: Clock;
  /** The password of everybody who signs up here. */
  password: string;
  signal: AbortSignal;
}): Accounts => {
  const { caller, clock, signal } = deps;
  const withToken = (accessToken: string, address: string | null): Session => ({
    accessToken,
    address,
    pass: null,
    renew: async () => false,
  });
  const nobody = (address: string | null): Session => withToken('', address);

  const keep = (accessToken: string, headers: Headers, address: string | null): Session => {
    let cookie = cookieOf(headers);
    const session: Session = {
      accessToken,
      address,
      pass: null,
      renew: async () => {
        if (cookie === null) return false;
        const renewed = await caller.call(
          refresh,
          {},
          { step: null, session: nobody(address), cookie, fromMs: clock.monotonicMs(), signal },
        );
        if (renewed.outcome !== 'answer') return false;
        session.accessToken = renewed.body.accessToken;
        cookie = cookieOf(renewed.headers);
        return true;
      },
    };
    return session;
  };

  const enter: Accounts['logIn'] = async ({ email, password, address }) => {
    const entered = await caller.call(
      logIn,
      { body: { email, password } },
      { step: null, session: nobody(address), fromMs: clock.monotonicMs(), signal },
    );
    if (entered.outcome !== 'answer')
      throw new Error(`${email} could not log in: ${reasonOf(entered)}`);
    return keep(entered.body.accessToken, entered.headers, address);
  };

  return {
    logIn: enter,
    withToken,
    signUp: async ({ email, name, address }) => {
      const { password } = deps;
      const ask = (solution: string | undefined) =>
        caller.call(
          signUp,
          { body: { email, password, name, solution } },
          { step: 'sign up', session: nobody(address), fromMs: clock.monotonicMs(), signal },
        );
      let signedUp = await ask(undefined);
      // Many sign-ups from one address cost work.
      if (signedUp.outcome === 'refused' && signedUp.code === 'CHALLENGE_REQUIRED')
        signedUp = await ask(await solveGiven(signedUp.problem['challenge']));
      if (signedUp.outcome === 'answer')
        return keep(signedUp.body.accessToken, signedUp.headers, address);
      // The first try succeeded, only its response was lost.
      if (signedUp.outcome === 'refused' && signedUp.code === 'EMAIL_TAKEN')
        return enter({ email, password, address });
      throw new Error(`${email} could not sign up: ${reasonOf(signedUp)}`);
    },
  };
};

/** The response to a call that the run needs. Throws on a refusal or if there is no response. */
export const mustAnswer = async <S extends RouteSpec>(
  caller: Caller,
  spec: S,
  parts: RouteParts<S>,
  circumstances: Circumstances,
): Promise<Answer<S>> => {
  const outcome = await caller.call(spec, parts, circumstances);
  if (outcome.outcome === 'answer') return outcome;
  const detail = outcome.outcome === 'refused' ? ` ${JSON.stringify(outcome.problem)}` : '';
  throw new Error(`${spec.name} did not work: ${reasonOf(outcome)}${detail}`);
};

const reasonOf = (
  outcome: { outcome: 'refused'; code: string } | { outcome: 'gave-up'; why: string },
): string => (outcome.outcome === 'refused' ? outcome.code : outcome.why);

/** Name and value of the first cookie: the refresh token. */
const cookieOf = (headers: Headers): string | null =>
  headers.get('set-cookie')?.split(';')[0] ?? null;

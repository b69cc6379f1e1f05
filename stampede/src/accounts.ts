import { logIn, refresh, signUp } from '@usher/contract/identity.ts';
import type { Clock } from '../../server/src/platform/clock.ts';
import type { Caller, Session } from './caller.ts';
import type { Reply } from './http.ts';

/** Signs people in over the API and keeps their tokens fresh. */
export type Accounts = {
  signUp(person: { email: string; name: string; address: string | null }): Promise<Session>;
  logIn(person: { email: string; password: string; address: string | null }): Promise<Session>;
  /** Of an account that was made otherwise; what it has must last the run. */
  withToken(accessToken: string, address: string | null): Session;
};

export const makeAccounts = (deps: {
  caller: Caller;
  clock: Clock;
  /** Of everybody who signs up here. */
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

  const keep = (accessToken: string, reply: Reply, address: string | null): Session => {
    let cookie = cookieOf(reply);
    const session: Session = {
      accessToken,
      address,
      pass: null,
      renew: async () => {
        if (cookie === null) return false;
        const renewed = await caller.call({
          spec: refresh,
          step: null,
          session: nobody(address),
          cookie,
          fromMs: clock.monotonicMs(),
          signal,
        });
        if (renewed.outcome !== 'answer') return false;
        session.accessToken = renewed.body.accessToken;
        cookie = cookieOf(renewed.reply);
        return true;
      },
    };
    return session;
  };

  const enter: Accounts['logIn'] = async ({ email, password, address }) => {
    const entered = await caller.call({
      spec: logIn,
      step: null,
      body: { email, password },
      session: nobody(address),
      fromMs: clock.monotonicMs(),
      signal,
    });
    if (entered.outcome !== 'answer')
      throw new Error(`${email} could not log in: ${reasonOf(entered)}`);
    return keep(entered.body.accessToken, entered.reply, address);
  };

  return {
    logIn: enter,
    withToken,
    signUp: async ({ email, name, address }) => {
      const { password } = deps;
      const signedUp = await caller.call({
        spec: signUp,
        step: 'sign up',
        body: { email, password, name },
        session: nobody(address),
        fromMs: clock.monotonicMs(),
        signal,
      });
      if (signedUp.outcome === 'answer')
        return keep(signedUp.body.accessToken, signedUp.reply, address);
      // The first try had worked, only its answer was lost.
      if (signedUp.outcome === 'refused' && signedUp.code === 'EMAIL_TAKEN')
        return enter({ email, password, address });
      throw new Error(`${email} could not sign up: ${reasonOf(signedUp)}`);
    },
  };
};

export const reasonOf = (
  outcome: { outcome: 'refused'; code: string } | { outcome: 'gave-up'; why: string },
): string => (outcome.outcome === 'refused' ? outcome.code : outcome.why);

/** Name and value of the first cookie: the refresh token. */
const cookieOf = (reply: Reply): string | null => {
  const header = reply.headers['set-cookie'];
  const first = Array.isArray(header) ? header[0] : header;
  return first?.split(';')[0] ?? null;
};

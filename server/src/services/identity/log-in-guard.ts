import type { Clock } from '../../platform/clock.ts';
import { makeDebts } from './debts.ts';
import * as numbers from './limits.ts';

/** Who tries to log in. */
export type LogInTry = {
  readonly email: string;
  /** The subscriber's IP address. */
  readonly address: string;
  /** The browser, if this e-mail logged in there before. */
  readonly browser: string | null;
};

/**
 * Slows down guessing without locking anybody out. Wrong passwords are counted three times: for an
 * e-mail from one address, which pauses soon; for an e-mail from all addresses; and for an address
 * with all e-mails. Nobody else can fill the first count of the owner, and the other two do not
 * stop a browser in which this e-mail logged in before. Right passwords count nowhere. Who must
 * wait may solve a challenge instead, so that strangers can make an owner's log-in slower but not
 * impossible.
 */
export const makeLogInGuard = (clock: Clock, rateLimits: boolean) => {
  const pairs = new Map<string, { tries: number; atMs: number }>();
  const ofEmail = makeDebts(clock, numbers.logInWrongByEmail);
  const ofAddress = makeDebts(clock, numbers.logInWrongByAddress);

  const nameOfPair = ({ email, address, browser }: LogInTry): string =>
    `${email} ${browser ?? address}`;
  const readPair = (pair: string): { tries: number; atMs: number } => {
    const nowMs = clock.nowMs();
    const last = pairs.get(pair);
    return last === undefined || nowMs - last.atMs > numbers.logInForgetMs
      ? { tries: 0, atMs: nowMs }
      : last;
  };
  const pauseMs = (tries: number): number =>
    tries < numbers.logInFreeTries
      ? 0
      : Math.min(1000 * 2 ** (tries - numbers.logInFreeTries), numbers.logInPauseMaxMs);

  return {
    /** 0 if the password may be tried, else how long to wait. */
    waitMs: (tried: LogInTry): number => {
      const { tries, atMs } = readPair(nameOfPair(tried));
      const pausedMs = tries === 0 ? 0 : Math.max(atMs + pauseMs(tries) - clock.nowMs(), 0);
      if (!rateLimits || tried.browser !== null) return pausedMs;
      return Math.max(pausedMs, ofEmail.waitMs(tried.email), ofAddress.waitMs(tried.address));
    },
    /** Hashes to compute instead of waiting: more the more passwords were wrong. */
    chooseWork: (tried: LogInTry): number => {
      const { tries } = readPair(nameOfPair(tried));
      const overTries = Math.max(tries - numbers.logInFreeTries, 0);
      const overEmail = Math.floor(
        ofEmail.countOver(tried.email) / numbers.logInWrongByEmail.burst,
      );
      const work = numbers.logInWorkMin * 2 ** Math.min(overTries + overEmail, 20);
      return Math.min(work, numbers.logInWorkMax);
    },
    /** The password is going to be tried: it counts as wrong until `wasRight`. */
    begin: (tried: LogInTry): void => {
      const pair = nameOfPair(tried);
      const { tries } = readPair(pair);
      // Deleted and set again, so that the first entry of the map is the oldest.
      pairs.delete(pair);
      pairs.set(pair, { tries: tries + 1, atMs: clock.nowMs() });
      if (pairs.size > numbers.debtorsMax) pairs.delete(pairs.keys().next().value ?? '');
    },
    wasRight: (tried: LogInTry): void => void pairs.delete(nameOfPair(tried)),
    wasWrong: (tried: LogInTry): void => {
      ofEmail.add(tried.email);
      ofAddress.add(tried.address);
    },
    wasNotTried: (tried: LogInTry): void => {
      const last = pairs.get(nameOfPair(tried));
      if (last !== undefined) last.tries--;
    },
  };
};

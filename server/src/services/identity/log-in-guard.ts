import type { Clock } from '../../platform/clock.ts';
import { makeRateLimiter } from '../../platform/http/rate-limit.ts';
import * as numbers from './limits.ts';

/** Slows down guessing for one e-mail, known or not, from any number of IP addresses. */
export const makeLogInGuard = (clock: Clock, rateLimits: boolean) => {
  const limiter = makeRateLimiter(clock);
  const wrong = new Map<string, { tries: number; atMs: number }>();
  const pauseMs = (tries: number): number =>
    tries < numbers.logInFreeTries
      ? 0
      : Math.min(1000 * 2 ** (tries - numbers.logInFreeTries), numbers.logInPauseMaxMs);
  return {
    /**
     * 0 if the password may be tried, else how long to wait. An attempt counts as wrong until it
     * succeeds, so that a hundred at once cannot bypass the pause.
     */
    waitMs: (email: string): number => {
      const nowMs = clock.nowMs();
      const last = wrong.get(email) ?? { tries: 0, atMs: nowMs };
      const tries = nowMs - last.atMs > numbers.logInForgetMs ? 0 : last.tries;
      const pausedMs = last.atMs + pauseMs(tries) - nowMs;
      if (tries > 0 && pausedMs > 0) return pausedMs;
      const limitedMs = rateLimits ? limiter.waitMs(email, numbers.logInRate) : 0;
      if (limitedMs > 0) return limitedMs;
      // Deleted and set again, so that the first entry of the map is the oldest.
      wrong.delete(email);
      wrong.set(email, { tries: tries + 1, atMs: nowMs });
      if (wrong.size > numbers.logInEmailsMax) wrong.delete(wrong.keys().next().value ?? '');
      return 0;
    },
    wasRight: (email: string): void => void wrong.delete(email),
    wasNotTried: (email: string): void => {
      const last = wrong.get(email);
      if (last !== undefined) last.tries--;
    },
  };
};

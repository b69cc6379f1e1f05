import type { Clock } from '../../platform/clock.ts';
import { makeDebts } from './debts.ts';
import * as numbers from './limits.ts';

/**
 * How much work a sign-up costs: nothing for a few people, more and more for a farm, whether it
 * comes from one address or from all of them. A crowd behind one address is never refused.
 */
export const makeSignUpGuard = (deps: {
  clock: Clock;
  rateLimits: boolean;
  /** Hashes that every sign-up costs. */
  workMin: number;
}) => {
  const everybody = makeDebts(deps.clock, numbers.signUpFree);
  const ofAddress = makeDebts(deps.clock, numbers.signUpFreeByAddress);
  const all = 'all';
  return {
    /** Hashes that the next sign-up from this address costs; 0: none. */
    chooseWork: (address: string): number => {
      if (!deps.rateLimits) return deps.workMin;
      const steps = Math.max(
        Math.ceil(ofAddress.countOver(address) / numbers.signUpFreeByAddress.burst),
        Math.ceil(everybody.countOver(all) / numbers.signUpFree.burst),
      );
      if (steps === 0) return deps.workMin;
      const work = numbers.signUpWorkMin * 2 ** Math.min(steps - 1, 20);
      return Math.max(deps.workMin, Math.min(work, numbers.signUpWorkMax));
    },
    /** A password is going to be hashed for a sign-up from this address. */
    begin: (address: string): void => {
      everybody.add(all);
      ofAddress.add(address);
    },
  };
};

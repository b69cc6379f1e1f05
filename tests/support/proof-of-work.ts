import { systemClock } from '../../server/src/platform/clock.ts';
import { makeProofOfWork, makeUsedChallenges } from '../../server/src/platform/proof-of-work.ts';
import { solveGiven } from '../../stampede/src/challenge.ts';

/** Challenges as one process makes them. By the system's clock: ALTCHA's library has no other. */
export const makeTestProofOfWork = () =>
  makeProofOfWork({
    secret: 'a-secret-of-a-test-that-is-long-enough',
    clock: systemClock,
    used: makeUsedChallenges({ clock: systemClock, max: 10_000 }),
  });

/** The solution of a challenge in a response, as a browser computes it. */
export const solve = (challenge: unknown): Promise<string> => solveGiven(challenge);

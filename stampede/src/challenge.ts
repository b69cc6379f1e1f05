import { readChallenge } from '@usher/contract/waiting-room.ts';
import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import type { Person } from './person.ts';

/** Solves an ALTCHA challenge of a response, as the widget in a browser does. */
export const solveGiven = async (given: unknown): Promise<string> => {
  const challenge = given as Challenge;
  const solution = await solveChallenge({ challenge, deriveKey });
  if (solution === null) throw new Error('a challenge has no solution');
  return Buffer.from(JSON.stringify({ challenge, solution })).toString('base64');
};

/**
 * Reads the room's challenge and solves it. Undefined if none is required any more, or if the
 * server does not respond: joining will show which.
 */
export const solveChallengeOf = async (
  person: Person,
  params: { showId: string },
): Promise<string | undefined> => {
  const read = await person.click(readChallenge, { params }, { step: 'read challenge' });
  if (read.outcome !== 'answer' || read.body.challenge === null) return undefined;
  return solveGiven(read.body.challenge);
};

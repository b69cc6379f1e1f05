import { readCommitment, readDraw } from '@usher/contract/waiting-room.ts';
import { numberOf, permutationAgain } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { checkDraw } from '@usher/domain/draw-check.ts';
import { keyBytes } from '@usher/domain/merkle.ts';
import type { Check } from './audit.ts';
import type { Crowd } from './crowd.ts';
import { sha256 } from './sha256.ts';
import type { Visit } from './visit.ts';

/** The draw, for the report. */
export type Fairness = {
  outcome: 'verified' | 'broken' | 'no draw';
  entries: number;
  receiptsChecked: number;
  root: string;
  seed: string;
};

/** What was published before the draw; null if it could not be read. */
export const readPromise = async (crowd: Crowd): Promise<string | null> => {
  const read = await crowd.caller.call(
    readCommitment,
    { params: { showId: crowd.sale.showId } },
    { step: null, session: null, fromMs: crowd.clock.monotonicMs(), signal: crowd.signal },
  );
  return read.outcome === 'answer' ? read.body.commitment : null;
};

/** The public record; null if no draw was made. Throws if the server does not respond. */
export const readRecord = async (crowd: Crowd): Promise<DrawRecord | null> => {
  const read = await crowd.caller.call(
    readDraw,
    { params: { showId: crowd.sale.showId } },
    { step: null, session: null, fromMs: crowd.clock.monotonicMs(), signal: crowd.signal },
  );
  if (read.outcome === 'gave-up') throw new Error('the record of the draw could not be read');
  return read.outcome === 'answer' ? read.body : null;
};

/**
 * W9: re-runs the draw from its record, as anybody can; the seed must match the commitment, the
 * record must contain everybody's receipt, and everybody must have the number that it gives.
 */
export const checkFairness = (
  record: DrawRecord | null,
  promised: string | null,
  visits: readonly Visit[],
): { check: Check; fairness: Fairness } => {
  const promise = 'a re-run of the draw gives the same result, with everybody’s receipt in it';
  const none = { entries: 0, receiptsChecked: 0, root: '', seed: '' };
  if (record === null) {
    const numbered = visits.some(({ places }) => places.some(({ number }) => number !== null));
    const breaches = numbered ? ['there are numbers and no record of a draw'] : [];
    return { check: { id: 'W9', promise, breaches }, fairness: { outcome: 'no draw', ...none } };
  }
  const { entries, root, seed } = record;
  const noted = promised === null ? [] : [{ commitment: promised }];
  const breaches = checkDraw(sha256, { record, receipt: null, noted })
    .filter(({ outcome }) => outcome !== 'holds')
    .map(({ says }) => says);
  // If the record itself is broken, everybody's number would be wrong.
  const receipts = breaches.length > 0 ? [] : receiptsOf(visits);
  const keys = Buffer.from(record.keys, 'base64');
  const permutation = receipts.length === 0 ? null : permutationAgain(sha256, { seed, entries });
  for (const { entry, key, number } of receipts) {
    const due = numberOf(entry, permutation);
    if (number !== due) breaches.push(`entry ${entry} has number ${number}, drawn was ${due}`);
    const recorded = keys.subarray(entry * keyBytes, (entry + 1) * keyBytes);
    // Zeros: lost in a failure before the draw; only the receipt is left.
    if (recorded.every((byte) => byte === 0) || recorded.toString('base64url') === key) continue;
    breaches.push(`entry ${entry} has another key in the record than on the receipt`);
  }
  const outcome = breaches.length === 0 ? 'verified' : 'broken';
  const fairness = { outcome, entries, receiptsChecked: receipts.length, root, seed } as const;
  return { check: { id: 'W9', promise, breaches }, fairness };
};

const receiptsOf = (visits: readonly Visit[]) =>
  visits.flatMap(({ places }) => places).filter(({ number }) => number !== null);

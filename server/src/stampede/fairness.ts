import { type DrawRecord, readCommitment, readDraw } from '@usher/contract/waiting-room.ts';
import {
  bytesOfHex,
  commitmentOf,
  drawAlgorithm,
  hexOf,
  makeDraw,
  numberOf,
} from '../domain/draw.ts';
import { keyBytes } from '../domain/merkle.ts';
import { sha256 } from '../platform/hash.ts';
import type { Check } from './audit.ts';
import type { Crowd } from './crowd.ts';
import type { Visit } from './visit.ts';

/** Of the draw, for the report. */
export type Fairness = {
  outcome: 'verified' | 'broken' | 'no draw';
  entries: number;
  receiptsChecked: number;
  root: string;
  seed: string;
};

/** What was published before the draw; null when it could not be read. */
export const readPromise = async (crowd: Crowd): Promise<string | null> => {
  const read = await crowd.caller.call({
    spec: readCommitment,
    step: null,
    params: { showId: crowd.sale.showId },
    session: null,
    fromMs: crowd.clock.monotonicMs(),
    signal: crowd.signal,
  });
  return read.outcome === 'answer' ? read.body.commitment : null;
};

/** The public record; null when no draw was made. Throws when the server does not answer. */
export const readRecord = async (crowd: Crowd): Promise<DrawRecord | null> => {
  const read = await crowd.caller.call({
    spec: readDraw,
    step: null,
    params: { showId: crowd.sale.showId },
    session: null,
    fromMs: crowd.clock.monotonicMs(),
    signal: crowd.signal,
  });
  if (read.outcome === 'gave-up') throw new Error('the record of the draw could not be read');
  return read.outcome === 'answer' ? read.body : null;
};

/**
 * W9: the draw is made again from its record, as anybody can; the seed is the one that a hash of it
 * had promised; everybody's receipt is in it, and everybody has the number that it gives.
 */
export const checkFairness = (
  record: DrawRecord | null,
  promised: string | null,
  visits: readonly Visit[],
): { check: Check; fairness: Fairness } => {
  const promise =
    'the draw comes out the same when it is made again, with everybody’s receipt in it';
  const none = { entries: 0, receiptsChecked: 0, root: '', seed: '' };
  if (record === null) {
    const numbered = visits.some(({ places }) => places.some(({ number }) => number !== null));
    const breaches = numbered ? ['there are numbers and no record of a draw'] : [];
    return { check: { id: 'W9', promise, breaches }, fairness: { outcome: 'no draw', ...none } };
  }
  const { entries, root, seed } = record;
  const breaches = recordBreaches(record, promised);
  let receiptsChecked = 0;
  if (breaches.length === 0) {
    const keys = Buffer.from(record.keys, 'base64');
    const { permutation } = makeDraw(sha256, { serverSeed: record.serverSeed, keys });
    for (const { entry, key, number } of visits.flatMap(({ places }) => places)) {
      if (number === null) continue;
      receiptsChecked += 1;
      const due = numberOf(entry, permutation);
      if (number !== due) breaches.push(`entry ${entry} has number ${number}, drawn was ${due}`);
      if (entry >= entries) continue;
      const recorded = keys.subarray(entry * keyBytes, (entry + 1) * keyBytes);
      if (recorded.toString('base64url') !== key)
        breaches.push(`entry ${entry}: another key in the record`);
    }
  }
  const outcome = breaches.length === 0 ? 'verified' : 'broken';
  const fairness = { outcome, entries, receiptsChecked, root, seed } as const;
  return { check: { id: 'W9', promise, breaches }, fairness };
};

const recordBreaches = (record: DrawRecord, promised: string | null): string[] => {
  const { algorithm, serverSeed, commitment } = record;
  const secret = bytesOfHex(serverSeed);
  const keys = Buffer.from(record.keys, 'base64');
  if (algorithm !== drawAlgorithm) return [`drawn by ${algorithm}, which is not known`];
  if (secret?.length !== 32) return ['the server’s seed is not 32 bytes in hex'];
  if (keys.length !== record.entries * keyBytes)
    return [`${record.entries} entries, and keys of ${keys.length / keyBytes}`];
  const breaches: string[] = [];
  const draw = makeDraw(sha256, { serverSeed, keys });
  if (hexOf(commitmentOf(sha256, secret)) !== commitment)
    breaches.push('the seed is not the one of the commitment');
  if (promised !== null && promised !== commitment)
    breaches.push('the commitment is not the one that was published before');
  if (draw.root !== record.root) breaches.push('the root is not that of the keys');
  if (draw.seed !== record.seed) breaches.push('the seed is not that of server seed and root');
  return breaches;
};

import { commitmentOf, drawAlgorithm, hexOf, makeDraw, numberOf } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { expect, test } from 'vitest';
import { checkFairness } from './fairness.ts';
import { sha256 } from './sha256.ts';
import { makeVisit, notePlace, type Visit } from './visit.ts';

const entries = 40;
const secret = new Uint8Array(32).fill(7);
const serverSeed = hexOf(secret);
const keys = Buffer.from(Array.from({ length: entries * 8 }, (_, at) => (at * 37) % 251));
const draw = makeDraw(sha256, { serverSeed, keys });
const commitment = hexOf(commitmentOf(sha256, secret));
const record: DrawRecord = {
  showId: 'shw_01jd8zk3v7q2m4x6t9w1y5b0ce',
  algorithm: drawAlgorithm,
  commitment,
  serverSeed,
  commitmentAt: '2026-11-21T00:00:00.000Z',
  drawnAt: '2026-11-21T01:00:00.000Z',
  entries,
  root: draw.root,
  seed: draw.seed,
  keys: keys.toString('base64'),
};

/** Everybody in the lobby, and two who joined after the draw. */
const crowd = (): Visit[] =>
  Array.from({ length: entries + 2 }, (_, entry) => {
    const visit = makeVisit();
    const key = keys.subarray(entry * 8, entry * 8 + 8).toString('base64url');
    const told = { number: numberOf(entry, draw.permutation), receipt: { entry, key } };
    notePlace(visit, told, { askedMs: entry, toldMs: entry, mayBeNew: false });
    return visit;
  });
const breachesOf = (
  changed: Partial<DrawRecord>,
  visits: Visit[] = crowd(),
  promised: string | null = commitment,
) => checkFairness({ ...record, ...changed }, promised, visits).check.breaches;

test('an honest draw is verified with everybody’s receipt', () => {
  const { check, fairness } = checkFairness(record, commitment, crowd());
  expect(check.breaches).toEqual([]);
  expect(fairness).toMatchObject({ outcome: 'verified', entries, receiptsChecked: entries + 2 });
});

test('two people whose numbers were exchanged are a breach', () => {
  const visits = crowd();
  const [a, b] = [visits[0]?.places[0], visits[1]?.places[0]];
  if (a === undefined || b === undefined) throw new Error('a crowd of two at least');
  [a.number, b.number] = [b.number, a.number];
  expect(breachesOf({}, visits)).toHaveLength(2);
});

test('a receipt that is not in the record is a breach', () => {
  const visits = crowd();
  const place = visits[3]?.places[0];
  if (place === undefined) throw new Error('a crowd of four at least');
  place.key = 'AAAAAAAAAAA';
  expect(breachesOf({}, visits)).toHaveLength(1);
});

test('a changed entry, root, seed, server seed or commitment is a breach', () => {
  const other = Buffer.from(keys);
  other[5] = (other[5] ?? 0) ^ 1;
  const hex = 'ab'.repeat(32);
  expect(breachesOf({ keys: other.toString('base64') })).not.toEqual([]);
  for (const changed of [{ root: hex }, { seed: hex }, { serverSeed: hex }, { commitment: hex }])
    expect(breachesOf(changed)).not.toEqual([]);
  expect(breachesOf({ entries: entries - 1 })).not.toEqual([]);
  expect(breachesOf({ algorithm: 'by hand' })).not.toEqual([]);
});

test('a commitment that was replaced after the opening is a breach', () => {
  expect(breachesOf({}, crowd(), 'cd'.repeat(32))).toHaveLength(1);
});

test('numbers without a record of their draw are a breach; no numbers, no draw', () => {
  expect(checkFairness(null, commitment, crowd()).check.breaches).toHaveLength(1);
  const nobody = checkFairness(null, commitment, [makeVisit()]);
  expect([nobody.check.breaches, nobody.fairness.outcome]).toEqual([[], 'no draw']);
});

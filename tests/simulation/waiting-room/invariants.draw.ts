import { bytesOfHex, commitmentOf, drawSeedOf, hexOf } from '@usher/domain/draw.ts';
import { isProven, keyBytes, proofOf, rootOf } from '@usher/domain/merkle.ts';
import { sha256 } from '../../../server/src/platform/hash.ts';

/** A draw according to its public record, and the number of every entry. */
export type DrawnRoom = {
  keys: Uint8Array;
  serverSeed: string;
  commitment: string;
  root: string;
  seed: string;
  numbers: readonly number[];
};

/** 7: the draw is a bijection, follows from its record, and proves each receipt and no other. */
export const unfairIn = (draw: DrawnRoom): string[] => {
  const faults: string[] = [];
  const entries = draw.keys.length / keyBytes;
  const secret = bytesOfHex(draw.serverSeed) ?? new Uint8Array();
  const root = bytesOfHex(draw.root) ?? new Uint8Array();
  const inOrder = [...draw.numbers].sort((a, b) => a - b);
  if (inOrder.length !== entries || inOrder.some((number, at) => number !== at + 1))
    faults.push('it is no bijection');
  if (hexOf(commitmentOf(sha256, secret)) !== draw.commitment) faults.push('another commitment');
  if (hexOf(rootOf(sha256, draw.keys)) !== draw.root) faults.push('another root');
  if (hexOf(drawSeedOf(sha256, secret, root)) !== draw.seed) faults.push('another seed');
  for (let entry = 0; entry < entries; entry += Math.ceil(entries / 20)) {
    const key = keyAt(draw.keys, entry);
    const proof = proofOf(sha256, draw.keys, entry);
    const claim = { root, entries, entry, key, proof };
    if (!isProven(sha256, claim)) faults.push(`the receipt of ${entry} does not verify`);
    const changed = Uint8Array.from(key, (byte, at) => (at === 0 ? byte ^ 1 : byte));
    const other = (entry + 1) % entries;
    if (isProven(sha256, { ...claim, key: changed })) faults.push('a changed key verifies');
    if (entries > 1 && isProven(sha256, { ...claim, entry: other }))
      faults.push('a changed entry verifies');
  }
  return faults;
};

export const keyAt = (keys: Uint8Array, entry: number): Uint8Array =>
  keys.slice(entry * keyBytes, (entry + 1) * keyBytes);

/** One in 1,000 chi-squared values with 49 degrees of freedom is higher. */
const chiSquaredMax = 85.35;
const [entriesEach, draws] = [8, 4000];

/** Whether each of 8 entries gets each of 8 places equally often in 4,000 draws. */
export const isUniform = (places: (drawNo: number, entries: number) => Uint32Array): boolean => {
  const counts = new Array<number>(entriesEach ** 2).fill(0);
  for (let drawNo = 0; drawNo < draws; drawNo++)
    for (const [entry, place] of places(drawNo, entriesEach).entries())
      counts[entry * entriesEach + place]! += 1;
  const expected = draws / entriesEach;
  const sum = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
  return sum < chiSquaredMax;
};

import { assert } from './assert.ts';
import { keyBytes, rootOf, type Sha256 } from './merkle.ts';

/**
 * The draw, so that anybody can make it again (docs/decisions/0009): numbers follow from the
 * server's seed, which a hash published beforehand binds, and from everybody who came in.
 */

/** In the public record; another way of drawing gets another name. */
export const drawAlgorithm = 'usher-draw-1';

export const seedBytes = 32;

/** What is published long before the draw. */
export const commitmentOf = (sha256: Sha256, serverSeed: Uint8Array): Uint8Array =>
  sha256(serverSeed);

/** Not the server’s choice (bound by the commitment), nor any one buyer’s (a leaf of the root). */
export const drawSeedOf = (sha256: Sha256, serverSeed: Uint8Array, root: Uint8Array): Uint8Array =>
  sha256(serverSeed, root);

/**
 * Element e is the place of entry e, from 0: Fisher–Yates from the end, `i` from n − 1 down to 1,
 * exchanging element i with element `below(i + 1)`. 1 M take 0.2 s of computing and 4 MB.
 */
export const permutationOf = (sha256: Sha256, seed: Uint8Array, n: number): Uint32Array => {
  assert(Number.isInteger(n) && n >= 0 && n < 2 ** 32, `${n} entries`);
  const places = new Uint32Array(n);
  for (let entry = 0; entry < n; entry++) places[entry] = entry;
  const below = makeDice(sha256, seed);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    const place = places[i]!;
    places[i] = places[j]!;
    places[j] = place;
  }
  return places;
};

/**
 * Integers from 0 to `bound` − 1, each as likely as the others. The stream is SHA-256 of
 * seed ‖ counter (8 bytes, big-endian, from 0), read as 32-bit big-endian words. A word that is not
 * below the highest multiple of `bound` is thrown away (no modulo bias), else its remainder counts.
 */
export const makeDice = (sha256: Sha256, seed: Uint8Array): ((bound: number) => number) => {
  assert(seed.length === seedBytes, `a seed of ${seed.length} bytes`);
  const input = new Uint8Array(seedBytes + 8);
  input.set(seed);
  const counter = new DataView(input.buffer, seedBytes);
  let blocks = 0;
  let block: Uint8Array = new Uint8Array();
  let at = 0;
  const word = (): number => {
    if (at === block.length) {
      counter.setBigUint64(0, BigInt(blocks));
      block = sha256(input);
      blocks += 1;
      at = 0;
    }
    const high = (block[at]! << 24) | (block[at + 1]! << 16);
    const value = (high | (block[at + 2]! << 8) | block[at + 3]!) >>> 0;
    at += 4;
    return value;
  };
  return (bound) => {
    for (;;) {
      const value = word();
      // The first half is true for all but a few words, and saves a division.
      if (value < 2 ** 32 - bound || value < 2 ** 32 - (2 ** 32 % bound)) {
        return value % bound;
      }
    }
  };
};

/** Place in line of an entry, from 1; 0 before the draw. Who came in after it has entry + 1. */
export const numberOf = (entry: number, permutation: Uint32Array | null): number => {
  if (permutation === null) return 0;
  return entry < permutation.length ? permutation[entry]! + 1 : entry + 1;
};

/** Bytes in lower-case hex, as seeds, roots and commitments are written everywhere. */
export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Null for anything but pairs of lower-case hex digits. */
export const bytesOfHex = (hex: string): Uint8Array | null => {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) return null;
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16),
  );
};

/** All hex; `permutation` by entry. Structured clone takes it, so a thread can make it. */
export type Draw = { root: string; seed: string; permutation: Uint32Array };

/**
 * The whole draw over the entries' keys (8 bytes each, in the order of coming in). 1 M entries take
 * 1.5 s of computing: in a thread (platform/thread.ts), not where requests are answered.
 */
export const makeDraw = (
  sha256: Sha256,
  { serverSeed, keys }: { serverSeed: string; keys: Uint8Array },
): Draw => {
  const secret = bytesOfHex(serverSeed);
  assert(secret?.length === seedBytes, 'a server seed is 32 bytes in hex');
  const root = rootOf(sha256, keys);
  const seed = drawSeedOf(sha256, secret, root);
  const permutation = permutationOf(sha256, seed, keys.length / keyBytes);
  return { root: hexOf(root), seed: hexOf(seed), permutation };
};

/** The same numbers from the record alone, as after a restart; `seed` in hex. */
export const permutationAgain = (
  sha256: Sha256,
  { seed, entries }: { seed: string; entries: number },
): Uint32Array => {
  const bytes = bytesOfHex(seed);
  assert(bytes?.length === seedBytes, 'a seed of the draw is 32 bytes in hex');
  return permutationOf(sha256, bytes, entries);
};

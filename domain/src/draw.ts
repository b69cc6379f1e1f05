import { assert } from './assert.ts';
import { keyBytes, rootOf, type Sha256 } from './merkle.ts';

/**
 * The draw, which anybody can verify (docs/decisions/0009): numbers follow from the server's seed,
 * whose hash is published beforehand, and from everybody who joined.
 */

/** Named in the public record; a different algorithm gets a different name. */
export const drawAlgorithm = 'usher-draw-1';

export const seedBytes = 32;

/** Published long before the draw. */
export const commitmentOf = (sha256: Sha256, serverSeed: Uint8Array): Uint8Array =>
  sha256(serverSeed);

/** Chosen neither by the server (bound by its commitment) nor by a buyer (one leaf of the root). */
export const drawSeedOf = (sha256: Sha256, serverSeed: Uint8Array, root: Uint8Array): Uint8Array =>
  sha256(serverSeed, root);

/**
 * Element e is the place of entry e, from 0: Fisher–Yates from the end, `i` from n − 1 down to 1,
 * swapping element i with element `below(i + 1)`. 1 M take 0.2 s of computing and 4 MB.
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
 * Integers from 0 to `bound` − 1 with equal probability. The stream is SHA-256 of seed ‖ counter
 * (8 bytes, big-endian, from 0), read as 32-bit big-endian words. A word that is not below the
 * highest multiple of `bound` is discarded (no modulo bias); of the others the remainder is used.
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
      // The first condition is true for all but a few words, and saves a division.
      if (value < 2 ** 32 - bound || value < 2 ** 32 - (2 ** 32 % bound)) {
        return value % bound;
      }
    }
  };
};

/** Number of an entry, from 1; 0 before the draw. People who join after it get entry + 1. */
export const numberOf = (entry: number, permutation: Uint32Array | null): number => {
  if (permutation === null) return 0;
  return entry < permutation.length ? permutation[entry]! + 1 : entry + 1;
};

/** Bytes as lower-case hex, the form of seeds, roots and commitments everywhere. */
export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** null for anything but pairs of lower-case hex digits. */
export const bytesOfHex = (hex: string): Uint8Array | null => {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) return null;
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16),
  );
};

/** All hex; `permutation` by entry. Structured clone supports it, so a thread can compute it. */
export type Draw = { root: string; seed: string; permutation: Uint32Array };

/**
 * The whole draw over the entries' keys (8 bytes each, in order of joining). 1 M entries take 1.5 s
 * of computing: run it in a thread (platform/thread.ts), not where requests are served.
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

/** The same numbers from the record alone, for example after a restart; `seed` in hex. */
export const permutationAgain = (
  sha256: Sha256,
  { seed, entries }: { seed: string; entries: number },
): Uint32Array => {
  const bytes = bytesOfHex(seed);
  assert(bytes?.length === seedBytes, 'a seed of the draw is 32 bytes in hex');
  return permutationOf(sha256, bytes, entries);
};

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOfHex,
  commitmentOf,
  drawAlgorithm,
  drawSeedOf,
  hexOf,
  makeDice,
  makeDraw,
  numberOf,
  permutationAgain,
  permutationOf,
} from './draw.ts';

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const seedNo = (no: number): Uint8Array => sha256(Uint8Array.of(no, no >> 8, no >> 16));

/** Test vectors: byte b of the server's seed is b, the key of entry e is 8 bytes of e + 1. */
const serverSeed = hexOf(Uint8Array.from({ length: 32 }, (_, at) => at));
const keysOf = (entries: number): Uint8Array =>
  Uint8Array.from({ length: entries * 8 }, (_, at) => (at >> 3) + 1);

/** Computed by another program, in another language, from the text of docs/decisions/0009. */
const vectors = [
  {
    root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    seed: '8ca78abd423715513857081dc06d54935aa9d6b0cda5ecf3929fd63b6faf51aa',
    places: [],
  },
  {
    root: 'db00e140665fbb0b2fa5e4fde13f4c3ee86dcd66b2ef183c54ddcce23c08e15d',
    seed: '3646f0e40853c245563ae627584c2fc1d1de7aca7a285b9259ac4993bbb8162d',
    places: [0],
  },
  {
    root: 'f90a19033a876649e20b1e01ea65e31aeaf124b92881aa10e889011bcf76d113',
    seed: 'cbfac311ef2be55a0687e9fa6b636a0706aafa13ac1d0bba32c23378b3faba65',
    places: [1, 2, 4, 3, 0],
  },
  {
    root: '714b2e10aad7d2bb20c9fd74f256ec30e1a3168f57212cb0b3c3e334cef3c313',
    seed: 'efac0bc1a2219eab71b591fbea8008e0ae06c84a8880524009ec43ccace9cbb8',
    places: [2, 0, 6, 8, 11, 1, 3, 12, 9, 7, 5, 10, 4],
  },
];

/** Above this lies one in a thousand sums of squares (Wilson and Hilferty's approximation). */
const chiSquaredLimit = (degrees: number): number => {
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + 3.09 * Math.sqrt(part)) ** 3;
};

const chiSquared = (counts: ArrayLike<number>): number => {
  const all = Array.from(counts);
  const expected = all.reduce((sum, count) => sum + count, 0) / all.length;
  return all.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
};

describe('the draw', () => {
  test('gives the published vectors, so that anybody can verify it', () => {
    const page = readFileSync(
      new URL('../../docs/decisions/0009-a-draw-that-anybody-can-verify.md', import.meta.url),
      'utf8',
    );
    for (const { root, seed, places } of vectors) {
      const draw = makeDraw(sha256, { serverSeed, keys: keysOf(places.length) });
      expect({ ...draw, permutation: [...draw.permutation] }).toEqual({
        root,
        seed,
        permutation: places,
      });
      expect([...permutationAgain(sha256, { seed, entries: places.length })]).toEqual(places);
      for (const text of [root, seed, places.join(' ')]) expect(page).toContain(text);
    }
    expect(page).toContain(drawAlgorithm);
  });

  test('gives the published vector for 100,000 entries, where words are discarded', () => {
    const keys = new Uint8Array(800_000);
    const entry = new DataView(new ArrayBuffer(4));
    for (let e = 0; e < 100_000; e++) {
      entry.setUint32(0, e);
      keys.set(sha256(new Uint8Array(entry.buffer)).subarray(0, 8), e * 8);
    }
    const { root, permutation } = makeDraw(sha256, { serverSeed, keys });
    expect(root).toBe('d4c308f4459f34b3e7b601ce96691ae608aa6f72c052f8934b761f901114f655');
    const places = new DataView(new ArrayBuffer(400_000));
    permutation.forEach((place, e) => {
      places.setUint32(e * 4, place);
    });
    expect(hexOf(sha256(new Uint8Array(places.buffer)))).toBe(
      'd4b6e9d148d7714bfd21db614f4491a2f4abee1140d4ce835f45ad385f866cf9',
    );
  });

  test('gives every place to exactly one entry', () => {
    fc.assert(
      fc.property(seed, fc.nat(3000), (bytes, n) => {
        const places = permutationOf(sha256, bytes, n).toSorted();
        expect(places).toEqual(Uint32Array.from({ length: n }, (_, place) => place));
      }),
    );
  });

  test('is the same for the same seed and differs for another', () => {
    fc.assert(
      fc.property(seed, fc.nat(255), (bytes, at) => {
        const changed = bytes.with(at % 32, (bytes[at % 32] ?? 0) ^ 1);
        const places = permutationOf(sha256, bytes, 100);
        expect(permutationOf(sha256, bytes, 100)).toEqual(places);
        expect(permutationOf(sha256, changed, 100)).not.toEqual(places);
      }),
    );
  });

  test('depends on the server’s commitment and on everybody who joined', () => {
    const bytes = bytesOfHex(serverSeed) ?? new Uint8Array();
    expect(hexOf(commitmentOf(sha256, bytes))).toBe(
      '630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd',
    );
    const root = sha256(Uint8Array.of(1));
    expect(drawSeedOf(sha256, bytes, root)).not.toEqual(
      drawSeedOf(sha256, bytes.toReversed(), root),
    );
    expect(drawSeedOf(sha256, bytes, root)).not.toEqual(drawSeedOf(sha256, bytes, bytes));
  });
});

describe('a draw over many seeds', () => {
  const orderOf = (places: ArrayLike<number>): string => Array.from(places).join('');
  const ordersOf = (shuffle: (no: number) => ArrayLike<number>, seeds: number): number[] => {
    const counts = new Map<string, number>();
    for (let no = 0; no < seeds; no++) {
      const order = orderOf(shuffle(no));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    return [...counts.values()];
  };

  test('gives each of the 120 orders of five people with equal probability', () => {
    const counts = ordersOf((no) => permutationOf(sha256, seedNo(no), 5), 30_000);
    expect(counts).toHaveLength(120);
    expect(chiSquared(counts)).toBeLessThan(chiSquaredLimit(119));
  });

  test('is distinguished from the biased shuffle that swaps with any place', () => {
    const biased = (no: number): number[] => {
      const below = makeDice(sha256, seedNo(no));
      const places = [0, 1, 2, 3, 4];
      for (let i = 4; i > 0; i--) {
        const j = below(5);
        [places[i], places[j]] = [places[j]!, places[i]!];
      }
      return places;
    };
    expect(chiSquared(ordersOf(biased, 30_000))).toBeGreaterThan(2 * chiSquaredLimit(119));
  });

  test('can put the first, middle and last to join anywhere among 1,000', () => {
    for (const entry of [0, 499, 999]) {
      const fiftieths = new Uint32Array(50);
      for (let no = 0; no < 2000; no++) {
        fiftieths[Math.floor(permutationOf(sha256, seedNo(no), 1000)[entry]! / 20)]! += 1;
      }
      expect(chiSquared(fiftieths)).toBeLessThan(chiSquaredLimit(49));
    }
  });
});

describe('the dice', () => {
  test('discard words instead of favouring the low numbers', () => {
    const bound = 3 * 2 ** 30;
    const below = makeDice(sha256, seedNo(1));
    const words = makeDice(sha256, seedNo(1));
    const thirds = [0, 0, 0];
    const biased = [0, 0, 0];
    for (let no = 0; no < 30_000; no++) {
      thirds[Math.floor(below(bound) / 2 ** 30)]! += 1;
      biased[Math.floor((words(2 ** 32) % bound) / 2 ** 30)]! += 1;
    }
    expect(chiSquared(thirds)).toBeLessThan(chiSquaredLimit(2));
    expect(chiSquared(biased)).toBeGreaterThan(2 * chiSquaredLimit(2));
  });

  test('match the published ones at the ends of their range and across blocks', () => {
    const below = makeDice(sha256, bytesOfHex(serverSeed) ?? new Uint8Array());
    const bounds = [2 ** 32 - 1, 3 * 2 ** 30, 2 ** 31 + 1, 1, 2, 10 ** 9, 2 ** 31 + 1];
    const thrown = [...bounds, 2 ** 31 + 1, 2 ** 31 + 1].map((bound) => below(bound));
    expect(thrown).toEqual([
      2849432832, 691701949, 952885779, 0, 1, 376201217, 1617019960, 1836717960, 326517996,
    ]);
  });

  test('require a seed of 32 bytes', () => {
    expect(() => makeDice(sha256, new Uint8Array(31))).toThrow('31 bytes');
  });
});

describe('a number', () => {
  const permutation = Uint32Array.of(2, 0, 1);

  test('comes from the draw for people in the lobby, from the join order for others', () => {
    expect([0, 1, 2, 3, 4].map((entry) => numberOf(entry, permutation))).toEqual([3, 1, 2, 4, 5]);
    expect(numberOf(0, new Uint32Array())).toBe(1);
  });

  test('is not known before the draw', () => {
    expect(numberOf(0, null)).toBe(0);
  });

  test('is given to one entry only, even if people join after the draw', () => {
    fc.assert(
      fc.property(seed, fc.nat(200), fc.nat(200), (bytes, n, later) => {
        const drawn = permutationOf(sha256, bytes, n);
        const numbers = Array.from({ length: n + later }, (_, entry) => numberOf(entry, drawn));
        expect(new Set(numbers).size).toBe(n + later);
        expect(Math.max(0, ...numbers)).toBe(n + later);
      }),
    );
  });
});

describe('hex', () => {
  test('round-trips to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => void expect(bytesOfHex(hexOf(bytes))).toEqual(bytes)),
    );
  });

  test.each(['0', 'AB', '0x', 'zz', 'ab\n', ' ab'])('is nothing else: %j', (text) => {
    expect(bytesOfHex(text)).toBeNull();
  });
});

describe('the dice', () => {
  /** A source of these words, whatever it is asked. */
  const diceOf = (...words: readonly number[]) => {
    const block = new Uint8Array(4 * words.length);
    const view = new DataView(block.buffer);
    for (const [at, word] of words.entries()) view.setUint32(4 * at, word);
    return makeDice(() => block, new Uint8Array(32));
  };

  test('discard a word from the highest multiple of the bound on, and use the one below', () => {
    // 2 ** 32 is 3 × 1,431,655,765 + 1.
    expect(diceOf(0xffff_ffff, 5)(3)).toBe(2);
    expect(diceOf(0xffff_fffe, 5)(3)).toBe(2);
    expect(diceOf(0xffff_fffd, 5)(3)).toBe(1);
  });

  test.each([-1, 1.5, 2 ** 33])('are not thrown for %d entries', (entries) => {
    expect(() => permutationOf(sha256, new Uint8Array(32), entries)).toThrow(`${entries} entries`);
  });
});

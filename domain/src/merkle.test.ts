import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isProven, makeRoot, proofOf, rootOf } from './merkle.ts';

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const key = fc.uint8Array({ minLength: 8, maxLength: 8 });
const some = fc.uniqueArray(key, { minLength: 2, maxLength: 70, selector: String });
const flat = (keys: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(keys.flatMap((k) => [...k]));
const rootOfKeys = (keys: readonly Uint8Array[]): Uint8Array => rootOf(sha256, flat(keys));

/** Level by level, exactly as the specification says. */
const slowRoot = (keys: readonly Uint8Array[]): Uint8Array => {
  let level = keys.map((each, entry) => {
    const index = new DataView(new ArrayBuffer(4));
    index.setUint32(0, entry);
    return sha256(Uint8Array.of(0), new Uint8Array(index.buffer), each);
  });
  if (level.length === 0) return sha256();
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at]!, level[at + 1]];
      above.push(right === undefined ? left : sha256(Uint8Array.of(1), left, right));
    }
    level = above;
  }
  return level[0]!;
};

describe('the root', () => {
  test('is that of the tree as specified, for every number of entries', () => {
    for (let n = 0; n <= 70; n++) {
      const keys = Array.from({ length: n }, (_, at) => sha256(Uint8Array.of(at)).subarray(0, 8));
      expect(rootOfKeys(keys)).toEqual(slowRoot(keys));
    }
  });

  test('is the same for any number of slices', () => {
    fc.assert(
      fc.property(some, fc.array(fc.nat(70), { maxLength: 5 }), (keys, cuts) => {
        const root = makeRoot(sha256);
        const ends = [...new Set([0, ...cuts.map((cut) => cut % keys.length), keys.length])];
        ends.sort((a, b) => a - b);
        ends.forEach((end, at) => {
          root.add(flat(keys.slice(ends[at - 1] ?? 0, end)));
          expect(root.root()).toEqual(rootOfKeys(keys.slice(0, end)));
        });
      }),
    );
  });

  test('changes with every byte of every key', () => {
    fc.assert(
      fc.property(
        some,
        fc.nat(),
        fc.nat(7),
        fc.integer({ min: 1, max: 255 }),
        (keys, nth, at, by) => {
          const bytes = flat(keys);
          const spot = (nth % keys.length) * 8 + at;
          const changed = bytes.with(spot, (bytes[spot] ?? 0) ^ by);
          expect(rootOf(sha256, changed)).not.toEqual(rootOf(sha256, bytes));
        },
      ),
    );
  });

  test('changes if entries are swapped, removed or added', () => {
    fc.assert(
      fc.property(some, fc.nat(), fc.nat(), key, (keys, a, b, more) => {
        const root = rootOfKeys(keys);
        const [one, other] = [a % keys.length, b % keys.length];
        const moved = keys.toSpliced(one, 1).toSpliced(other, 0, keys[one]!);
        if (one !== other) expect(rootOfKeys(moved)).not.toEqual(root);
        expect(rootOfKeys(keys.toSpliced(one, 1))).not.toEqual(root);
        expect(rootOfKeys(keys.toSpliced(other, 0, more))).not.toEqual(root);
      }),
    );
  });

  test('cannot be forged by presenting an inner node as an entry', () => {
    const [left, right] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))];
    const keys = new Uint8Array(16);
    expect(rootOf(sha256, keys)).not.toEqual(sha256(left, right));
    expect(() => rootOf(sha256, new Uint8Array(12))).toThrow('12 bytes');
  });
});

describe('a proof', () => {
  test('shows that an entry is in the root, for every entry of every small tree', () => {
    for (let n = 1; n <= 40; n++) {
      const keys = Array.from({ length: n }, (_, at) => sha256(Uint8Array.of(at)).subarray(0, 8));
      const root = rootOfKeys(keys);
      for (let entry = 0; entry < n; entry++) {
        const proof = proofOf(sha256, flat(keys), entry);
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(n)));
        const claim = { root, entries: n, entry, key: keys[entry]!, proof };
        expect(isProven(sha256, claim)).toBe(true);
      }
    }
  });

  test('is not valid for another key, entry or tree, nor if a part is changed', () => {
    fc.assert(
      fc.property(some, fc.nat(), fc.nat(), key, (keys, a, b, strange) => {
        const entry = a % keys.length;
        const proof = proofOf(sha256, flat(keys), entry);
        const [root, entries] = [rootOfKeys(keys), keys.length];
        const claim = { root, entries, entry, key: keys[entry]!, proof };
        const at = b % proof.length;
        const bent = proof.with(at, proof[at]!.with(b % 32, (proof[at]![b % 32] ?? 0) ^ 1));
        const lies = [
          { ...claim, key: strange },
          { ...claim, entry: (entry + 1) % entries },
          { ...claim, entry: entry + entries },
          { ...claim, entry: -1 },
          { ...claim, entry: entry + 0.5 },
          // Its 4 bytes in the leaf would be the same.
          { ...claim, entry: entry + 2 ** 32, entries: entries + 2 ** 32 },
          { ...claim, entry: entry + 2 ** 32 },
          { ...claim, root: rootOfKeys(keys.toSpliced(entry, 1)) },
          { ...claim, proof: bent },
          { ...claim, proof: proof.slice(1) },
          { ...claim, proof: [...proof, root] },
        ];
        expect(isProven(sha256, claim)).toBe(true);
        expect(lies.map((lie) => isProven(sha256, lie))).toEqual(lies.map(() => false));
      }),
    );
  });

  test('is refused, and not an error, for a key or a part of another length', () => {
    const keys = [1, 2, 3].map((at) => sha256(Uint8Array.of(at)).subarray(0, 8));
    const claim = {
      root: rootOfKeys(keys),
      entries: 3,
      entry: 1,
      key: keys[1]!,
      proof: proofOf(sha256, flat(keys), 1),
    };
    expect(isProven(sha256, claim)).toBe(true);
    const short = claim.proof.map((part) => part.subarray(0, 31));
    const long = claim.key.length + 1;
    expect(isProven(sha256, { ...claim, proof: short })).toBe(false);
    expect(isProven(sha256, { ...claim, key: new Uint8Array(long) })).toBe(false);
    expect(isProven(sha256, { ...claim, entry: 3 })).toBe(false);
  });

  test('exists only for entries of the tree', () => {
    expect(() => proofOf(sha256, new Uint8Array(16), 2)).toThrow('entry 2 of 2');
  });
});

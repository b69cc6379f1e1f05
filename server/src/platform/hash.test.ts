import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeHmac, sha256, sha256OfText } from './hash.ts';

const bytes = fc.uint8Array({ maxLength: 200 });

test('a digest is SHA-256 of all parts in order, for every byte value', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (parts) => {
      const expected = createHash('sha256').update(Buffer.concat(parts)).digest();
      expect(Buffer.compare(sha256(...parts), expected)).toBe(0);
    }),
  );
});

test('a digest of a text is SHA-256 of its UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const expected = createHash('sha256').update(text).digest();
      expect(Buffer.compare(sha256OfText(text), expected)).toBe(0);
    }),
  );
});

test('a digest is not shared: the next call leaves it unchanged', () => {
  const first = sha256(Uint8Array.of(1));
  const copy = first.slice();
  sha256(Uint8Array.of(2)).fill(0);
  expect(first).toEqual(copy);
});

test('an HMAC is that of Node, for keys and texts of every length, in any order', () => {
  const lengths = fc.constantFrom(0, 1, 31, 32, 63, 64, 65, 200);
  const keys = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 3000, size: 'max' }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(keys, texts, (key, list) => {
      const macOf = makeHmac(key);
      for (const text of ['', ...list, 'short', '한'.repeat(1500)]) {
        const expected = createHmac('sha256', key).update(text).digest();
        expect(macOf(text).equals(expected)).toBe(true);
      }
    }),
  );
});

test('an HMAC is not shared: the next call leaves it unchanged', () => {
  const macOf = makeHmac(Uint8Array.of(1));
  const first = macOf('a');
  const copy = Buffer.from(first);
  macOf('b').fill(0);
  expect(first.equals(copy)).toBe(true);
});

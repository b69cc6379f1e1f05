import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256, sha256OfText } from './hash.ts';

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

import type { IdKind } from '@usher/domain/ids.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idOf } from './primitives.ts';

const isId = (kind: IdKind, text: string): boolean => idOf(kind).safeParse(text).success;

const idAlphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const body = fc.string({
  unit: fc.constantFrom(...idAlphabet),
  minLength: 26,
  maxLength: 26,
});

test('an id is recognised by its prefix and 26 characters of the alphabet', () => {
  fc.assert(
    fc.property(body, (characters) => {
      expect(isId('show', `show_${characters}`)).toBe(true);
      expect(isId('order', `show_${characters}`)).toBe(false);
      expect(isId('show', characters)).toBe(false);
      expect(isId('show', `show_${characters}0`)).toBe(false);
      expect(isId('show', `show_${characters.slice(1)}`)).toBe(false);
      expect(isId('show', `show_${characters}\n`)).toBe(false);
    }),
  );
});

test('an id with a character outside the alphabet is refused: i, l, o, u, capitals, signs', () => {
  fc.assert(
    fc.property(
      body,
      fc.nat(25),
      fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
      (characters, at, other) => {
        const changed = characters.slice(0, at) + other + characters.slice(at + 1);
        expect(isId('show', `show_${changed}`)).toBe(idAlphabet.includes(other));
      },
    ),
    { numRuns: 2000 },
  );
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { showCategories } from './categories.ts';
import { addMoney, bookingFee, formatMoney, won } from './money.ts';

const amount = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });

describe('money', () => {
  test('adds without losing a won', () => {
    fc.assert(
      fc.property(fc.array(amount), (amounts) => {
        const sum = amounts.reduce((total, value) => total + BigInt(value), 0n);
        expect(BigInt(addMoney(...amounts.map(won)).amount)).toBe(sum);
      }),
    );
  });

  test('refuses fractions, and sums too large to be exact', () => {
    for (const bad of [0.5, NaN, Infinity, 2 ** 53]) {
      expect(() => won(bad)).toThrow(RangeError);
      expect(() => addMoney({ amount: bad, currency: 'KRW' })).toThrow(RangeError);
      expect(() => bookingFee('PLAY', bad)).toThrow(RangeError);
      expect(() => formatMoney({ amount: bad, currency: 'KRW' }, 'ko')).toThrow(RangeError);
    }
    expect(() => addMoney(won(2 ** 53 - 1), won(1))).toThrow(RangeError);
  });

  test('is formatted in Korean and in English', () => {
    expect(formatMoney(won(150_000), 'ko')).toBe('150,000원');
    expect(formatMoney(won(150_000), 'en')).toBe('₩150,000');
    expect(formatMoney(won(1_234_567), 'ko')).toBe('1,234,567원');
    expect(formatMoney(won(999), 'en')).toBe('₩999');
    expect(formatMoney(won(-4000), 'en')).toBe('-₩4,000');
    expect(formatMoney(won(0), 'ko')).toBe('0원');
  });
});

test('the booking fee is 2,000 won per ticket, 1,000 for a play', () => {
  const fees = showCategories.map((category) => [category, bookingFee(category, 3).amount]);
  expect(Object.fromEntries(fees)).toEqual({
    MUSICAL: 6000,
    CONCERT: 6000,
    PLAY: 3000,
    CLASSIC: 6000,
    EXHIBITION: 6000,
  });
  expect(bookingFee('PLAY', 0)).toEqual(won(0));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (tickets) => {
      expect(bookingFee('CONCERT', tickets)).toEqual(won(2000 * tickets));
    }),
  );
});

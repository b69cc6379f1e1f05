import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readInstant } from './instant.ts';

describe('an instant', () => {
  test.each([
    ['2026-12-24T19:30:00+09:00', '2026-12-24T10:30:00.000Z'],
    ['2026-12-24T10:30Z', '2026-12-24T10:30:00.000Z'],
    ['2026-12-24T10:30:00Z', '2026-12-24T10:30:00.000Z'],
    ['2026-12-24T10:30:00.5Z', '2026-12-24T10:30:00.500Z'],
    ['2026-12-24T10:30:00,5Z', '2026-12-24T10:30:00.500Z'],
    ['2026-12-24T10:30:00.123999Z', '2026-12-24T10:30:00.123Z'],
    ['2026-12-24T10:30:00.000Z', '2026-12-24T10:30:00.000Z'],
    ['2026-12-24t10:30:00z', '2026-12-24T10:30:00.000Z'],
    ['2026-12-25T04:30:00+0900', '2026-12-24T19:30:00.000Z'],
    ['2026-12-24T19:30+09', '2026-12-24T10:30:00.000Z'],
    ['2026-12-24T19:30:00-03:30', '2026-12-24T23:00:00.000Z'],
    ['2024-02-29T00:00:00-00:00', '2024-02-29T00:00:00.000Z'],
  ])('may be written %s', (text, instant) => expect(readInstant(text)).toBe(instant));

  test.each([
    '2026-12-24T19:30:00',
    '2026-12-24',
    '2026-12-24 19:30:00Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-12-24T24:00:00Z',
    '2026-12-24T19:30:60Z',
    '2026-12-24T19:30:00+24:00',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '+002026-12-24T19:30:00Z',
    '1798108200000',
    '',
  ])('is not «%s»', (text) => expect(readInstant(text)).toBeNull());

  test('is the same at every offset', () => {
    const offset = fc.integer({ min: -23 * 60, max: 23 * 60 });
    const moment = fc.date({
      min: new Date('0001-01-02T00:00:00Z'),
      max: new Date('9999-12-30T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moment, offset, (at, minutes) => {
        const there = new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const two = (part: number) => String(part).padStart(2, '0');
        const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        const sign = minutes < 0 ? '-' : '+';
        expect(readInstant(`${there}${sign}${two(hours)}:${two(rest)}`)).toBe(at.toISOString());
      }),
    );
  });
});

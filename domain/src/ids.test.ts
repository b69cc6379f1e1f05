import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attemptIdPattern, makeAttemptId, readAttemptId } from './ids.ts';

const body = fc.string({
  unit: fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz'),
  minLength: 26,
  maxLength: 26,
});
/** What the pattern has room for, which an integer of the database has, too. */
const attemptNoMax = 999_999_999;
const attemptNo = fc.integer({ min: 1, max: attemptNoMax });
const isAttemptId = (text: string): boolean => new RegExp(`^${attemptIdPattern}$`).test(text);

describe('the id of an attempt', () => {
  test('names its order and its number', () => {
    fc.assert(
      fc.property(body, attemptNo, (characters, no) => {
        const id = makeAttemptId(`ord_${characters}`, no);
        expect(id).toBe(`att_${characters}-${no}`);
        expect(isAttemptId(id)).toBe(true);
        expect(readAttemptId(id)).toEqual({ orderId: `ord_${characters}`, attemptNo: no });
      }),
    );
  });

  test('is another one for each order and each number', () => {
    fc.assert(
      fc.property(body, body, attemptNo, attemptNo, (one, other, n, m) => {
        const isSame = makeAttemptId(`ord_${one}`, n) === makeAttemptId(`ord_${other}`, m);
        expect(isSame).toBe(one === other && n === m);
      }),
    );
  });

  test('of an earlier version has no number and names no order', () => {
    fc.assert(
      fc.property(body, (characters) => {
        expect(isAttemptId(`att_${characters}`)).toBe(true);
        expect(readAttemptId(`att_${characters}`)).toBeNull();
      }),
    );
  });

  test('is refused with a number that no attempt has', () => {
    const id = `att_${'0'.repeat(26)}`;
    for (const no of ['0', '01', '-1', '1.0', '1e3', `${attemptNoMax + 1}`, '', 'x', '1\n', '1-1'])
      expect(isAttemptId(`${id}-${no}`), no).toBe(false);
    for (const text of [`ord${id.slice(3)}-1`, `${id.slice(0, -1)}-1`, `${id}0-1`, `x${id}-1`])
      expect(isAttemptId(text), text).toBe(false);
  });

  test('is short enough for the provider, whose order ids have at most 64 characters', () => {
    expect(makeAttemptId(`ord_${'0'.repeat(26)}`, attemptNoMax).length).toBeLessThanOrEqual(64);
  });
});

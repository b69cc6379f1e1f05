import { describe, expect, test } from 'vitest';
import { isTooCommon } from './common-passwords.ts';
import { commonPasswords } from './limits.ts';

const email = 'long.name@example.com';

describe('a password that is refused', () => {
  test.each([
    'liverpool1',
    'charlie123',
    'samsung12',
    'summer2026',
    'Summer2026!',
    'P@ssw0rd1',
    '!password!',
    '123password',
    'iL0veY0u22',
    'dkssudgktpdy99',
    'blackpink1',
    '        ',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    '19980517',
    '20011231',
    '010-1234-5678',
    '01012345678',
    '23456789',
    'hgfedcba',
    'qwertyuiop',
    'Long.Name',
    email,
  ])('%j: attackers try it first', (password) => {
    expect(isTooCommon(password, email)).toBe(true);
  });

  test('is on the list, or a word with some digits: far more than 3,000', () => {
    const tails = ['', '1', '12', '123', '1234', '!', '1!', '2025', '2026', '00', '77', '99'];
    const heads = ['password', 'charlie', 'monkey', 'michelle', 'football', 'tkfkdgo', 'naver'];
    for (const head of heads)
      for (const tail of tails)
        expect([head + tail, isTooCommon(head + tail, email)]).toEqual([head + tail, true]);
    for (const password of commonPasswords) expect(isTooCommon(password, email)).toBe(true);
  });
});

describe('a password that is accepted', () => {
  test.each([
    'four quiet words here',
    'four words of mine',
    'correct horse battery staple',
    'summer of my grandmother',
    'monkey8231907',
    '네 단어로 된 암호',
    'kq8#vN2z',
    'the staff of the tests',
  ])('%j', (password) => {
    expect(isTooCommon(password, email)).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import { cleanTexts } from './texts.ts';

describe('the rule for texts from outside', () => {
  test.each([
    ['a NUL', { a: ['fine', { b: 'x\0y' }] }, ['a', '1', 'b'], 'NUL'],
    ['the first half of a pair', { a: '\ud83d' }, ['a'], 'surrogate'],
    ['the second half of a pair', { a: 'x\ude00' }, ['a'], 'surrogate'],
    ['a NUL in the name of a field', { 'a\0': 1 }, ['a\0'], 'NUL'],
  ])('refuses %s, and says where it is', (_, value, path, word) => {
    const fault = cleanTexts(value);
    expect(fault?.path).toEqual(path);
    expect(fault?.message).toContain(word);
  });

  test('joins letters and their marks, so that one word has one spelling', () => {
    const value = { name: '가'.normalize('NFD'), list: ['é'.normalize('NFD'), 7, null, true] };
    expect(cleanTexts(value)).toBeNull();
    expect(value).toEqual({ name: '가', list: ['é', 7, null, true] });
  });

  test('leaves rare letters, emoji and control characters as they are', () => {
    const value = { a: '😀 판소리 歌\n', b: '\u0001' };
    expect(cleanTexts(value)).toBeNull();
    expect(value).toEqual({ a: '😀 판소리 歌\n', b: '\u0001' });
  });

  test('reaches texts at any depth', () => {
    let value: Record<string, unknown> = { text: '\0' };
    for (let depth = 0; depth < 50_000; depth++) value = { inner: value };
    expect(cleanTexts(value)?.path).toHaveLength(50_001);
  });
});

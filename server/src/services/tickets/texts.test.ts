import { describe, expect, test } from 'vitest';
import { joinNames, oneLine } from './texts.ts';

describe('a name on one line', () => {
  test('has no control characters, line breaks or marks that turn its direction', () => {
    const broken = ' a\r\nb\u2028c\u0000d\u202Ee\u2066f\u00ADg ';
    expect(oneLine(broken)).toBe('a b c d e f g');
  });

  test('keeps a family of emoji together, and the parts of a Persian word apart', () => {
    const family = '👨\u200D👩\u200D👧\u200D👦';
    const persian = 'می\u200Cخواهم';
    expect(oneLine(`${family} ${persian}`)).toBe(`${family} ${persian}`);
  });

  test('has whole syllables of Hangul, however they were typed', () => {
    expect(oneLine('한강'.normalize('NFD'))).toBe('한강');
  });

  test('is written once if both languages have the same', () => {
    expect(joinNames({ ko: 'VIP', en: 'VIP' })).toBe('VIP');
    expect(joinNames({ ko: '한강', en: 'Hangang' })).toBe('한강 (Hangang)');
  });
});

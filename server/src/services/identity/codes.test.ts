import { describe, expect, test } from 'vitest';
import { makeCodes } from './codes.ts';

const codes = makeCodes('a-secret-of-a-test-that-is-long-enough');

describe('a mailed code', () => {
  test('has ten letters that are not mistaken for others', () => {
    for (let i = 0; i < 200; i++)
      expect(codes.write(`code_${i}`)).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
  });

  test('is the same whenever it is asked for, and another one for each id and secret', () => {
    const others = makeCodes('another secret of a test, long enough');
    const all = new Set(Array.from({ length: 1000 }, (_, i) => codes.write(`code_${i}`)));
    expect(all.size).toBe(1000);
    expect(all.has(codes.write('code_7'))).toBe(true);
    expect(others.write('code_7')).not.toBe(codes.write('code_7'));
  });

  test('is accepted however it is typed', () => {
    const code = codes.write('code_1');
    const typed = code.replaceAll('0', 'O').replaceAll('1', 'l');
    for (const given of [code, code.toUpperCase(), code.replace('-', ''), ` ${code} `, typed])
      expect(codes.matches('code_1', given)).toBe(true);
    expect(codes.matches('code_1', code.replace('-', ' - '))).toBe(true);
  });

  test('is not accepted for another id, cut short or with more', () => {
    const code = codes.write('code_1');
    for (const given of [codes.write('code_2'), code.slice(1), `${code}0`, '', '-----'])
      expect(codes.matches('code_1', given)).toBe(false);
  });
});

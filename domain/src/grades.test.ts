import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findGradeNameFault, giveGradeCodes, gradeCode, makeGradeCode } from './grades.ts';

const named = (ko: string, en = ko) => ({ name: { ko, en } });

describe('the name of a grade', () => {
  test.each(['VIP', '1층 R석', '가족석 (3인)', 'Day seat – rush', '가'.repeat(20)])(
    'may be %s',
    (name) => {
      expect(findGradeNameFault(name)).toBeNull();
    },
  );

  test.each([
    '',
    ' R',
    'R ',
    '가'.repeat(21),
    'R\u200bS',
    'R\nS',
    'R\0',
    '\ud800',
    'VIP석'.normalize('NFD'),
  ])('may not be %j', (name) => {
    expect(findGradeNameFault(name)).not.toBeNull();
  });
});

describe('the code of a grade', () => {
  test('is its English name if that is a valid code, otherwise made from its Korean name', () => {
    expect(makeGradeCode({ ko: 'VIP석', en: 'VIP' }, new Set())).toBe('VIP');
    const code = makeGradeCode({ ko: '가족석', en: 'Family' }, new Set());
    expect(code).toMatch(gradeCode);
    expect(makeGradeCode({ ko: '가족석', en: 'For families' }, new Set(['R']))).toBe(code);
  });

  test('is valid and unique within a show, and never changes once given', () => {
    const grades = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 20 });
    fc.assert(
      fc.property(grades, fc.nat(19), (names, kept) => {
        const asked = names.map((name, i) =>
          i === kept ? { ...named(name), code: 'KEPT' } : named(name),
        );
        const codes = giveGradeCodes(asked).map(({ code }) => code);
        expect(new Set(codes).size).toBe(names.length);
        for (const code of codes) expect(code).toMatch(gradeCode);
        if (kept < names.length) expect(codes[kept]).toBe('KEPT');
      }),
    );
  });

  test('is another one if the first is taken', () => {
    const name = { ko: '가족석', en: 'Family' };
    const first = makeGradeCode(name, new Set());
    const second = makeGradeCode(name, new Set([first]));
    expect(second).toMatch(gradeCode);
    expect(second).not.toBe(first);
    expect(makeGradeCode({ ko: 'VIP석', en: 'VIP' }, new Set(['VIP']))).not.toBe('VIP');
  });
});

test('a grade without a code has the same one in every version, as orders keep it', () => {
  expect(makeGradeCode(named('가족석').name, new Set())).toBe('G03SS23D');
});

import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NamedGrade } from './grades.ts';
import { compileLayout, type Layout, noGrade, notSuggested, seatLabel } from './layout.ts';
import {
  applyPainting,
  countGrades,
  findGrade,
  type PaintRule,
  paintingVersion,
  paintLayout,
  suggestPainting,
} from './painting.ts';

const grades: NamedGrade[] = [
  { code: 'VIP', name: { ko: 'VIP석', en: 'VIP' } },
  { code: 'R', name: { ko: 'R석', en: 'R' } },
  { code: 'GFAMILY1', name: { ko: '가족석', en: 'Family' } },
];
const suggestsNothing = (rows: readonly (readonly number[])[]): Layout =>
  compileLayout(sampleHouse(rows, () => notSuggested, []));

const paint = (layout: Layout, rules: readonly PaintRule[]): Layout => {
  const result = paintLayout(layout, grades, rules);
  if (result.outcome === 'refused') throw new Error(JSON.stringify(result.faults));
  return applyPainting(layout, result.painting);
};
const faultsOf = (layout: Layout, rules: readonly PaintRule[]): string[] => {
  const result = paintLayout(layout, grades, rules);
  return result.outcome === 'refused' ? result.faults.map((fault) => fault.path) : [];
};
const codeOf = (layout: Layout, seatNo: number) => layout.grades[layout.grade[seatNo] ?? noGrade];

/** The rule checked naively, seat by seat. */
const covers = (layout: Layout, rule: PaintRule, seatNo: number): boolean => {
  const { section, row, label } = seatLabel(layout, seatNo);
  if (rule.section !== undefined && rule.section !== section.ko && rule.section !== section.en)
    return false;
  if (rule.rows !== undefined && !rule.rows.includes(row)) return false;
  return rule.seats === undefined || rule.seats.includes(label);
};

describe('a painted plan', () => {
  test('gives every seat the grade of the last rule that covers it, and exactly one', () => {
    const house = fc.array(fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 1 }), {
      minLength: 1,
      maxLength: 25,
    });
    const ruleFor = (rowCount: number): fc.Arbitrary<PaintRule> => {
      const row = fc.integer({ min: 1, max: rowCount });
      const grade = fc.constantFrom('VIP', 'R석', 'Family');
      const sectionOf = (n: number, isKorean: boolean) =>
        isKorean ? `${Math.ceil(n / 10)}구역` : `Block ${Math.ceil(n / 10)}`;
      return fc
        .tuple(row, grade, fc.boolean(), fc.constantFrom('house', 'section', 'row', 'seat'))
        .map(([n, name, isKorean, kind]) => {
          const section = sectionOf(n, isKorean);
          if (kind === 'house') return { grade: name };
          if (kind === 'section') return { grade: name, section };
          if (kind === 'row') return { grade: name, section, rows: [`${n}`] };
          return { grade: name, section, rows: [`${n}`], seats: ['1', '2'] };
        });
    };
    const cases = house.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.array(ruleFor(rows.length), { maxLength: 12 })),
    );
    fc.assert(
      fc.property(cases, ([rows, later]) => {
        const plan = suggestsNothing(rows);
        const rules = [{ grade: 'R' }, ...later];
        const painted = paint(plan, rules);
        for (let seatNo = 0; seatNo < plan.seatCount; seatNo++) {
          const last = rules.findLast((rule) => covers(plan, rule, seatNo));
          const expected = grades.find(
            ({ code, name }) =>
              code === last?.grade || name.ko === last?.grade || name.en === last?.grade,
          );
          expect(codeOf(painted, seatNo)).toBe(expected?.code);
        }
      }),
    );
  });

  test('counts every seat once, and its spans round-trip', () => {
    const plan = suggestsNothing([[4, 4], [6]]);
    const result = paintLayout(plan, grades, [
      { grade: 'R' },
      { grade: 'VIP', section: '1구역', rows: ['2'] },
    ]);
    if (result.outcome === 'refused') throw new Error('refused');
    expect(result.painting.seats).toEqual([8, 1, 6, 0]);
    expect(countGrades(result.painting)).toEqual([6, 8, 0]);
    const painted = applyPainting(plan, result.painting);
    expect(suggestPainting(compileLayout(plan.document)).seats).toEqual([14, noGrade]);
    expect(painted.x).toBe(plan.x);
  });

  test('uses the suggestion of the plan if no rule covers a seat, by code or by name', () => {
    const suggested = ['VIP', 'R석', 'Family'];
    const plan = compileLayout(sampleHouse([[2], [2], [2]], (row) => row, suggested));
    const painted = paint(plan, [
      { grade: '가족석', section: 'Block 1', rows: ['2'], seats: ['2'] },
    ]);
    const codes = [0, 1, 2, 3, 4, 5].map((seatNo) => codeOf(painted, seatNo));
    expect(codes).toEqual(['VIP', 'VIP', 'R', 'GFAMILY1', 'GFAMILY1', 'GFAMILY1']);
  });

  test('has a version that changes with any seat, grade or plan, and only with these', () => {
    const same = (text: string) => text;
    const version = (layout: string, codes: string[], seats: number[]) =>
      paintingVersion(layout, { grades: codes, seats }, same);
    const base = version('plan', ['R', 'S'], [2, 0, 2, 1]);
    expect(version('plan', ['R', 'S'], [2, 0, 2, 1])).toBe(base);
    expect(version('plan2', ['R', 'S'], [2, 0, 2, 1])).not.toBe(base);
    expect(version('plan', ['S', 'R'], [2, 0, 2, 1])).not.toBe(base);
    expect(version('plan', ['R', 'S'], [1, 0, 3, 1])).not.toBe(base);
  });

  test('cannot be applied to a plan of another size', () => {
    const painting = { grades: ['R'], seats: [3, 0] };
    expect(() => applyPainting(suggestsNothing([[4]]), painting)).toThrow(RangeError);
  });
});

describe('the names in a rule', () => {
  test('mean a grade by its code, then its Korean name, then its English one', () => {
    const crossed: NamedGrade[] = [
      { code: 'A', name: { ko: 'B', en: 'C' } },
      { code: 'B', name: { ko: 'C', en: 'A' } },
      { code: 'C', name: { ko: 'A', en: 'B' } },
    ];
    expect(['A', 'B', 'C'].map((name) => findGrade(crossed, name))).toEqual([0, 1, 2]);
    const named: NamedGrade[] = [
      { code: 'X', name: { ko: '일', en: '이' } },
      { code: 'Y', name: { ko: '이', en: '일' } },
    ];
    expect(['일', '이', '삼'].map((name) => findGrade(named, name))).toEqual([0, 1, -1]);
  });

  test('mean a section by its Korean name before any English one', () => {
    const document = sampleHouse([[2], [2]]);
    document.sections = [
      { name: { ko: '가', en: '나' }, outline: [] },
      { name: { ko: '나', en: '다' }, outline: [] },
    ];
    for (const [i, run] of document.runs.entries()) run[0] = i;
    const painted = paint(compileLayout(document), [
      { grade: 'R' },
      { grade: 'Family', section: '나' },
      { grade: 'VIP', section: '다', rows: ['2'], seats: ['1'] },
    ]);
    const codes = [0, 1, 2, 3].map((seatNo) => codeOf(painted, seatNo));
    expect(codes).toEqual(['R', 'R', 'VIP', 'GFAMILY1']);
  });

  test('leave the seats as they were if the grade is unknown', () => {
    expect(faultsOf(suggestsNothing([[4]]), [{ grade: 'R' }, { grade: 'Q' }])).toEqual([
      'rules.1.grade',
    ]);
    // The unknown name is the only fault: that seats have no grade follows from it.
    expect(faultsOf(suggestsNothing([[4]]), [{ grade: 'Q' }])).toEqual(['rules.0.grade']);
  });
});

describe('a painting is refused', () => {
  test('with all faults at once: unknown grades, sections, rows and seats', () => {
    const rules: PaintRule[] = [
      { grade: 'R' },
      { grade: 'Q' },
      { grade: 'R', section: '3층' },
      { grade: 'R', section: '1구역', rows: ['1', '9'] },
      { grade: 'R', section: '1구역', rows: ['1'], seats: ['1', 'A1'] },
      { grade: 'R', rows: ['1'] },
      { grade: 'R', section: '1구역', seats: ['1'] },
    ];
    expect(faultsOf(suggestsNothing([[4]]), rules)).toEqual([
      'rules.1.grade',
      'rules.2.section',
      'rules.3.rows.1',
      'rules.4.seats.1',
      'rules.5.section',
      'rules.6.rows',
    ]);
  });

  test('with a list of the seats that would have no grade, row by row', () => {
    const plan = compileLayout(sampleHouse([[2], [3], [2]], (row) => row, ['R', 'X', 'VIP']));
    const result = paintLayout(plan, grades, [
      { grade: 'R', section: '1구역', rows: ['2'], seats: ['2'] },
    ]);
    expect(result).toEqual({
      outcome: 'refused',
      faults: [
        {
          path: 'rules',
          message:
            'section 1구역 row 2 has seats without a grade: 1, 3; the plan suggests X, which the show does not have',
        },
      ],
    });
    const many = suggestsNothing(Array.from({ length: 130 }, () => [1]));
    const faults = paintLayout(many, grades, []);
    expect(faults).toMatchObject({ outcome: 'refused' });
    if (faults.outcome !== 'refused') return;
    expect(faults.faults.length).toBe(101);
    expect(faults.faults[0]?.message).toBe('section 1구역 row 1 has seats without a grade: 1');
    expect(faults.faults.at(-1)?.message).toBe('30 more rows have seats without a grade');
  });
});

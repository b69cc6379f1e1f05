import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileLayout,
  type Layout,
  type LayoutDocument,
  labelAt,
  noGrade,
  seatLabel,
} from './layout.ts';
import { layoutFromCsv } from './layout-csv.ts';
import { type CsvSeatRow, detectDelimiter, readHeading } from './layout-csv-columns.ts';
import { layoutFaults } from './layout-faults.ts';

/** The file that an organiser would write for a plan: one line per seat. */
const linesOf = (document: LayoutDocument, scale = 1): CsvSeatRow[] => {
  const layout = compileLayout(document);
  return Array.from({ length: layout.seatCount }, (_, seatNo) => {
    const { section, row, label } = seatLabel(layout, seatNo);
    return {
      section: section.ko,
      section_en: section.en,
      row,
      number: label,
      grade: document.grades[layout.grade[seatNo] ?? 0] ?? '',
      x: ((layout.x[seatNo] ?? 0) * scale).toFixed(3),
      y: ((layout.y[seatNo] ?? 0) * scale).toFixed(3),
    };
  });
};

const planFrom = (rows: readonly CsvSeatRow[]): Layout => {
  const result = layoutFromCsv(rows);
  if (result.outcome === 'refused') throw new Error(JSON.stringify(result.faults));
  expect(layoutFaults(result.document)).toEqual([]);
  return compileLayout(result.document);
};

const faultsOf = (rows: readonly CsvSeatRow[]): string[] => {
  const result = layoutFromCsv(rows);
  if (result.outcome === 'layout') return [];
  return result.faults.map(({ line, column, code }) => `${line} ${column} ${code}`);
};

const seat = { section: '1층', row: '1', grade: 'R', y: '0' };
const rowOf = (...seats: [number: number, x: number][]): CsvSeatRow[] =>
  seats.map(([number, x]) => ({ ...seat, number: `${number}`, x: `${x}` }));
const runsOf = (rows: readonly CsvSeatRow[]) => {
  const result = layoutFromCsv(rows);
  return result.outcome === 'layout' ? result.document.runs.map((run) => run.slice(2, 5)) : [];
};

describe('a seating plan from a file', () => {
  test('has the same seats, grades and neighbours as the plan written to the file', () => {
    const counts = fc.array(fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 1 }), {
      minLength: 1,
      maxLength: 22,
    });
    fc.assert(
      fc.property(counts, fc.constantFrom(0.05, 1, 37), (rows, scale) => {
        const document = sampleHouse(rows, (row) => row % 3);
        const written = compileLayout(document);
        const read = planFrom(linesOf(document, scale));
        const labels = (layout: Layout) =>
          Array.from({ length: layout.seatCount }, (_, i) => seatLabel(layout, i));
        const grades = (layout: Layout) =>
          Array.from(layout.grade, (grade) => layout.document.grades[grade]);
        expect(labels(read)).toEqual(labels(written));
        expect(grades(read)).toEqual(grades(written));
        expect([...read.runStart]).toEqual([...written.runStart]);
      }),
      { numRuns: 30 },
    );
  });

  test('does not depend on the order of the lines inside a row', () => {
    const lines = linesOf(sampleHouse([[6, 6]]));
    const sorted = planFrom(lines);
    const shuffled = planFrom(lines.toReversed());
    expect(shuffled.runStart).toEqual(sorted.runStart);
    expect(seatLabel(shuffled, 0).label).toBe('1');
  });

  test('keeps a curved row of any length as one tuple', () => {
    const document = sampleHouse([[40]]);
    document.runs = [[0, '1', 1, 1, 40, [20, 0, 20, 1], [0, 0, 10, 0, 15]]];
    const [run] = planFrom(linesOf(document)).document.runs;
    expect(run?.[5]).toEqual([20, 0, 20, 1]);
    expect(run?.[6]).toHaveLength(5);
  });

  test('ends a run at an aisle, at a missing seat, and where numbers jump', () => {
    expect(runsOf(rowOf([1, 0], [2, 1], [3, 2], [4, 6], [5, 7]))).toEqual([
      [1, 1, 3],
      [4, 1, 2],
    ]);
    expect(runsOf(rowOf([1, 0], [2, 1], [4, 3], [5, 4]))).toEqual([
      [1, 1, 2],
      [4, 1, 2],
    ]);
    expect(runsOf(rowOf([1, 0], [2, 1], [21, 2], [22, 3]))).toEqual([
      [1, 1, 2],
      [21, 1, 2],
    ]);
  });

  test('joins odd numbers on one side and even ones on the other', () => {
    const odd: [number, number][] = [7, 5, 3, 1].map((number, i) => [number, i]);
    const even: [number, number][] = [2, 4, 6].map((number, i) => [number, i + 8]);
    expect(runsOf(rowOf(...odd, ...even))).toEqual([
      [1, 2, 4],
      [2, 2, 3],
    ]);
  });

  test('draws each section around its seats', () => {
    const { document } = planFrom(linesOf(sampleHouse(Array.from({ length: 20 }, () => [5, 5]))));
    const [first, second] = document.sections.map(({ outline }) => ({
      top: Math.min(...outline.filter((_, i) => i % 2 === 1)),
      bottom: Math.max(...outline.filter((_, i) => i % 2 === 1)),
    }));
    expect(first?.top).toBeLessThan(0);
    expect(first?.bottom).toBeGreaterThan(9 * 12);
    expect(first?.bottom).toBeLessThan(second?.top ?? 0);
  });
});

describe('a file of few columns', () => {
  const line = (number: string, given: CsvSeatRow = {}): CsvSeatRow => ({
    section: 'A구역',
    row: '1',
    number,
    ...given,
  });
  const labelsOf = (layout: Layout) =>
    Array.from({ length: layout.seatCount }, (_, i) => seatLabel(layout, i).label);

  test('suggests no grade for seats whose grade is empty', () => {
    const none = planFrom([line('1'), line('2')]);
    expect(none.grades).toEqual([]);
    expect([...none.grade]).toEqual([noGrade, noGrade]);
    const some = planFrom([line('1'), line('2', { grade: '가족석 (3인)' })]);
    expect(some.grades).toEqual(['가족석 (3인)']);
    expect([...some.grade]).toEqual([noGrade, 0]);
  });

  test('is laid out straight, section by section, rows in order, without overlaps', () => {
    const rows = fc.array(
      fc.record({
        section: fc.constantFrom('1층', '2층', '박스석'),
        row: fc.constantFrom('1', '2', '가'),
        number: fc.integer({ min: 1, max: 30 }).map(String),
      }),
      { minLength: 1, maxLength: 120 },
    );
    fc.assert(
      fc.property(rows, (lines) => {
        const keys = lines.map((each) => `${each.section} ${each.row} ${each.number}`);
        const unique = lines.filter((_, i) => keys.indexOf(keys[i] ?? '') === i);
        const layout = planFrom(unique);
        expect(layout.seatCount).toBe(unique.length);
        const depth = new Map<string, number>();
        for (let seatNo = 0; seatNo < layout.seatCount; seatNo++) {
          const { section, row } = seatLabel(layout, seatNo);
          const key = `${section.ko} ${row}`;
          const y = layout.y[seatNo] ?? 0;
          expect(y).toBeCloseTo(depth.get(key) ?? y, 1);
          depth.set(key, y);
        }
        const depths = [...depth.values()];
        expect(depths).toEqual(depths.toSorted((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });

  test('has neighbours where numbers are successive, and an aisle at a gap in the numbers', () => {
    const layout = planFrom(['1', '2', '3', '11', '12'].map((number) => line(number)));
    expect(layout.document.runs.map((run) => run.slice(2, 5))).toEqual([
      [1, 1, 3],
      [11, 1, 2],
    ]);
    expect((layout.x[3] ?? 0) - (layout.x[2] ?? 0)).toBeCloseTo(30, 1);
  });

  test('keeps labels with letters, and makes successive labels of a series neighbours', () => {
    const numbers = ['A12', 'A13', 'B1', '휠1', '가', '나', 'AA', 'AB', '7'];
    const layout = planFrom(numbers.map((number) => line(number)));
    expect(labelsOf(layout).toSorted()).toEqual(numbers.toSorted());
    const runs = layout.document.runs.map((run) =>
      Array.from({ length: run[4] }, (_, place) => labelAt(run, place)).join(' '),
    );
    expect(runs.toSorted()).toEqual(['7', 'A12 A13', 'AA AB', 'B1', '가 나', '휠1'].toSorted());
  });

  test('keeps marks in Korean or English, and refuses unknown words', () => {
    const layout = planFrom([
      line('1', { mark: '휠체어석' }),
      line('2', { mark: 'companion' }),
      line('3', { mark: '시야제한' }),
      line('4'),
    ]);
    expect([0, 1, 2, 3].map((seatNo) => seatLabel(layout, seatNo).mark)).toEqual([
      'ACCESSIBLE',
      'COMPANION',
      'RESTRICTED_VIEW',
      null,
    ]);
    expect(faultsOf([line('1', { mark: 'cosy' })])).toEqual(['2 mark BAD_CELL']);
  });

  test('is refused line by line if only some seats have a position', () => {
    const rows = [line('1', { x: '0', y: '0' }), line('2'), line('3', { x: '2', y: '' })];
    expect(faultsOf(rows)).toEqual(['3 x BAD_CELL', '3 y BAD_CELL', '4 y BAD_CELL']);
  });

  test('is refused for labels that no seat could carry', () => {
    const labels = ['A 1', '-1', '1-', 'ABCDEFGHI', '=1', ''];
    expect(faultsOf(labels.map((number) => line(number)))).toEqual(
      labels.map((_, i) => `${i + 2} number BAD_CELL`),
    );
  });
});

describe('the heading of a file', () => {
  test('names the columns in Korean or English, whatever its spaces and capitals', () => {
    const headings = ['구역', ' 열 ', '번', '등급', 'Section', 'SECTION EN', '비고', 'X', '층'];
    expect(headings.map(readHeading)).toEqual([
      'section',
      'row',
      'number',
      'grade',
      'section',
      'section_en',
      'mark',
      'x',
      '층',
    ]);
  });

  test.each([
    ['section,row,number\n1;2;3', ','],
    ['구역;열;번;등급', ';'],
    ['구역\t열\t번', '\t'],
    ['"a,b,c";row;number', ';'],
    ['section', ','],
  ])('%j is separated by %j', (text, delimiter) => {
    expect(detectDelimiter(text)).toBe(delimiter);
  });
});

describe('a file with faults', () => {
  test('is refused with every fault and its line, where the heading is line 1', () => {
    const rows: CsvSeatRow[] = [
      ...rowOf([1, 0], [2, 10], [3, 20]),
      { ...seat, number: '0', x: '30' },
      { ...seat, number: '5', x: 'left', grade: '가'.repeat(21) },
      { ...seat, section: ' ', row: '', number: '6', x: '50' },
      { ...seat, number: '2', x: '60' },
      { ...seat, number: '8', x: '20.5' },
      { ...seat, number: '9', x: '70', section_en: 'Stalls' },
    ];
    expect(faultsOf(rows)).toEqual([
      '5 number BAD_CELL',
      '6 grade BAD_CELL',
      '6 x BAD_CELL',
      '7 section BAD_CELL',
      '7 row BAD_CELL',
      '8 number DUPLICATE_SEAT',
      '9 x SEATS_OVERLAP',
      '10 section_en BAD_CELL',
    ]);
  });

  test('is refused at once if a column is missing or it has no lines', () => {
    const rows = rowOf([1, 0], [2, 10]);
    for (const column of ['section', 'row', 'number', 'x', 'y'] as const) {
      const without = rows.map(({ [column]: _, ...rest }) => rest);
      expect(faultsOf(without)).toEqual(['1 null MISSING_COLUMN']);
    }
    expect(faultsOf([])).toEqual(['1 null EMPTY']);
  });

  test('is refused if it has more seats or longer rows than a plan may have', () => {
    const line = { ...seat, number: '1', x: '0' };
    expect(faultsOf(Array.from({ length: 100_001 }, () => line))).toEqual(['1 null TOO_MANY']);
    const long = rowOf(...Array.from({ length: 501 }, (_, i): [number, number] => [i + 1, i]));
    expect(faultsOf(long)).toEqual(['2 row TOO_MANY']);
  });

  test.each(['1e3', '0x10', '', 'NaN', '1,5', '12345678901'])(
    'is refused for the coordinate %j',
    (x) => {
      expect(faultsOf([...rowOf([1, 0]), { ...seat, number: '2', x }])).toEqual(['3 x BAD_CELL']);
    },
  );
});

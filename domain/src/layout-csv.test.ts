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

describe('the neighbours of a row', () => {
  const outlineOf = (rows: readonly CsvSeatRow[]): number[] | undefined => {
    const result = layoutFromCsv(rows);
    return result.outcome === 'layout' ? result.document.sections[0]?.outline : undefined;
  };
  const at = (numbers: readonly number[], places: readonly number[]): [number, number][] =>
    numbers.map((number, i) => [number, 10 * (places[i] ?? 0)]);

  test('reach half as far again as usual, and no farther', () => {
    expect(runsOf(rowOf([1, 0], [2, 10], [3, 20], [4, 35]))).toEqual([[1, 1, 4]]);
    expect(runsOf(rowOf([1, 0], [2, 10], [3, 20], [4, 35.1]))).toEqual([
      [1, 1, 3],
      [4, 1, 1],
    ]);
  });

  test('end where the step of the numbers changes, however close the seats are', () => {
    expect(runsOf(rowOf([1, 0], [2, 10], [4, 20], [6, 30]))).toEqual([
      [1, 1, 2],
      [4, 2, 2],
    ]);
  });

  test('are measured without seats that are alone in their row or in the same place', () => {
    const alone = ['2', '3', '4'].map((row) => ({
      ...seat,
      row,
      number: '1',
      x: '0',
      y: `${Number(row) * 100}`,
    }));
    expect(planFrom([...rowOf([1, 0], [2, 20]), ...alone]).x[1]).toBe(10);
    expect(faultsOf(rowOf([1, 0], [2, 0], [3, 0], [4, 10], [5, 20]))).toEqual([
      '3 x SEATS_OVERLAP',
      '4 x SEATS_OVERLAP',
    ]);
  });

  test.each([
    ['in the order of their numbers', [0, 1, 2], [6, 7, 8]],
    ['with the second part listed backwards', [0, 1, 2], [8, 7, 6]],
    ['with the second part first', [6, 7, 8], [0, 1, 2]],
    ['with the second part first and backwards', [6, 7, 8], [2, 1, 0]],
  ])('are drawn as one row %s', (_, one, other) => {
    const rows = rowOf(...at([1, 2, 3], one), ...at([11, 12, 13], other));
    expect(outlineOf(rows)).toEqual([86, -5, 86, 6, -5, 6, -5, -5]);
  });
});

describe('a run made from a file', () => {
  const runFrom = (...rows: CsvSeatRow[]) => {
    const result = layoutFromCsv(rows.map((row) => ({ ...seat, ...row })));
    if (result.outcome === 'refused') throw new Error(JSON.stringify(result.faults));
    return result.document.runs[0];
  };

  test('has one grade as a number, and no extras if it needs none', () => {
    expect(runFrom({ number: '1', x: '0' }, { number: '2', x: '10' })).toEqual([
      0,
      '1',
      1,
      1,
      2,
      0,
      [0, 0, 10, 0],
    ]);
    expect(runFrom({ number: '7', x: '0' })).toEqual([0, '1', 7, 1, 1, 0, [0, 0]]);
  });

  test('keeps labels that are no numbers, counted from 1, and marks', () => {
    const [a1, a3] = [
      { number: 'A1', x: '0' },
      { number: 'A3', x: '10' },
    ];
    const path = [0, 0, 10, 0];
    const labels = ['A1', 'A3'];
    expect(runFrom(a1, a3)).toEqual([0, '1', 1, 1, 2, 0, path, { labels }]);
    const marks = { COMPANION: [1] };
    expect(runFrom(a1, { ...a3, mark: 'companion' })).toEqual([
      0,
      '1',
      1,
      1,
      2,
      0,
      path,
      { labels, marks },
    ]);
    expect(runFrom({ ...a1, number: '1' }, { ...a3, number: '2', mark: 'companion' })?.[7]).toEqual(
      { marks },
    );
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

  test('has aisles between series, which do not change the steps of a series', () => {
    const xs = (numbers: readonly string[]) =>
      [...planFrom(numbers.map((number) => line(number))).x].map((x) => Math.round(x));
    const from = ([first = 0, ...others]: number[]) => [0, ...others.map((x) => x - first)];
    expect(from(xs(['A1', 'B1']))).toEqual([0, 30]);
    expect(from(xs(['A1', 'A3', 'B4']))).toEqual([0, 10, 40]);
    expect(from(xs(['A9', 'A10']))).toEqual([0, 10]);
  });

  test('orders the seats of a row by series', () => {
    const layout = planFrom(['C1', 'A1', 'B1', 'A2'].map((number) => line(number)));
    expect(labelsOf(layout)).toEqual(['A1', 'A2', 'B1', 'C1']);
  });

  test('is not also said to have overlapping seats if a seat is listed twice', () => {
    expect(faultsOf([line('1'), line('1')])).toEqual(['3 number DUPLICATE_SEAT']);
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

  test('is accepted up to each limit, and refused beyond it', () => {
    const limits: [
      column: 'section' | 'row' | 'section_en' | 'number',
      most: string,
      more: string,
    ][] = [
      ['section', '가'.repeat(100), '가'.repeat(101)],
      ['section_en', 'a'.repeat(100), 'a'.repeat(101)],
      ['row', '1'.repeat(20), '1'.repeat(21)],
      ['number', '9999', '10000'],
    ];
    for (const [column, most, more] of limits) {
      const row = { ...seat, section_en: 'Stalls', number: '1', x: '0' };
      expect(faultsOf([{ ...row, [column]: most }])).toEqual([]);
      expect(faultsOf([{ ...row, [column]: more }])).toEqual([`2 ${column} BAD_CELL`]);
    }
    const long = rowOf(...Array.from({ length: 500 }, (_, i): [number, number] => [i + 1, i]));
    expect(faultsOf(long)).toEqual([]);
    const same = Array.from({ length: 100_000 }, () => ({ ...seat, number: '1', x: '0' }));
    expect(faultsOf(same)).not.toContain('1 null TOO_MANY');
  });

  test('is refused for more sections or grades than a plan may have', () => {
    const many = (column: 'section' | 'grade', count: number): CsvSeatRow[] =>
      Array.from({ length: count }, (_, i) => ({
        ...seat,
        number: `${i + 1}`,
        x: `${10 * i}`,
        [column]: `이름 ${i}`,
      }));
    expect(faultsOf(many('section', 1000))).toEqual([]);
    expect(faultsOf(many('section', 1001))).toEqual(['1 section TOO_MANY']);
    expect(faultsOf(many('grade', 20))).toEqual([]);
    expect(faultsOf(many('grade', 21))).toEqual(['1 grade TOO_MANY']);
  });

  test('is told what to write, with the names of columns in both languages', () => {
    const messagesOf = (rows: readonly CsvSeatRow[]): string[] => {
      const result = layoutFromCsv(rows);
      return result.outcome === 'refused' ? result.faults.map(({ message }) => message) : [];
    };
    expect(messagesOf([{ section: '1층' }])).toEqual([
      'the heading has no column row (열), number (번)',
    ]);
    expect(messagesOf([{ ...seat, number: '1' }])).toEqual(['the heading has no column x']);
    const half = [...rowOf([1, 0]), { ...seat, number: '2', x: '' }];
    expect(messagesOf(half)).toEqual(['x is empty: give it for every seat, or for none']);
  });

  test.each(['1e3', '0x10', '', 'NaN', '1,5', '12345678901'])(
    'is refused for the coordinate %j',
    (x) => {
      expect(faultsOf([...rowOf([1, 0]), { ...seat, number: '2', x }])).toEqual(['3 x BAD_CELL']);
    },
  );
});

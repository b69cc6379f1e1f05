import { findGradeNameFault, maxGrades } from './grades.ts';
import type { SeatMark } from './layout.ts';
import { type CsvSeatRow, readSeatMark, type SeatColumn } from './layout-csv-columns.ts';
import { maxSeatNumber, maxSections, seatLabel } from './layout-faults.ts';
import type { Point } from './layout-path.ts';

export type CsvFault = {
  /** Line of the file; the heading is line 1. */
  line: number;
  column: SeatColumn | null;
  code: 'EMPTY' | 'MISSING_COLUMN' | 'TOO_MANY' | 'BAD_CELL' | 'DUPLICATE_SEAT' | 'SEATS_OVERLAP';
  /** In English, for the organiser who has to fix the file. */
  message: string;
};

export type CsvSeat = Point & {
  line: number;
  section: string;
  sectionEn: string;
  row: string;
  /** The label printed on the seat. */
  label: string;
  /** Orders the seats of a row, and identifies neighbours within a series. */
  number: number;
  /** The label without its number: A# for A12. Numbers of different series are not successive. */
  series: string;
  /** Empty: the plan suggests none. */
  grade: string;
  mark: SeatMark | null;
};

/** Bounds the search for neighbours within a row. */
const maxRowSeats = 500;

/** Reads one line; errors in its cells are added to the faults, and then there is no seat. */
export const readSeat = (
  cells: CsvSeatRow,
  line: number,
  hasPlaces: boolean,
  faults: CsvFault[],
): CsvSeat | null => {
  const before = faults.length;
  const cell = (column: SeatColumn) => cells[column]?.trim().normalize('NFC') ?? '';
  const bad = (column: SeatColumn, message: string) =>
    faults.push({ line, column, code: 'BAD_CELL', message });
  const text = (column: 'section' | 'row', most: number) => {
    const value = cell(column);
    if (value === '') bad(column, `${column} is empty`);
    if (value.length > most) bad(column, `${column} is longer than ${most} characters`);
    return value;
  };
  const coordinate = (column: 'x' | 'y') => {
    if (!hasPlaces) return 0;
    const value = cell(column);
    if (value === '') {
      bad(column, `${column} is empty: give it for every seat, or for none`);
      return 0;
    }
    const isNumber = /^[+-]?\d{1,7}(\.\d+)?$/.test(value);
    if (!isNumber) bad(column, `"${value}" is not a coordinate: write a number such as 12.5`);
    return Number(value);
  };
  const section = text('section', 100);
  const row = text('row', 20);
  const numbered = readLabel(cell('number'));
  if (numbered === null) {
    const bounds = `1 to ${maxSeatNumber}, or a label such as A12`;
    bad('number', `"${cell('number')}" is not a seat number: ${bounds}`);
  }
  const grade = cell('grade');
  const gradeFault = grade === '' ? null : findGradeNameFault(grade);
  if (gradeFault !== null) bad('grade', gradeFault);
  const mark = cell('mark') === '' ? null : readSeatMark(cell('mark'));
  if (mark === undefined) {
    const words = 'accessible, companion or restricted view';
    bad('mark', `"${cell('mark')}" is not a mark: write ${words}, or leave it empty`);
  }
  const x = coordinate('x');
  const y = coordinate('y');
  const sectionEn = cell('section_en') || section;
  if (sectionEn.length > 100) bad('section_en', 'section_en is longer than 100 characters');
  if (faults.length > before || numbered === null) return null;
  return { line, section, sectionEn, row, ...numbered, grade, mark: mark ?? null, x, y };
};

/**
 * Label, number and series of a cell; null if it is not a seat label. 012 is 12, A12 is number 12
 * of its series; a label without a digit is numbered by its last letter, so A and B are neighbours.
 */
const readLabel = (cell: string): Pick<CsvSeat, 'label' | 'number' | 'series'> | null => {
  if (/^\d+$/.test(cell)) {
    const number = Number(cell);
    if (number < 1 || number > maxSeatNumber) return null;
    return { label: String(number), number, series: '#' };
  }
  if (!seatLabel.test(cell)) return null;
  const digits = /\d{1,4}/.exec(cell);
  if (digits === null) {
    const letters = [...cell];
    const last = letters.pop() ?? '';
    return { label: cell, number: orderOfLetter(last), series: `${letters.join('')}@` };
  }
  return { label: cell, number: Number(digits[0]), series: cell.replace(digits[0], '#') };
};

const koreanLetters = '가나다라마바사아자차카타파하';

const orderOfLetter = (letter: string): number => {
  const korean = koreanLetters.indexOf(letter);
  return korean < 0 ? (letter.codePointAt(0) ?? 0) : korean;
};

/** Sections and rows in the order of the file, the seats of a row by series and number. */
export type CsvPlan = Map<string, Map<string, CsvSeat[]>>;

export const groupSeats = (seats: readonly CsvSeat[]): CsvPlan => {
  const plan: CsvPlan = new Map();
  for (const seat of seats) {
    const rows = plan.get(seat.section) ?? new Map<string, CsvSeat[]>();
    plan.set(seat.section, rows);
    const row = rows.get(seat.row);
    if (row) row.push(seat);
    else rows.set(seat.row, [seat]);
  }
  const bySeries = (a: string, b: string) => (a === b ? 0 : a < b ? -1 : 1);
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      row.sort((a, b) => bySeries(a.series, b.series) || a.number - b.number);
    }
  }
  return plan;
};

/** Duplicate seats, and sections with two English names. */
export const findDuplicates = (seats: readonly CsvSeat[]): CsvFault[] => {
  const faults: CsvFault[] = [];
  const lines = new Map<string, number>();
  const englishNames = new Map<string, string>();
  for (const { line, section, sectionEn, row, label } of seats) {
    const key = JSON.stringify([section, row, label]);
    const earlier = lines.get(key);
    if (earlier !== undefined) {
      const message = `section ${section} row ${row} number ${label} is also in line ${earlier}`;
      faults.push({ line, column: 'number', code: 'DUPLICATE_SEAT', message });
    } else lines.set(key, line);
    const name = englishNames.get(section) ?? sectionEn;
    englishNames.set(section, name);
    if (name !== sectionEn) {
      const message = `section ${section} is called "${name}" in an earlier line`;
      faults.push({ line, column: 'section_en', code: 'BAD_CELL', message });
    }
  }
  return faults;
};

/** Too many sections, grades, or seats in a row. */
export const findExcess = (seats: readonly CsvSeat[], plan: CsvPlan): CsvFault[] => {
  const faults: CsvFault[] = [];
  const tooMany = (line: number, column: CsvFault['column'], message: string) =>
    faults.push({ line, column, code: 'TOO_MANY', message });
  if (plan.size > maxSections) tooMany(1, 'section', `at most ${maxSections} sections`);
  if (new Set(seats.map(({ grade }) => grade)).size > maxGrades) {
    tooMany(1, 'grade', `at most ${maxGrades} grades`);
  }
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      const first = row[0];
      if (first && row.length > maxRowSeats) {
        tooMany(first.line, 'row', `row ${first.row} has more than ${maxRowSeats} seats`);
      }
    }
  }
  return faults;
};

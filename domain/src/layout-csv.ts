import type { LayoutDocument, LayoutRun } from './layout.ts';
import {
  GRADE_CODE,
  MAX_GRADES,
  MAX_SEAT_NUMBER,
  MAX_SEATS,
  MAX_SECTIONS,
  overlappingSeats,
} from './layout-faults.ts';
import { outlineOfRows } from './layout-outline.ts';
import { fitPath, type Point } from './layout-path.ts';
import type { LocalText } from './text.ts';

const COLUMNS = ['section', 'row', 'number', 'grade', 'x', 'y'] as const;
type Column = (typeof COLUMNS)[number] | 'section_en';

/**
 * One parsed line of an organiser's file, all cells as text. `section_en` may be missing: the
 * section then has one name for both languages.
 */
export type CsvSeatRow = { [column in Column]?: string };

export type CsvFault = {
  /** Line of the file; the heading is line 1. */
  line: number;
  column: Column | null;
  code: 'EMPTY' | 'MISSING_COLUMN' | 'TOO_MANY' | 'BAD_CELL' | 'DUPLICATE_SEAT' | 'SEATS_OVERLAP';
  /** In English, for the organiser who has to mend the file. */
  message: string;
};

export type CsvOutcome =
  | { outcome: 'layout'; document: LayoutDocument }
  | { outcome: 'refused'; faults: CsvFault[] };

/** Bounds the search for neighbours within a row. */
const MAX_ROW_SEATS = 500;
const NEIGHBOUR_UNITS = 10;
/** Seats of a row with successive numbers are neighbours up to this many usual distances. */
const NEIGHBOUR_REACH = 1.5;

type Seat = Point & {
  line: number;
  section: string;
  sectionEn: string;
  row: string;
  number: number;
  grade: string;
};

/**
 * A seating plan from a file with one line a seat, `rows[0]` being line 2. The stage is taken to
 * lie above the smallest y. Seats are neighbours when they are in the same row, have successive
 * numbers (or every second one, where odd and even numbers are on two sides) and lie no farther
 * apart than usual. Positions are scaled to 10 units between neighbours. All faults are listed.
 */
export function layoutFromCsv(rows: readonly CsvSeatRow[]): CsvOutcome {
  if (rows.length === 0) return refusal('EMPTY', 'the file has no seats below its heading');
  if (rows.length > MAX_SEATS) {
    return refusal('TOO_MANY', `at most ${MAX_SEATS} seats, not ${rows.length}`);
  }
  const missing = COLUMNS.filter((column) => rows.every((row) => row[column] === undefined));
  if (missing.length > 0) {
    return refusal('MISSING_COLUMN', `the heading has no column ${missing.join(', ')}`);
  }
  const faults: CsvFault[] = [];
  const seats = rows.flatMap((row, i) => readSeat(row, i + 2, faults));
  const plan = groupSeats(seats);
  faults.push(...duplicateFaults(seats), ...countFaults(seats, plan));
  const pitch = usualDistance(plan);
  for (const [a, b] of overlapsOf(seats, pitch)) {
    const message = `lies on top of the seat of line ${seats[a]?.line}`;
    faults.push({ line: seats[b]?.line ?? 0, column: 'x', code: 'SEATS_OVERLAP', message });
  }
  if (faults.length > 0) {
    return { outcome: 'refused', faults: faults.sort((a, b) => a.line - b.line) };
  }
  return { outcome: 'layout', document: documentOf(plan, pitch) };
}

function refusal(code: CsvFault['code'], message: string): CsvOutcome {
  return { outcome: 'refused', faults: [{ line: 1, column: null, code, message }] };
}

function readSeat(cells: CsvSeatRow, line: number, faults: CsvFault[]): Seat | [] {
  const before = faults.length;
  const cell = (column: Column) => cells[column]?.trim() ?? '';
  const bad = (column: Column, message: string) =>
    faults.push({ line, column, code: 'BAD_CELL', message });
  const text = (column: 'section' | 'row', most: number) => {
    const value = cell(column);
    if (value === '') bad(column, `${column} is empty`);
    if (value.length > most) bad(column, `${column} is longer than ${most} characters`);
    return value;
  };
  const coordinate = (column: 'x' | 'y') => {
    const value = cell(column);
    const isNumber = /^[+-]?\d{1,7}(\.\d+)?$/.test(value);
    if (!isNumber) bad(column, `"${value}" is not a coordinate: write a number such as 12.5`);
    return Number(value);
  };
  const section = text('section', 100);
  const row = text('row', 20);
  const number = /^\d{1,5}$/.test(cell('number')) ? Number(cell('number')) : 0;
  if (number < 1 || number > MAX_SEAT_NUMBER) {
    bad('number', `"${cell('number')}" is not a seat number: 1 to ${MAX_SEAT_NUMBER}`);
  }
  const grade = cell('grade');
  if (!GRADE_CODE.test(grade)) {
    bad('grade', `"${grade}" is not a grade: 1 to 8 capital letters or digits`);
  }
  const x = coordinate('x');
  const y = coordinate('y');
  const sectionEn = cell('section_en') || section;
  if (sectionEn.length > 100) bad('section_en', 'section_en is longer than 100 characters');
  if (faults.length > before) return [];
  return { line, section, sectionEn, row, number, grade, x, y };
}

/** Sections and their rows in the order of the file, the seats of a row by number. */
type Plan = Map<string, Map<string, Seat[]>>;

function groupSeats(seats: readonly Seat[]): Plan {
  const plan: Plan = new Map();
  for (const seat of seats) {
    const rows = plan.get(seat.section) ?? new Map<string, Seat[]>();
    plan.set(seat.section, rows);
    const row = rows.get(seat.row);
    if (row) row.push(seat);
    else rows.set(seat.row, [seat]);
  }
  for (const rows of plan.values()) {
    for (const row of rows.values()) row.sort((a, b) => a.number - b.number);
  }
  return plan;
}

function duplicateFaults(seats: readonly Seat[]): CsvFault[] {
  const faults: CsvFault[] = [];
  const lines = new Map<string, number>();
  const englishNames = new Map<string, string>();
  for (const { line, section, sectionEn, row, number } of seats) {
    const label = JSON.stringify([section, row, number]);
    const earlier = lines.get(label);
    if (earlier !== undefined) {
      const message = `section ${section} row ${row} number ${number} is in line ${earlier} too`;
      faults.push({ line, column: 'number', code: 'DUPLICATE_SEAT', message });
    } else lines.set(label, line);
    const name = englishNames.get(section) ?? sectionEn;
    englishNames.set(section, name);
    if (name !== sectionEn) {
      const message = `section ${section} is called "${name}" in an earlier line`;
      faults.push({ line, column: 'section_en', code: 'BAD_CELL', message });
    }
  }
  return faults;
}

function countFaults(seats: readonly Seat[], plan: Plan): CsvFault[] {
  const faults: CsvFault[] = [];
  const tooMany = (line: number, column: CsvFault['column'], message: string) =>
    faults.push({ line, column, code: 'TOO_MANY', message });
  if (plan.size > MAX_SECTIONS) tooMany(1, 'section', `at most ${MAX_SECTIONS} sections`);
  if (new Set(seats.map(({ grade }) => grade)).size > MAX_GRADES) {
    tooMany(1, 'grade', `at most ${MAX_GRADES} grades`);
  }
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      const first = row[0];
      if (first && row.length > MAX_ROW_SEATS) {
        tooMany(first.line, 'row', `row ${first.row} has more than ${MAX_ROW_SEATS} seats`);
      }
    }
  }
  return faults;
}

/** A sample large enough for a median, small enough for rows of 500 seats. */
const MEASURED_SEATS_A_ROW = 20;

/** Median distance to the nearest seat of the row; 1 where no row has two seats. */
function usualDistance(plan: Plan): number {
  const distances: number[] = [];
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      for (const seat of row.slice(0, MEASURED_SEATS_A_ROW)) {
        let nearest = Infinity;
        for (const other of row) {
          if (other !== seat) nearest = Math.min(nearest, apart(seat, other));
        }
        if (nearest > 0 && nearest < Infinity) distances.push(nearest);
      }
    }
  }
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 1;
}

function overlapsOf(seats: readonly Seat[], pitch: number): [number, number][] {
  return overlappingSeats(
    seats.map(({ x }) => x),
    seats.map(({ y }) => y),
    pitch * 0.4,
  );
}

function apart(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

const USUAL_GRADES = ['VIP', 'R', 'S', 'A', 'B', 'C'];

function documentOf(plan: Plan, pitch: number): LayoutDocument {
  const scale = NEIGHBOUR_UNITS / pitch;
  const sections: LayoutDocument['sections'] = [];
  const runs: LayoutRun[] = [];
  const all = [...plan.values()].flatMap((rows) => [...rows.values()].flat());
  const codes = [...new Set(all.map(({ grade }) => grade))];
  const grades = [
    ...USUAL_GRADES.filter((code) => codes.includes(code)),
    ...codes.filter((code) => !USUAL_GRADES.includes(code)),
  ];
  for (const [ko, rows] of plan) {
    const centres: Point[][] = [];
    let name: LocalText = { ko, en: ko };
    for (const row of rows.values()) {
      const chains = chainsOf(row, pitch * NEIGHBOUR_REACH).map((chain) =>
        chain.map((seat) => ({ ...seat, x: seat.x * scale, y: seat.y * scale })),
      );
      name = { ko, en: row[0]?.sectionEn ?? ko };
      for (const chain of chains) runs.push(runOf(sections.length, chain, grades));
      centres.push(joinChains(chains));
    }
    sections.push({ name, outline: outlineOfRows(centres, 0.55 * NEIGHBOUR_UNITS) });
  }
  const stage = stageAbove(all.map(({ x, y }) => ({ x: x * scale, y: y * scale })));
  return { format: 1, grades, sections, stage, seatSize: 0.8 * NEIGHBOUR_UNITS, runs };
}

/** Splits a row, ordered by number, into stretches of neighbours. */
function chainsOf(row: readonly Seat[], reach: number): Seat[][] {
  const byNumber = new Map(row.map((seat) => [seat.number, seat]));
  const nextOf = ({ number, ...seat }: Seat) =>
    [byNumber.get(number + 1), byNumber.get(number + 2)].find(
      (next) => next !== undefined && apart(seat, next) <= reach,
    );
  const chains: Seat[][] = [];
  const seen = new Set<Seat>();
  for (const start of row) {
    const chain: Seat[] = [];
    let step: number | undefined;
    for (let seat: Seat | undefined = start; seat && !seen.has(seat); ) {
      seen.add(seat);
      chain.push(seat);
      const next = nextOf(seat);
      const stepToNext: number = next ? next.number - seat.number : 0;
      step ??= stepToNext;
      seat = stepToNext === step ? next : undefined;
    }
    if (chain.length > 0) chains.push(chain);
  }
  return chains;
}

function runOf(section: number, chain: readonly Seat[], grades: readonly string[]): LayoutRun {
  const first = chain[0];
  const step = (chain[1]?.number ?? 0) - (first?.number ?? 0);
  const spans: number[] = [];
  for (const { grade } of chain) {
    const index = grades.indexOf(grade);
    if (spans.at(-1) === index) spans[spans.length - 2] = (spans.at(-2) ?? 0) + 1;
    else spans.push(1, index);
  }
  const grade = spans.length === 2 ? (spans[1] ?? 0) : spans;
  const row = first?.row ?? '';
  const numberStep = chain.length > 1 ? step : 1;
  return [section, row, first?.number ?? 0, numberStep, chain.length, grade, fitPath(chain)];
}

/** The stretches of a row as one line of points, each joined at its nearer end. */
function joinChains(chains: readonly (readonly Point[])[]): Point[] {
  let line: Point[] = [];
  for (const chain of chains) {
    const [head, tail] = [line[0], line.at(-1)];
    const [first, last] = [chain[0], chain.at(-1)];
    if (!first || !last) continue;
    const gaps =
      head && tail
        ? [apart(tail, first), apart(tail, last), apart(head, last), apart(head, first)]
        : [0];
    const nearest = gaps.indexOf(Math.min(...gaps));
    const turned = nearest === 1 || nearest === 3 ? chain.toReversed() : chain;
    line = nearest < 2 ? line.concat(turned) : turned.concat(line);
  }
  return line;
}

/** A stage half as wide as the house, six seats above its first row. */
function stageAbove(seats: readonly Point[]): LayoutDocument['stage'] {
  const extent = seats.reduce(
    (box, { x, y }) => ({
      left: Math.min(box.left, x),
      right: Math.max(box.right, x),
      top: Math.min(box.top, y),
    }),
    { left: Infinity, right: -Infinity, top: Infinity },
  );
  const centre = Math.round((extent.left + extent.right) / 2);
  const half = Math.max(40, Math.round((extent.right - extent.left) / 4));
  const bottom = Math.round(extent.top) - 30;
  const [left, right, top] = [centre - half, centre + half, bottom - 60];
  return {
    name: { ko: '무대', en: 'Stage' },
    outline: [left, top, right, top, right, bottom, left, bottom],
    focus: { x: centre, y: bottom },
  };
}

import {
  type LayoutDocument,
  type LayoutRun,
  notSuggested,
  type RunExtras,
  type SeatMark,
} from './layout.ts';
import {
  type CsvSeatRow,
  nameColumn,
  placeColumns,
  requiredColumns,
} from './layout-csv-columns.ts';
import {
  type CsvFault,
  type CsvPlan,
  type CsvSeat,
  findDuplicates,
  findExcess,
  groupSeats,
  readSeat,
} from './layout-csv-seats.ts';
import { maxSeats, overlappingSeats } from './layout-faults.ts';
import { outlineOfRows } from './layout-outline.ts';
import { fitPath, type Point } from './layout-path.ts';
import { layOutStraight } from './layout-straight.ts';
import type { LocalText } from './text.ts';

type CsvOutcome =
  | { outcome: 'layout'; document: LayoutDocument }
  | { outcome: 'refused'; faults: CsvFault[] };

const neighbourUnits = 10;
/** Seats with successive numbers are neighbours up to this many times the usual distance. */
const neighbourReach = 1.5;

/**
 * Makes a seating plan from a file with one line per seat; `rows[0]` is line 2. The stage is
 * assumed to be above the smallest y. Seats are neighbours if they are in the same row, have
 * successive numbers (or every second one, if odd and even numbers are on two sides) and are no
 * farther apart than usual. Positions are scaled to 10 units between neighbours; a file without
 * positions is laid out straight. All faults are listed.
 */
export const layoutFromCsv = (rows: readonly CsvSeatRow[]): CsvOutcome => {
  if (rows.length === 0) return refusal('EMPTY', 'the file has no seats below its heading');
  if (rows.length > maxSeats) {
    return refusal('TOO_MANY', `at most ${maxSeats} seats, not ${rows.length}`);
  }
  const hasPlaces = rows.some(({ x = '', y = '' }) => `${x}${y}`.trim() !== '');
  const required = hasPlaces ? [...requiredColumns, ...placeColumns] : requiredColumns;
  const missing = required.filter((column) => rows.every((row) => row[column] === undefined));
  if (missing.length > 0) {
    const names = missing.map(nameColumn).join(', ');
    return refusal('MISSING_COLUMN', `the heading has no column ${names}`);
  }
  const faults: CsvFault[] = [];
  const seats = rows.flatMap((row, i) => readSeat(row, i + 2, hasPlaces, faults) ?? []);
  const plan = groupSeats(seats);
  faults.push(...findDuplicates(seats), ...findExcess(seats, plan));
  if (!hasPlaces) layOutStraight(plan);
  const pitch = hasPlaces ? usualDistance(plan) : 1;
  // In our own layout only duplicate seats can overlap.
  for (const [a, b] of hasPlaces ? overlapsOf(seats, pitch) : []) {
    const message = `overlaps the seat of line ${seats[a]?.line}`;
    faults.push({ line: seats[b]?.line ?? 0, column: 'x', code: 'SEATS_OVERLAP', message });
  }
  if (faults.length > 0) {
    return { outcome: 'refused', faults: faults.sort((a, b) => a.line - b.line) };
  }
  return { outcome: 'layout', document: documentOf(plan, pitch) };
};

const refusal = (code: CsvFault['code'], message: string): CsvOutcome => ({
  outcome: 'refused',
  faults: [{ line: 1, column: null, code, message }],
});

/** A sample large enough for a median, small enough for rows of 500 seats. */
const measuredSeatsARow = 20;

/** Median distance to the nearest seat of the row; 1 where no row has two seats. */
const usualDistance = (plan: CsvPlan): number => {
  const distances: number[] = [];
  for (const rows of plan.values()) {
    for (const row of rows.values()) {
      for (const seat of row.slice(0, measuredSeatsARow)) {
        let nearest = Infinity;
        for (const other of row) {
          if (other !== seat) nearest = Math.min(nearest, apart(seat, other));
        }
        if (nearest > 0 && nearest < Infinity) distances.push(nearest);
      }
    }
  }
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 1;
};

const overlapsOf = (seats: readonly CsvSeat[], pitch: number): [number, number][] =>
  overlappingSeats(
    seats.map(({ x }) => x),
    seats.map(({ y }) => y),
    pitch * 0.4,
  );

const apart = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

const usualGrades = ['VIP', 'R', 'S', 'A', 'B', 'C'];

const documentOf = (plan: CsvPlan, pitch: number): LayoutDocument => {
  const scale = neighbourUnits / pitch;
  const sections: LayoutDocument['sections'] = [];
  const runs: LayoutRun[] = [];
  const all = [...plan.values()].flatMap((rows) => [...rows.values()].flat());
  const codes = [...new Set(all.map(({ grade }) => grade))].filter((grade) => grade !== '');
  const grades = [
    ...usualGrades.filter((code) => codes.includes(code)),
    ...codes.filter((code) => !usualGrades.includes(code)),
  ];
  for (const [ko, rows] of plan) {
    const centres: Point[][] = [];
    let name: LocalText = { ko, en: ko };
    for (const row of rows.values()) {
      const chains = chainsOf(row, pitch * neighbourReach).map((chain) =>
        chain.map((seat) => ({ ...seat, x: seat.x * scale, y: seat.y * scale })),
      );
      name = { ko, en: row[0]?.sectionEn ?? ko };
      for (const chain of chains) runs.push(runOf(sections.length, chain, grades));
      centres.push(joinChains(chains));
    }
    sections.push({ name, outline: outlineOfRows(centres, 0.55 * neighbourUnits) });
  }
  const stage = stageAbove(all.map(({ x, y }) => ({ x: x * scale, y: y * scale })));
  return { format: 1, grades, sections, stage, seatSize: 0.8 * neighbourUnits, runs };
};

/** Splits a row, ordered by number, into runs of neighbours. */
const chainsOf = (row: readonly CsvSeat[], reach: number): CsvSeat[][] => {
  const keyOf = (series: string, number: number) => `${number} ${series}`;
  const byNumber = new Map(row.map((seat) => [keyOf(seat.series, seat.number), seat]));
  const nextOf = ({ number, series, ...seat }: CsvSeat) =>
    [1, 2]
      .map((step) => byNumber.get(keyOf(series, number + step)))
      .find((next) => next !== undefined && apart(seat, next) <= reach);
  const chains: CsvSeat[][] = [];
  const seen = new Set<CsvSeat>();
  for (const start of row) {
    const chain: CsvSeat[] = [];
    let step: number | undefined;
    for (let seat: CsvSeat | undefined = start; seat && !seen.has(seat); ) {
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
};

const runOf = (
  section: number,
  chain: readonly CsvSeat[],
  grades: readonly string[],
): LayoutRun => {
  const first = chain[0];
  const isNumbered = chain.every(({ label, number }) => label === String(number));
  const step = isNumbered ? (chain[1]?.number ?? 0) - (first?.number ?? 0) : 1;
  const spans: number[] = [];
  for (const { grade } of chain) {
    const index = grade === '' ? notSuggested : grades.indexOf(grade);
    if (spans.at(-1) === index) spans[spans.length - 2] = (spans.at(-2) ?? 0) + 1;
    else spans.push(1, index);
  }
  const grade = spans.length === 2 ? (spans[1] ?? 0) : spans;
  const row = first?.row ?? '';
  const firstNumber = isNumbered ? (first?.number ?? 0) : 1;
  const numberStep = chain.length > 1 ? step : 1;
  const path = fitPath(chain);
  const count = chain.length;
  const extras = extrasOf(chain, isNumbered);
  if (extras === null) return [section, row, firstNumber, numberStep, count, grade, path];
  return [section, row, firstNumber, numberStep, count, grade, path, extras];
};

const extrasOf = (chain: readonly CsvSeat[], isNumbered: boolean): RunExtras | null => {
  const marks: { [mark in SeatMark]?: number[] } = {};
  for (const [place, { mark }] of chain.entries()) {
    if (mark !== null) marks[mark] = [...(marks[mark] ?? []), place];
  }
  const hasMarks = Object.keys(marks).length > 0;
  if (isNumbered) return hasMarks ? { marks } : null;
  const labels = chain.map(({ label }) => label);
  return hasMarks ? { labels, marks } : { labels };
};

/** The runs of a row as one line of points, each joined at its nearer end. */
const joinChains = (chains: readonly (readonly Point[])[]): Point[] => {
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
};

/** A stage half as wide as the venue, six seats above its first row. */
const stageAbove = (seats: readonly Point[]): LayoutDocument['stage'] => {
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
};

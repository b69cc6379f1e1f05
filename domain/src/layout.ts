import { pathPoints } from './layout-path.ts';
import type { LocalText } from './text.ts';

/**
 * A seating plan in two forms: the document that is sent and stored, and typed arrays compiled from
 * it. Seats are numbered densely 0..n-1 (`seatNo`) in document order, which is section, row,
 * position. A run is a sequence of physically adjacent seats: an aisle or a gap ends it, so the
 * only possible neighbours of a seat are seatNo - 1 and seatNo + 1 in the same run.
 */

/** Corners of a closed polygon as x0, y0, x1, y1, … in plan units. */
export type Outline = number[];

type LayoutSection = { name: LocalText; outline: Outline };

/** What a buyer must know about a seat besides its position. */
export const seatMarkKinds = ['ACCESSIBLE', 'COMPANION', 'RESTRICTED_VIEW'] as const;
export type SeatMark = (typeof seatMarkKinds)[number];

/** Names of the marks on tickets, in mails and on screens. */
export const seatMarks: Readonly<Record<SeatMark, LocalText>> = {
  ACCESSIBLE: { ko: '휠체어석', en: 'Wheelchair space' },
  COMPANION: { ko: '동반자석', en: 'Companion seat' },
  RESTRICTED_VIEW: { ko: '시야제한석', en: 'Restricted view' },
};

/** Properties that only some runs have. */
export type RunExtras = {
  /** One per seat, if the seats are not labelled by their numbers: A12, B, 휠1. */
  labels?: string[];
  /** For each mark the positions of its seats within the run, from 0. */
  marks?: { [mark in SeatMark]?: number[] };
};

/**
 * One run, as a tuple because a large plan has a thousand of them:
 * 0 section (index) · 1 row label · 2 number of the first seat · 3 step of the numbers ·
 * 4 count of seats · 5 suggested grade: an index, NOT_SUGGESTED, or spans
 * `[count, grade, count, grade, …]` where it changes inside the run · 6 path · 7 extras, if any.
 *
 * The path gives the seats' centres in one of four forms, distinguished by length:
 * - `[x, y]`: a single seat
 * - `[x, y, dx, dy]`: a straight run; each seat lies one step (dx, dy) after the one before
 * - `[x, y, dx, dy, bend]`: a curved run; the step turns by `bend` milliradians after each seat,
 *   so the seats lie on a circle
 * - `[x0, y0, x1, y1, …]`: every seat separately, only for three or more seats
 */
export type LayoutRun = [
  section: number,
  row: string,
  firstNumber: number,
  numberStep: number,
  count: number,
  grade: number | number[],
  path: number[],
  extras?: RunExtras,
];

/** In a run: the plan suggests no grade for these seats. */
export const notSuggested = -1;

/**
 * About 2.5 bytes per seat: 50 kB for 20,000 seats, 13 kB compressed; neighbours 10 units apart.
 */
export type LayoutDocument = {
  format: 1;
  /**
   * Names of the grades that the plan suggests, the best first; empty when it suggests none. Runs
   * name a grade by its index here. What a seat costs is painted by each show: see painting.ts.
   */
  grades: string[];
  sections: LayoutSection[];
  stage: { name: LocalText; outline: Outline; focus: { x: number; y: number } };
  /** Diameter at which a seat is drawn, in plan units; smaller than the distance of neighbours. */
  seatSize: number;
  runs: LayoutRun[];
};

export type Layout = {
  document: LayoutDocument;
  seatCount: number;
  runCount: number;
  x: Float32Array;
  y: Float32Array;
  /** Per seat. */
  run: Int32Array;
  section: Uint16Array;
  /** An index into `grades`, or NO_GRADE. */
  grade: Uint8Array;
  /** What the plan suggests; of a painted layout, the codes of the show's grades. */
  grades: readonly string[];
  /** First seat of each run, then the seat count: run r is runStart[r]..runStart[r+1]-1. */
  runStart: Int32Array;
};

/** How to find a seat in the venue, and what is special about it. */
type SeatLabel = {
  section: LocalText;
  row: string;
  /** The label printed on the seat: 12, A12. */
  label: string;
  mark: SeatMark | null;
};

/** A seat as its buyer sees it: its number in the plan, its label and its grade. */
export type SeatView = SeatLabel & {
  seatNo: number;
  /** The code of the grade, and the organiser's name for it. */
  grade: string;
  gradeName: LocalText;
};

/** No seat: a wall, an aisle, a gap. */
export const noSeat = -1;
/** The grade of a seat that has not been painted. */
export const noGrade = 255;

/** Expects a document without faults (see layoutFaults); anything else is a bug of the caller. */
export const compileLayout = (document: LayoutDocument): Layout => {
  const runCount = document.runs.length;
  const runStart = new Int32Array(runCount + 1);
  for (const [index, run] of document.runs.entries()) {
    runStart[index + 1] = (runStart[index] ?? 0) + run[4];
  }
  const seatCount = runStart[runCount] ?? 0;
  const layout: Layout = {
    document,
    seatCount,
    runCount,
    x: new Float32Array(seatCount),
    y: new Float32Array(seatCount),
    run: new Int32Array(seatCount),
    section: new Uint16Array(seatCount),
    grade: new Uint8Array(seatCount),
    grades: document.grades,
    runStart,
  };
  for (const [index, run] of document.runs.entries()) {
    const first = runStart[index] ?? 0;
    layout.run.fill(index, first, first + run[4]);
    layout.section.fill(run[0], first, first + run[4]);
    placeGrades(layout.grade, first, run);
    placeSeats(layout, first, run);
  }
  return layout;
};

const placeGrades = (grade: Uint8Array, first: number, run: LayoutRun): void => {
  const spans = typeof run[5] === 'number' ? [run[4], run[5]] : run[5];
  let seatNo = first;
  for (let i = 0; i < spans.length; i += 2) {
    const end = seatNo + (spans[i] ?? 0);
    const suggested = spans[i + 1] ?? notSuggested;
    grade.fill(suggested === notSuggested ? noGrade : suggested, seatNo, end);
    seatNo = end;
  }
};

const placeSeats = (layout: Layout, first: number, run: LayoutRun): void => {
  const centres = pathPoints(run[6], run[4]);
  for (let i = 0; i < run[4]; i++) {
    layout.x[first + i] = centres[2 * i] ?? 0;
    layout.y[first + i] = centres[2 * i + 1] ?? 0;
  }
};

/** Throws RangeError for a seat that the plan does not have. */
export const seatLabel = (layout: Layout, seatNo: number): SeatLabel => {
  const runIndex = layout.run[seatNo];
  const run = runIndex === undefined ? undefined : layout.document.runs[runIndex];
  const section = run && layout.document.sections[run[0]];
  if (runIndex === undefined || !run || !section) throw new RangeError(`no seat ${seatNo}`);
  const place = seatNo - (layout.runStart[runIndex] ?? 0);
  const label = labelAt(run, place);
  return { section: section.name, row: run[1], label, mark: markAt(run, place) };
};

/** The label printed on the seat at a position of its run, from 0. */
export const labelAt = (run: LayoutRun, place: number): string =>
  run[7]?.labels?.[place] ?? String(run[2] + run[3] * place);

const markAt = (run: LayoutRun, place: number): SeatMark | null => {
  const marks = run[7]?.marks;
  if (marks === undefined) return null;
  return seatMarkKinds.find((mark) => marks[mark]?.includes(place)) ?? null;
};

/** The neighbours of a seat; NO_SEAT where its run ends. */
export const neighbours = (layout: Layout, seatNo: number): { before: number; after: number } => {
  const run = layout.run[seatNo];
  if (run === undefined) throw new RangeError(`no seat ${seatNo}`);
  return {
    before: layout.run[seatNo - 1] === run ? seatNo - 1 : noSeat,
    after: layout.run[seatNo + 1] === run ? seatNo + 1 : noSeat,
  };
};

/**
 * The version under which a plan may be cached forever: equal documents have equal versions,
 * whatever the order of their keys. The caller supplies `hash`, which gets one string.
 */
export const layoutVersion = (document: LayoutDocument, hash: (text: string) => string): string => {
  const { format, grades, sections, stage, seatSize, runs } = document;
  return hash(
    JSON.stringify([
      format,
      grades,
      sections.map(({ name, outline }) => [name.ko, name.en, outline]),
      [stage.name.ko, stage.name.en, stage.outline, stage.focus.x, stage.focus.y],
      seatSize,
      runs.map(orderExtras),
    ]),
  );
};

const orderExtras = (run: LayoutRun): unknown[] => {
  const [section, row, firstNumber, numberStep, count, grade, path, extras] = run;
  const plain = [section, row, firstNumber, numberStep, count, grade, path];
  if (extras === undefined) return plain;
  const marks = seatMarkKinds.map((mark) => extras.marks?.[mark] ?? null);
  return [...plain, extras.labels ?? null, marks];
};

import { findGradeNameFault, maxGrades } from './grades.ts';
import {
  compileLayout,
  type Layout,
  type LayoutDocument,
  type LayoutRun,
  labelAt,
  notSuggested,
  type RunExtras,
  seatMarkKinds,
} from './layout.ts';

/** More than any venue has; bounds memory, and seat deltas to 3 bytes per change. */
export const maxSeats = 100_000;
export const maxSections = 1000;
export const maxSeatNumber = 9999;
/** A printed seat label: letters and digits, possibly with a hyphen between them. */
export const seatLabel = /^[\p{L}\p{N}](?:-?[\p{L}\p{N}]){0,7}$/u;

export type LayoutFault = {
  /** Where in the document, such as `runs[12]`. */
  at: string;
  code:
    | 'BAD_GRADE'
    | 'BAD_SECTION'
    | 'BAD_RUN'
    | 'RUN_ORDER'
    | 'BAD_SEAT_SIZE'
    | 'TOO_MANY'
    | 'DUPLICATE_SEAT'
    | 'SEATS_OVERLAP';
  /** In English, for the organiser who has to fix the plan. */
  message: string;
};

/** Everything that is wrong with a document of the right shape; empty if it is valid. */
export const layoutFaults = (document: LayoutDocument): LayoutFault[] => {
  const faults: LayoutFault[] = [];
  if (document.sections.length > maxSections) {
    faults.push(fault('sections', 'TOO_MANY', `at most ${maxSections} sections`));
  }
  const seatCount = document.runs.reduce((sum, run) => sum + run[4], 0);
  if (!(seatCount <= maxSeats)) {
    faults.push(fault('runs', 'TOO_MANY', `at most ${maxSeats} seats, not ${seatCount}`));
  }
  if (!(document.seatSize > 0 && document.seatSize <= 1000)) {
    faults.push(fault('seatSize', 'BAD_SEAT_SIZE', 'the seat size must be between 0 and 1000'));
  }
  if (seatCount === 0) faults.push(fault('runs', 'BAD_RUN', 'the plan has no seats'));
  faults.push(...gradeFaults(document), ...sectionFaults(document), ...runFaults(document));
  if (faults.length > 0) return faults;
  return [...duplicateFaults(document), ...overlapFaults(compileLayout(document))];
};

const fault = (at: string, code: LayoutFault['code'], message: string): LayoutFault => ({
  at,
  code,
  message,
});

const gradeFaults = ({ grades }: LayoutDocument): LayoutFault[] => {
  const faults: LayoutFault[] = [];
  if (grades.length > maxGrades) {
    faults.push(fault('grades', 'BAD_GRADE', `a plan suggests at most ${maxGrades} grades`));
  }
  for (const [i, name] of grades.entries()) {
    const message = findGradeNameFault(name);
    if (message !== null) faults.push(fault(`grades[${i}]`, 'BAD_GRADE', message));
    else if (grades.indexOf(name) < i) {
      faults.push(fault(`grades[${i}]`, 'BAD_GRADE', `grade ${name} is listed twice`));
    }
  }
  return faults;
};

const sectionFaults = ({ sections }: LayoutDocument): LayoutFault[] => {
  const faults: LayoutFault[] = [];
  const names = new Set<string>();
  for (const [i, { name }] of sections.entries()) {
    const at = `sections[${i}]`;
    if (name.ko.trim() === '' || name.en.trim() === '') {
      faults.push(fault(at, 'BAD_SECTION', 'a section needs a Korean and an English name'));
    }
    if (names.has(name.ko)) {
      faults.push(fault(at, 'BAD_SECTION', `section ${name.ko} is listed twice`));
    }
    names.add(name.ko);
  }
  return faults;
};

const runFaults = (document: LayoutDocument): LayoutFault[] => {
  const faults: LayoutFault[] = [];
  let sectionBefore = 0;
  let rowBefore: string | undefined;
  let rows = new Set<string>();
  for (const [i, run] of document.runs.entries()) {
    const message = runFault(document, run);
    if (message) faults.push(fault(`runs[${i}]`, 'BAD_RUN', message));
    const [section, row] = run;
    if (section !== sectionBefore) {
      rows = new Set();
      rowBefore = undefined;
    }
    const isNewRow = row !== rowBefore;
    if (section < sectionBefore || (isNewRow && rows.has(row))) {
      const order = 'runs must be in the order of the sections, with the runs of a row together';
      faults.push(fault(`runs[${i}]`, 'RUN_ORDER', order));
    }
    rows.add(row);
    sectionBefore = section;
    rowBefore = row;
  }
  return faults;
};

const runFault = (document: LayoutDocument, run: LayoutRun): string | undefined => {
  const [section, row, firstNumber, numberStep, count, grade, path, extras] = run;
  const lastNumber = firstNumber + numberStep * (count - 1);
  const spans = typeof grade === 'number' ? [count, grade] : grade;
  const isSpanCount = (value: number, i: number) => i % 2 === 1 || (value >= 1 && isWhole(value));
  const isGrade = (value: number, i: number) =>
    i % 2 === 0 || value === notSuggested || document.grades[value] !== undefined;
  if (document.sections[section] === undefined) return `there is no section ${section}`;
  if (row.trim() === '') return 'a row needs a label';
  if (!isWhole(count) || count < 1) return `${count} is not a count of seats`;
  if (!isWhole(numberStep) || (numberStep === 0 && count > 1)) {
    return `seat numbers cannot increase by ${numberStep}`;
  }
  if (![firstNumber, lastNumber].every((n) => isWhole(n) && n >= 1 && n <= maxSeatNumber)) {
    return `seat numbers must be between 1 and ${maxSeatNumber}`;
  }
  if (spans.length % 2 !== 0 || !spans.every(isSpanCount)) return 'grade spans are malformed';
  if (!spans.every(isGrade)) return 'a grade is not in the plan';
  const graded = spans.reduce((sum, value, i) => sum + (i % 2 === 0 ? value : 0), 0);
  if (graded !== count) return `grades are given for ${graded} seats of ${count}`;
  const isPath =
    count === 1
      ? path.length === 2
      : path.length === 4 || path.length === 5 || (count > 2 && path.length === 2 * count);
  if (!isPath || !path.every(Number.isFinite)) return 'the path does not match the number of seats';
  return extras === undefined ? undefined : extrasFault(extras, count);
};

const extrasFault = ({ labels, marks }: RunExtras, count: number): string | undefined => {
  if (labels !== undefined && labels.length !== count) {
    return `labels are given for ${labels.length} seats of ${count}`;
  }
  const badLabel = labels?.find((label) => !seatLabel.test(label));
  if (badLabel !== undefined) {
    return `"${badLabel}" is not a seat label: 1 to 8 letters or digits, such as A12`;
  }
  const marked = seatMarkKinds.flatMap((mark) => marks?.[mark] ?? []);
  if (!marked.every((place) => isWhole(place) && place >= 0 && place < count)) {
    return 'a mark is on a seat that is not in the run';
  }
  if (new Set(marked).size !== marked.length) return 'a seat has two marks';
  return undefined;
};

const duplicateFaults = (document: LayoutDocument): LayoutFault[] => {
  const faults: LayoutFault[] = [];
  const labels = new Set<string>();
  for (const [i, run] of document.runs.entries()) {
    const [section, row, , , count] = run;
    for (let place = 0; place < count; place++) {
      const printed = labelAt(run, place);
      const label = JSON.stringify([section, row, printed]);
      if (labels.has(label)) {
        const name = document.sections[section]?.name.en ?? '';
        const message = `section ${name} row ${row} has two seats ${printed}`;
        faults.push(fault(`runs[${i}]`, 'DUPLICATE_SEAT', message));
      }
      labels.add(label);
    }
  }
  return faults;
};

const overlapFaults = (layout: Layout): LayoutFault[] =>
  overlappingSeats(layout.x, layout.y, layout.document.seatSize / 2).map(([a, b]) =>
    fault(
      `runs[${layout.run[b]}]`,
      'SEATS_OVERLAP',
      `seat ${b} overlaps seat ${a} (counted from 0 over the whole plan)`,
    ),
  );

/**
 * Pairs of seats closer together than `distance`; each later seat appears once, with one earlier
 * seat. Compares within cells of a grid, so the time is linear in the number of seats.
 */
export const overlappingSeats = (
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  distance: number,
): [earlier: number, later: number][] => {
  const cells = new Map<string, number[]>();
  const pairs: [number, number][] = [];
  const near = (a: number, b: number) =>
    Math.hypot((x[a] ?? 0) - (x[b] ?? 0), (y[a] ?? 0) - (y[b] ?? 0)) < distance;
  for (let seat = 0; seat < x.length; seat++) {
    const column = Math.floor((x[seat] ?? 0) / distance);
    const line = Math.floor((y[seat] ?? 0) / distance);
    for (let cell = 0; cell < 9; cell++) {
      const key = `${column + (cell % 3) - 1},${line + Math.floor(cell / 3) - 1}`;
      const earlier = cells.get(key)?.find((other) => near(other, seat));
      if (earlier === undefined) continue;
      pairs.push([earlier, seat]);
      break;
    }
    const own = cells.get(`${column},${line}`);
    if (own) own.push(seat);
    else cells.set(`${column},${line}`, [seat]);
  }
  return pairs;
};

const isWhole = (value: number): boolean => Number.isSafeInteger(value);

import type { NamedGrade } from './grades.ts';
import { type Layout, labelAt, noGrade } from './layout.ts';

/**
 * The grade of each seat of a plan in one show. The plan's suggestion comes first; the rules are
 * painted over it in order, so the last rule that covers a seat decides.
 */
export type PaintRule = {
  /** The grade's code, or its Korean or English name. */
  grade: string;
  /** The section's Korean or English name; without it the rule covers the whole venue. */
  section?: string | undefined;
  /** Rows of the section; without them the whole section. */
  rows?: readonly string[] | undefined;
  /** Labels of seats in the one given row; without them the whole row. */
  seats?: readonly string[] | undefined;
};

export type Painting = {
  /** Codes; a seat's grade is an index into them. */
  grades: readonly string[];
  /** `[count, grade, count, grade, …]` in seat order; about 2 bytes per row. */
  seats: readonly number[];
};

type PaintFault = { path: string; message: string };
type PaintOutcome =
  | { outcome: 'painted'; painting: Painting }
  | { outcome: 'refused'; faults: PaintFault[] };

/** Most rows without a grade that are listed one by one; more usually mean a forgotten section. */
const unpaintedRowsListed = 100;

/**
 * Paints the plan. All faults are listed, with the rule as `path` (`rules.3.rows.0`): names that
 * are not in the plan or among the grades, and every row that would have a seat without a grade.
 */
export const paintLayout = (
  layout: Layout,
  grades: readonly NamedGrade[],
  rules: readonly PaintRule[],
): PaintOutcome => {
  const faults: PaintFault[] = [];
  const grade = suggestGrades(layout, grades);
  const plan = indexPlan(layout);
  for (const [i, rule] of rules.entries()) {
    const found = findGrade(grades, rule.grade);
    const path = `rules.${i}`;
    if (found < 0) {
      faults.push({ path: `${path}.grade`, message: `the show has no grade ${rule.grade}` });
    }
    for (const [first, end] of coverSeats(layout, plan, rule, path, faults)) {
      if (found >= 0) grade.fill(found, first, end);
    }
  }
  if (faults.length === 0) faults.push(...listUnpainted(layout, grade));
  if (faults.length > 0) return { outcome: 'refused', faults };
  const codes = grades.map(({ code }) => code);
  return { outcome: 'painted', painting: { grades: codes, seats: encodeSpans(grade) } };
};

/** The same seats with the grades of a show; unchanged parts are shared. */
export const applyPainting = (layout: Layout, { grades, seats }: Painting): Layout => {
  const grade = new Uint8Array(layout.seatCount).fill(noGrade);
  let seatNo = 0;
  for (let i = 0; i < seats.length; i += 2) {
    const end = seatNo + (seats[i] ?? 0);
    grade.fill(seats[i + 1] ?? noGrade, seatNo, end);
    seatNo = end;
  }
  if (seatNo !== layout.seatCount) {
    throw new RangeError(`a painting of ${seatNo} seats is not one of ${layout.seatCount}`);
  }
  return { ...layout, grade, grades };
};

/** The plan's suggestion as a painting, with the plan's names. */
export const suggestPainting = (layout: Layout): Painting => ({
  grades: layout.document.grades,
  seats: encodeSpans(layout.grade),
});

/** Seats of each grade, in the order of `grades`. */
export const countGrades = ({ grades, seats }: Painting): number[] => {
  const counts = grades.map(() => 0);
  for (let i = 0; i < seats.length; i += 2) {
    const grade = seats[i + 1] ?? 0;
    counts[grade] = (counts[grade] ?? 0) + (seats[i] ?? 0);
  }
  return counts;
};

/** Equal paintings of equal plans have equal versions. `hash` gets one string. */
export const paintingVersion = (
  layoutVersion: string,
  { grades, seats }: Painting,
  hash: (text: string) => string,
): string => hash(JSON.stringify([layoutVersion, grades, seats]));

/** By code, Korean name or English name, in that order; -1 if there is none. */
export const findGrade = (grades: readonly NamedGrade[], asked: string): number => {
  const wanted = asked.normalize('NFC');
  const byCode = grades.findIndex(({ code }) => code === wanted);
  if (byCode >= 0) return byCode;
  const byKorean = grades.findIndex(({ name }) => name.ko === wanted);
  return byKorean >= 0 ? byKorean : grades.findIndex(({ name }) => name.en === wanted);
};

const suggestGrades = (layout: Layout, grades: readonly NamedGrade[]): Uint8Array => {
  const suggested = layout.grades.map((name) => {
    const found = findGrade(grades, name);
    return found < 0 ? noGrade : found;
  });
  return layout.grade.map((grade) => suggested[grade] ?? noGrade);
};

/**
 * Runs of each section and row. The runs of a row are consecutive, so a row is a range of seats.
 */
type PlanIndex = {
  sections: Map<string, number>;
  /** By section, then by row: the first run, and the run after the last one. */
  rows: Map<string, [firstRun: number, endRun: number]>[];
};

const indexPlan = ({ document }: Layout): PlanIndex => {
  const sections = new Map<string, number>();
  for (const [i, { name }] of document.sections.entries()) sections.set(name.ko, i);
  // An English name counts where no section has it as its Korean one.
  for (const [i, { name }] of document.sections.entries()) {
    if (!sections.has(name.en)) sections.set(name.en, i);
  }
  const rows = document.sections.map(() => new Map<string, [number, number]>());
  for (const [i, run] of document.runs.entries()) {
    const known = rows[run[0]]?.get(run[1]);
    rows[run[0]]?.set(run[1], [known?.[0] ?? i, i + 1]);
  }
  return { sections, rows };
};

/** Ranges of seats that a rule covers, as `[first, end)`; adds a fault for each unknown name. */
const coverSeats = (
  layout: Layout,
  plan: PlanIndex,
  rule: PaintRule,
  path: string,
  faults: PaintFault[],
): [first: number, end: number][] => {
  const { section, rows, seats } = rule;
  if (section === undefined) {
    if (rows !== undefined || seats !== undefined) {
      faults.push({ path: `${path}.section`, message: 'rows and seats need a section' });
      return [];
    }
    return [[0, layout.seatCount]];
  }
  const sectionIndex = plan.sections.get(section.normalize('NFC'));
  const rowsOfSection = sectionIndex === undefined ? undefined : plan.rows[sectionIndex];
  if (rowsOfSection === undefined) {
    faults.push({ path: `${path}.section`, message: `the plan has no section ${section}` });
    return [];
  }
  if (seats !== undefined && rows?.length !== 1) {
    faults.push({ path: `${path}.rows`, message: 'seats need exactly one row' });
    return [];
  }
  const covered: [number, number][] = [];
  for (const [i, row] of (rows ?? [...rowsOfSection.keys()]).entries()) {
    const runs = rowsOfSection.get(row.normalize('NFC'));
    if (runs === undefined) {
      const message = `section ${section} has no row ${row}`;
      faults.push({ path: `${path}.rows.${i}`, message });
    } else if (seats === undefined) {
      covered.push([layout.runStart[runs[0]] ?? 0, layout.runStart[runs[1]] ?? 0]);
    } else {
      covered.push(...coverLabels(layout, runs, { section, row, seats }, path, faults));
    }
  }
  return covered;
};

const coverLabels = (
  layout: Layout,
  [firstRun, endRun]: [number, number],
  named: { section: string; row: string; seats: readonly string[] },
  path: string,
  faults: PaintFault[],
): [number, number][] => {
  const seatNos = new Map<string, number>();
  for (let run = firstRun; run < endRun; run++) {
    const tuple = layout.document.runs[run];
    if (tuple === undefined) continue;
    for (let place = 0; place < tuple[4]; place++) {
      seatNos.set(labelAt(tuple, place), (layout.runStart[run] ?? 0) + place);
    }
  }
  const covered: [number, number][] = [];
  for (const [i, label] of named.seats.entries()) {
    const seatNo = seatNos.get(label.normalize('NFC'));
    if (seatNo === undefined) {
      const message = `section ${named.section} row ${named.row} has no seat ${label}`;
      faults.push({ path: `${path}.seats.${i}`, message });
    } else covered.push([seatNo, seatNo + 1]);
  }
  return covered;
};

/** One fault for each row in which a seat has no grade, naming the seats. */
const listUnpainted = (layout: Layout, grade: Uint8Array): PaintFault[] => {
  const rows = new Map<string, { place: string; labels: string[]; suggested: Set<string> }>();
  for (const [runIndex, run] of layout.document.runs.entries()) {
    const first = layout.runStart[runIndex] ?? 0;
    for (let place = 0; place < run[4]; place++) {
      if (grade[first + place] !== noGrade) continue;
      const section = layout.document.sections[run[0]]?.name.ko ?? '';
      const key = JSON.stringify([section, run[1]]);
      const row = rows.get(key) ?? {
        place: `section ${section} row ${run[1]}`,
        labels: [],
        suggested: new Set<string>(),
      };
      rows.set(key, row);
      row.labels.push(labelAt(run, place));
      const suggestion = layout.grades[layout.grade[first + place] ?? noGrade];
      if (suggestion !== undefined) row.suggested.add(suggestion);
    }
  }
  const listed = [...rows.values()].slice(0, unpaintedRowsListed);
  const faults = listed.map(({ place, labels, suggested }) => {
    const names = [...suggested].join(', ');
    const hint = names === '' ? '' : `; the plan suggests ${names}, which the show does not have`;
    const message = `${place} has seats without a grade: ${labels.join(', ')}${hint}`;
    return { path: 'rules', message };
  });
  if (rows.size > listed.length) {
    const message = `${rows.size - listed.length} more rows have seats without a grade`;
    faults.push({ path: 'rules', message });
  }
  return faults;
};

const encodeSpans = (grade: Uint8Array): number[] => {
  const spans: number[] = [];
  for (const each of grade) {
    if (spans.at(-1) === each) spans[spans.length - 2] = (spans.at(-2) ?? 0) + 1;
    else spans.push(1, each);
  }
  return spans;
};

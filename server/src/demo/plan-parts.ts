import type { LayoutDocument, LayoutRun } from '@usher/domain/layout.ts';
import { outlineOfRows } from '@usher/domain/layout-outline.ts';
import { arcPath, type Point, pathPoints } from '@usher/domain/layout-path.ts';

/** Distance between neighbours in plan units; about half a metre in the house. */
export const seat = 10;
/** Distance between rows. */
export const rowDepth = 13;
const degree = Math.PI / 180;

/** Indexes into the grades of every demo plan. */
export const vip = 0;
export const R = 1;
export const S = 2;
export const A = 3;
export const B = 4;

type Section = LayoutDocument['sections'][number];

/** A plan under construction: blocks are added, the document is taken at the end. */
export const makePlan = (grades: string[], stage: LayoutDocument['stage']) => {
  const sections: Section[] = [];
  const runs: LayoutRun[] = [];
  return {
    /** All seats of a section, row by row; rows of several runs have aisles in them. */
    addSection(name: Section['name'], rows: readonly (readonly LayoutRun[])[]): void {
      const centres = rows.map((row) => row.flatMap((run) => seatCentres(run)));
      for (const run of rows.flat()) runs.push(run.with(0, sections.length) as LayoutRun);
      sections.push({ name, outline: outlineOfRows(centres, 0.7 * seat) });
    },
    document(): LayoutDocument {
      return { format: 1, grades, sections, stage, seatSize: 8, runs };
    },
  };
};

const seatCentres = (run: LayoutRun): Point[] => {
  const flat = pathPoints(run[6], run[4]);
  return Array.from({ length: run[4] }, (_, i) => ({
    x: flat[2 * i] ?? 0,
    y: flat[2 * i + 1] ?? 0,
  }));
};

/**
 * A stretch of a curved row. Angles in degrees, 90 pointing away from a stage at the top, so that
 * going down from `fromAngle` to `toAngle` goes from left to right as the audience sees it.
 */
export type ArcStretch = {
  row: string;
  centre: Point;
  radius: number;
  fromAngle: number;
  toAngle: number;
  firstNumber: number;
  /** The edge that the seats are aligned to, if an aisle is straight; else they are centred. */
  keepTo?: 'left' | 'right';
  /** Grade of the seat with this place in the stretch, counted from 0 at the left. */
  gradeAt: (place: number, count: number) => number;
};

/** Seats that fit the stretch. */
export const seatsOnArc = ({ radius, fromAngle, toAngle }: ArcStretch): number =>
  Math.floor((Math.abs(fromAngle - toAngle) * degree * radius) / seat + 0.3);

/** The stretch filled with seats; its section is set when it is added to a plan. */
export const arcRun = (stretch: ArcStretch, count = seatsOnArc(stretch)): LayoutRun => {
  const { row, centre, radius, fromAngle, toAngle, firstNumber, keepTo, gradeAt } = stretch;
  const step = seat / radius;
  const free = (fromAngle - toAngle) * degree - step * count;
  const shares = { left: 0, right: 1 };
  const share = keepTo ? shares[keepTo] : 0.5;
  const start = fromAngle * degree - step / 2 - free * share;
  const path = arcPath(centre, radius, start, -step);
  const grades = Array.from({ length: count }, (_, place) => gradeAt(place, count));
  return [0, row, firstNumber, 1, count, gradeSpans(grades), count === 1 ? path.slice(0, 2) : path];
};

/** A straight row, its first seat at (x, y). */
export const straightRun = (
  row: string,
  { x, y }: Point,
  firstNumber: number,
  grades: readonly number[],
): LayoutRun => {
  const path = grades.length === 1 ? [x, y] : [x, y, seat, 0];
  return [0, row, firstNumber, 1, grades.length, gradeSpans(grades), path];
};

const gradeSpans = (grades: readonly number[]): number | number[] => {
  const spans: number[] = [];
  for (const grade of grades) {
    if (spans.at(-1) === grade) spans[spans.length - 2] = (spans.at(-2) ?? 0) + 1;
    else spans.push(1, grade);
  }
  return spans.length === 2 ? (spans[1] ?? 0) : spans;
};

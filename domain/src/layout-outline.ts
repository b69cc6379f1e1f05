import type { Outline } from './layout.ts';
import type { Point } from './layout-path.ts';

/**
 * Outline of a section from its rows, first to last: along the first row, the rows' ends, the
 * last row and back, `margin` units outside the seats' centres. Follows curved rows.
 */
export const outlineOfRows = (rows: readonly (readonly Point[])[], margin: number): Outline => {
  const aligned = alignRows(rows.filter((row) => row.length > 0));
  const first = aligned[0];
  const last = aligned.at(-1);
  if (!first || !last) return [];
  const depth =
    aligned.length > 1
      ? { x: middle(last).x - middle(first).x, y: middle(last).y - middle(first).y }
      : { x: 0, y: 1 };
  const wide = aligned.map((row) => widenRow(row, depth, margin));
  const front = wide[0]?.map((_, i, row) => shift(row, i, depth, -margin)) ?? [];
  const back = wide.at(-1)?.map((_, i, row) => shift(row, i, depth, margin)) ?? [];
  const ends = [front, ...wide, back];
  const along = direction(first);
  const facing = along.x * depth.y - along.y * depth.x > 0 ? 1 : -1;
  const corners = [
    ...simplify(front).slice(1, -1),
    ...bulge(
      ends.flatMap((row) => row.at(-1) ?? []),
      facing,
    ),
    ...simplify(back).slice(1, -1).reverse(),
    ...bulge(
      ends.flatMap((row) => row[0] ?? []),
      -facing,
    ).reverse(),
  ];
  return corners.flatMap(({ x, y }) => [Math.round(x), Math.round(y)]);
};

/** All rows in the direction of the first one. */
const alignRows = (rows: readonly (readonly Point[])[]): Point[][] => {
  let before: Point | undefined;
  return rows.map((row) => {
    const isReversed = before !== undefined && dot(before, direction(row)) < 0;
    const aligned = isReversed ? row.toReversed() : [...row];
    if (row.length > 1) before = direction(aligned);
    return aligned;
  });
};

const widenRow = (row: readonly Point[], depth: Point, margin: number): Point[] => {
  const head = alongRow(row, 0, depth);
  const tail = alongRow(row, row.length - 1, depth);
  const [first = { x: 0, y: 0 }] = row;
  const last = row.at(-1) ?? first;
  return [
    { x: first.x - head.x * margin, y: first.y - head.y * margin },
    ...row,
    { x: last.x + tail.x * margin, y: last.y + tail.y * margin },
  ];
};

/** Unit vector along the row at one of its points; across the depth for a single seat. */
const alongRow = (row: readonly Point[], i: number, depth: Point): Point => {
  const a = row[Math.max(0, i - 1)] ?? { x: 0, y: 0 };
  const b = row[Math.min(row.length - 1, i + 1)] ?? a;
  const along = row.length > 1 ? { x: b.x - a.x, y: b.y - a.y } : { x: depth.y, y: -depth.x };
  const length = Math.hypot(along.x, along.y) || 1;
  return { x: along.x / length, y: along.y / length };
};

/** A point of the row moved `distance` units at right angles to it, positive towards the back. */
const shift = (row: readonly Point[], i: number, depth: Point, distance: number): Point => {
  const along = alongRow(row, i, depth);
  const normal = { x: -along.y, y: along.x };
  const signed = dot(normal, depth) < 0 ? -distance : distance;
  const point = row[i] ?? { x: 0, y: 0 };
  return { x: point.x + normal.x * signed, y: point.y + normal.y * signed };
};

/** The outermost points of a chain of row ends: rows are ragged, an outline should not be. */
const bulge = (ends: readonly Point[], facing: number): Point[] => {
  const kept: Point[] = [];
  for (const end of ends) {
    for (let [a, b] = kept.slice(-2); a && b; [a, b] = kept.slice(-2)) {
      const turn = (b.x - a.x) * (end.y - b.y) - (b.y - a.y) * (end.x - b.x);
      if (turn * facing > 0) break;
      kept.pop();
    }
    kept.push(end);
  }
  return simplify(kept);
};

const direction = (row: readonly Point[]): Point => {
  const [a = { x: 0, y: 0 }] = row;
  const b = row.at(-1) ?? a;
  return { x: b.x - a.x, y: b.y - a.y };
};

/** Removes points within 2 units of the line between the points that are kept. */
const simplify = (points: readonly Point[]): Point[] => {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || points.length < 3) return [...points];
  const length = Math.hypot(last.x - first.x, last.y - first.y) || 1;
  let farthest = 0;
  let greatest = 2;
  for (const [i, p] of points.entries()) {
    const across = (last.x - first.x) * (p.y - first.y) - (last.y - first.y) * (p.x - first.x);
    const distance = Math.abs(across) / length;
    if (distance > greatest) [farthest, greatest] = [i, distance];
  }
  if (farthest === 0) return [first, last];
  return [
    ...simplify(points.slice(0, farthest + 1)).slice(0, -1),
    ...simplify(points.slice(farthest)),
  ];
};

const middle = (row: readonly Point[]): Point => row[row.length >> 1] ?? { x: 0, y: 0 };

const dot = (a: Point, b: Point): number => a.x * b.x + a.y * b.y;

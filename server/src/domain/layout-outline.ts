import type { Outline } from './layout.ts';
import type { Point } from './layout-path.ts';

/**
 * Outline of a section from its rows, first to last: along the first row, the rows' ends, the
 * last row and back, `margin` units outside the seats' centres. Follows curved rows.
 */
export function outlineOfRows(rows: readonly (readonly Point[])[], margin: number): Outline {
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
  const rightEnds = wide.flatMap((row) => row.at(-1) ?? []);
  const leftEnds = wide.flatMap((row) => row[0] ?? []);
  const corners = [
    ...simplify(front),
    ...simplify(rightEnds),
    ...simplify(back).reverse(),
    ...simplify(leftEnds).reverse(),
  ];
  return corners.flatMap(({ x, y }) => [Math.round(x), Math.round(y)]);
}

/** All rows in the direction of the first one. */
function alignRows(rows: readonly (readonly Point[])[]): Point[][] {
  let before: Point | undefined;
  return rows.map((row) => {
    const a = row[0] ?? { x: 0, y: 0 };
    const b = row.at(-1) ?? a;
    let direction = { x: b.x - a.x, y: b.y - a.y };
    const isReversed = before !== undefined && dot(before, direction) < 0;
    if (isReversed) direction = { x: -direction.x, y: -direction.y };
    if (row.length > 1) before = direction;
    return isReversed ? row.toReversed() : [...row];
  });
}

function widenRow(row: readonly Point[], depth: Point, margin: number): Point[] {
  const head = alongRow(row, 0, depth);
  const tail = alongRow(row, row.length - 1, depth);
  const [first = { x: 0, y: 0 }] = row;
  const last = row.at(-1) ?? first;
  return [
    { x: first.x - head.x * margin, y: first.y - head.y * margin },
    ...row,
    { x: last.x + tail.x * margin, y: last.y + tail.y * margin },
  ];
}

/** Unit vector along the row at one of its points; across the depth for a single seat. */
function alongRow(row: readonly Point[], i: number, depth: Point): Point {
  const a = row[Math.max(0, i - 1)] ?? { x: 0, y: 0 };
  const b = row[Math.min(row.length - 1, i + 1)] ?? a;
  const along = row.length > 1 ? { x: b.x - a.x, y: b.y - a.y } : { x: depth.y, y: -depth.x };
  const length = Math.hypot(along.x, along.y) || 1;
  return { x: along.x / length, y: along.y / length };
}

/** A point of the row moved by `distance` units square to the row, positive towards the depth. */
function shift(row: readonly Point[], i: number, depth: Point, distance: number): Point {
  const along = alongRow(row, i, depth);
  const normal = { x: -along.y, y: along.x };
  const signed = dot(normal, depth) < 0 ? -distance : distance;
  const point = row[i] ?? { x: 0, y: 0 };
  return { x: point.x + normal.x * signed, y: point.y + normal.y * signed };
}

/** Leaves out the points that lie within 2 units of the line between those kept. */
function simplify(points: readonly Point[]): Point[] {
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
}

function middle(row: readonly Point[]): Point {
  return row[row.length >> 1] ?? { x: 0, y: 0 };
}

function dot(a: Point, b: Point): number {
  return a.x * b.x + a.y * b.y;
}

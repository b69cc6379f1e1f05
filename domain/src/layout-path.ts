export type Point = { x: number; y: number };

/** A twentieth of the distance between neighbours (10 units): too small to see. */
const fitTolerance = 0.5;

/** Path of a run along a circle; angles in radians, one `stepAngle` between seats. */
export const arcPath = (
  centre: Point,
  radius: number,
  startAngle: number,
  stepAngle: number,
): number[] => {
  const at = (angle: number): Point => ({
    x: centre.x + radius * Math.cos(angle),
    y: centre.y + radius * Math.sin(angle),
  });
  const first = at(startAngle);
  const second = at(startAngle + stepAngle);
  return roundPath([first.x, first.y, second.x - first.x, second.y - first.y, stepAngle * 1000]);
};

/** The shortest form of a path through the points, see LayoutRun. */
export const fitPath = (points: readonly Point[]): number[] => {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return [];
  if (points.length === 1) return [round(first.x, 1), round(first.y, 1)];
  const steps = points.length - 1;
  const straight = roundPath([
    first.x,
    first.y,
    (last.x - first.x) / steps,
    (last.y - first.y) / steps,
  ]);
  if (pathFits(straight, points)) return straight;
  const curved = arcThrough(points);
  if (curved && pathFits(curved, points)) return curved;
  return points.flatMap(({ x, y }) => [round(x, 1), round(y, 1)]);
};

/** Centres of the seats of a run with this path, as x0, y0, x1, y1, … */
export const pathPoints = (path: readonly number[], count: number): number[] => {
  if (path.length > 5) return path.slice(0, 2 * count);
  let [x = 0, y = 0, dx = 0, dy = 0] = path;
  const bend = (path[4] ?? 0) / 1000;
  const cos = Math.cos(bend);
  const sin = Math.sin(bend);
  const points: number[] = [];
  for (let i = 0; i < count; i++) {
    points.push(x, y);
    x += dx;
    y += dy;
    [dx, dy] = [dx * cos - dy * sin, dx * sin + dy * cos];
  }
  return points;
};

const pathFits = (path: readonly number[], points: readonly Point[]): boolean => {
  const centres = pathPoints(path, points.length);
  return points.every(
    ({ x, y }, i) =>
      Math.hypot(x - (centres[2 * i] ?? 0), y - (centres[2 * i + 1] ?? 0)) <= fitTolerance,
  );
};

/** Circle through the first, middle and last point, with the seats at equal angles. */
const arcThrough = (points: readonly Point[]): number[] | undefined => {
  const a = points[0];
  const b = points[points.length >> 1];
  const c = points.at(-1);
  if (points.length < 3 || !a || !b || !c) return undefined;
  const [bx, by, cx, cy] = [b.x - a.x, b.y - a.y, c.x - a.x, c.y - a.y];
  const area = 2 * (bx * cy - by * cx);
  if (Math.abs(area) < 1e-9) return undefined;
  const b2 = bx * bx + by * by;
  const c2 = cx * cx + cy * cy;
  const centre = { x: a.x + (cy * b2 - by * c2) / area, y: a.y + (bx * c2 - cx * b2) / area };
  const angle = (p: Point) => Math.atan2(p.y - centre.y, p.x - centre.x);
  const turn = (from: number, to: number) => {
    const difference = (to - from) % (2 * Math.PI);
    const positive = difference < 0 ? difference + 2 * Math.PI : difference;
    return area > 0 ? positive : positive - 2 * Math.PI;
  };
  const whole = turn(angle(a), angle(b)) + turn(angle(b), angle(c));
  const radius = Math.hypot(a.x - centre.x, a.y - centre.y);
  return arcPath(centre, radius, angle(a), whole / (points.length - 1));
};

const roundPath = (path: readonly number[]): number[] =>
  path.map((value, i) => round(value, i < 2 ? 1 : 2));

const round = (value: number, decimals: number): number => {
  const unit = 10 ** decimals;
  return Math.round(value * unit) / unit + 0;
};

import { compileLayout } from '@usher/domain/layout.ts';
import { layoutFaults, overlappingSeats } from '@usher/domain/layout-faults.ts';
import { pathPoints } from '@usher/domain/layout-path.ts';
import { describe, expect, test } from 'vitest';
import { demoVenues } from './venues.ts';

const venues = demoVenues();

describe.each(venues.map((venue) => [venue.key, venue] as const))('the %s', (_, { plan }) => {
  const layout = compileLayout(plan);

  test('has a valid plan in which no two seats touch', () => {
    expect(layoutFaults(plan)).toEqual([]);
    expect(overlappingSeats(layout.x, layout.y, plan.seatSize)).toEqual([]);
  });

  test('keeps neighbours one seat apart, and all seats off the stage', () => {
    for (const [, , , , count, , path] of plan.runs) {
      const points = pathPoints(path, count);
      for (let i = 2; i < points.length; i += 2) {
        const dx = (points[i] ?? 0) - (points[i - 2] ?? 0);
        const dy = (points[i + 1] ?? 0) - (points[i - 1] ?? 0);
        expect(Math.abs(Math.hypot(dx, dy) - 10)).toBeLessThan(0.1);
      }
    }
    const seats = Array.from({ length: layout.seatCount }, (_, i) => i);
    const onStage = seats.filter((i) =>
      isInside(plan.stage.outline, layout.x[i] ?? 0, layout.y[i] ?? 0),
    );
    expect(onStage).toEqual([]);
  });

  test('draws every section around all its seats', () => {
    const seats = Array.from({ length: layout.seatCount }, (_, i) => i);
    const outside = seats.filter((i) => {
      const outline = plan.sections[layout.section[i] ?? 0]?.outline ?? [];
      return !isInside(outline, layout.x[i] ?? 0, layout.y[i] ?? 0);
    });
    expect(outside).toEqual([]);
  });

  test('has seats of every grade that it names', () => {
    expect(new Set(layout.grade).size).toBe(plan.grades.length);
  });
});

test('the arena has 20,000 seats in 50 kB, the theatre 1,000', () => {
  const [arena, theatre] = venues;
  expect(arena && compileLayout(arena.plan).seatCount).toBe(20_000);
  expect(JSON.stringify(arena?.plan).length).toBeLessThan(50_000);
  expect(theatre && compileLayout(theatre.plan).seatCount).toBe(1000);
});

test('rows are curved in every house, except on the floor of the arena', () => {
  for (const { plan } of venues) {
    const straight = plan.runs.filter(([, , , , count, , path]) => count > 1 && path.length !== 5);
    const sections = new Set(straight.map(([section]) => plan.sections[section]?.name.en ?? ''));
    expect([...sections].every((name) => name.startsWith('Floor F'))).toBe(true);
  }
});

/** Whether a point lies in a polygon, by counting the edges that a ray to the right crosses. */
const isInside = (outline: readonly number[], x: number, y: number): boolean => {
  let inside = false;
  for (let i = 0, j = outline.length - 2; i < outline.length; j = i, i += 2) {
    const [xi = 0, yi = 0] = outline.slice(i, i + 2);
    const [xj = 0, yj = 0] = outline.slice(j, j + 2);
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
};

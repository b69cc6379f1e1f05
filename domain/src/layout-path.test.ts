import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arcPath, fitPath, type Point, pathPoints } from './layout-path.ts';

const coordinate = fc.double({ min: -2000, max: 2000, noNaN: true });

/** Largest distance between the points and the seats of the path. */
const error = (path: number[], points: readonly Point[]): number => {
  const centres = pathPoints(path, points.length);
  const errors = points.map(({ x, y }, i) =>
    Math.hypot(x - (centres[2 * i] ?? Infinity), y - (centres[2 * i + 1] ?? Infinity)),
  );
  return Math.max(...errors);
};

describe('the path fitted to a run', () => {
  test('never moves a seat by more than half a unit, whatever the positions', () => {
    const points = fc.array(fc.record({ x: coordinate, y: coordinate }), { minLength: 1 });
    fc.assert(
      fc.property(points, (seats) => {
        expect(error(fitPath(seats), seats)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  test('is one short tuple for a straight row and for a curved one, at any angle', () => {
    const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
    const count = fc.integer({ min: 3, max: 60 });
    fc.assert(
      fc.property(coordinate, coordinate, angle, count, (x, y, direction, seats) => {
        const row = Array.from({ length: seats }, (_, i) => ({
          x: x + 10 * i * Math.cos(direction),
          y: y + 10 * i * Math.sin(direction),
        }));
        expect(fitPath(row)).toHaveLength(4);
      }),
    );
    const radius = fc.double({ min: 120, max: 1500, noNaN: true });
    const turn = fc.constantFrom(-1, 1);
    fc.assert(
      fc.property(coordinate, coordinate, radius, angle, turn, (x, y, r, start, sign) => {
        const row = Array.from({ length: 25 }, (_, i) => ({
          x: x + r * Math.cos(start + (sign * i * 10) / r),
          y: y + r * Math.sin(start + (sign * i * 10) / r),
        }));
        expect(fitPath(row)).toHaveLength(5);
      }),
    );
  });

  test('gives every seat a separate position if the row is neither straight nor round', () => {
    const zigzag = [0, 1, 2, 3, 4].map((i) => ({ x: i * 10, y: (i % 2) * 4 }));
    expect(fitPath(zigzag)).toEqual([0, 0, 10, 4, 20, 0, 30, 4, 40, 0]);
  });
});

test('an arc keeps its seats within a tenth of a seat of the circle for the widest blocks', () => {
  const path = arcPath({ x: 700, y: 700 }, 600, 0.3, 10 / 600);
  const centres = pathPoints(path, 60);
  for (let i = 0; i < 60; i++) {
    const radius = Math.hypot((centres[2 * i] ?? 0) - 700, (centres[2 * i + 1] ?? 0) - 700);
    expect(Math.abs(radius - 600)).toBeLessThan(1);
  }
});

describe('a path', () => {
  test('has no more points than the run has seats', () => {
    expect(pathPoints([0, 0, 10, 0], 3)).toEqual([0, 0, 10, 0, 20, 0]);
    expect(pathPoints([0, 0, 10, 0], 0)).toEqual([]);
  });

  test('through no seats is empty, through one its place, and through three a circle', () => {
    expect(fitPath([])).toEqual([]);
    expect(fitPath([{ x: 1.25, y: 2 }])).toEqual([1.3, 2]);
    const three = [-0.4, 0, 0.4].map((angle) => ({
      x: 30 * Math.sin(angle),
      y: 30 * Math.cos(angle),
    }));
    expect(fitPath(three)).toHaveLength(5);
  });

  test('is written with tenths for its place and hundredths for its steps', () => {
    const path = arcPath({ x: 0.123, y: 0.456 }, 100, 0, 0.1);
    expect(path).toEqual([100.1, 0.5, -0.5, 9.98, 100]);
  });
});

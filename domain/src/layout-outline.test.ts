import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outlineOfRows } from './layout-outline.ts';
import type { Point } from './layout-path.ts';

const margin = 5;

const cornersOf = (rows: readonly (readonly Point[])[]): Point[] => {
  const outline = outlineOfRows(rows, margin);
  return Array.from({ length: outline.length / 2 }, (_, i) => ({
    x: outline[2 * i] ?? Number.NaN,
    y: outline[2 * i + 1] ?? Number.NaN,
  }));
};

const edgesOf = (corners: readonly Point[]): [Point, Point][] =>
  corners.map((corner, i) => [corner, corners[(i + 1) % corners.length] ?? corner]);

const isInside = ({ x, y }: Point, corners: readonly Point[]): boolean =>
  edgesOf(corners).filter(
    ([a, b]) => a.y > y !== b.y > y && x < a.x + ((b.x - a.x) * (y - a.y)) / (b.y - a.y),
  ).length %
    2 ===
  1;

const straight = (count: number, y: number, from = 0): Point[] =>
  Array.from({ length: count }, (_, i) => ({ x: from + 10 * i, y }));
const curved = (count: number, radius: number): Point[] =>
  Array.from({ length: count }, (_, i) => {
    const angle = ((i - (count - 1) / 2) * 10) / radius;
    return { x: radius * Math.sin(angle), y: radius * Math.cos(angle) };
  });

describe('the outline of a section', () => {
  test('is a rectangle around straight rows of one length, whichever way each is listed', () => {
    const rows = [straight(3, 0), straight(3, 10), straight(3, 20)];
    const rectangle = [
      { x: 25, y: -5 },
      { x: 25, y: 25 },
      { x: -5, y: 25 },
      { x: -5, y: -5 },
    ];
    expect(cornersOf(rows)).toEqual(rectangle);
    const alternating = rows.map((row, i) => (i % 2 === 1 ? row.toReversed() : row));
    expect(cornersOf(alternating)).toEqual(rectangle);
    expect(cornersOf([straight(3, 0), [], straight(3, 10), straight(3, 20)])).toEqual(rectangle);
    const backwards = cornersOf(rows.map((row) => row.toReversed()));
    expect(backwards).toHaveLength(4);
    expect(backwards).toEqual(expect.arrayContaining(rectangle));
  });

  test('is a rectangle around rows that lie towards the stage one after the other', () => {
    const corners = cornersOf([straight(3, 20), straight(3, 10), straight(3, 0)]);
    expect(corners).toHaveLength(4);
    expect(corners).toEqual(
      expect.arrayContaining([
        { x: -5, y: -5 },
        { x: 25, y: 25 },
      ]),
    );
  });

  test('is a square around a single seat, and nothing around none', () => {
    const square = [
      { x: -5, y: -5 },
      { x: 5, y: -5 },
      { x: 5, y: 5 },
      { x: -5, y: 5 },
    ];
    expect(cornersOf([straight(1, 0)])).toHaveLength(4);
    expect(cornersOf([straight(1, 0)])).toEqual(expect.arrayContaining(square));
    expect(cornersOf([])).toEqual([]);
    expect(cornersOf([[]])).toEqual([]);
  });

  test('goes straight past a shorter row, and around a longer one', () => {
    const notched = cornersOf([straight(5, 0), straight(3, 10), straight(5, 20)]);
    expect(notched).toHaveLength(4);
    const bulging = cornersOf([straight(3, 0, 10), straight(5, 10), straight(3, 20, 10)]);
    expect(bulging.length).toBeGreaterThan(4);
    expect(Math.max(...bulging.map(({ x }) => x))).toBe(45);
    expect(Math.min(...bulging.map(({ x }) => x))).toBe(-5);
  });

  test('follows curved rows on both sides', () => {
    const rows = [curved(30, 200), curved(32, 212), curved(34, 224)];
    const corners = cornersOf(rows);
    expect(corners.length).toBeGreaterThan(8);
    for (const corner of corners) {
      const nearest = Math.min(
        ...rows.flat().map((seat) => Math.hypot(seat.x - corner.x, seat.y - corner.y)),
      );
      expect(nearest).toBeLessThan(2 * margin);
    }
  });

  test('has the centre of every seat inside, in straight and in curved rows', () => {
    const rowOf = fc.record({ more: fc.nat(2), isReversed: fc.boolean() });
    const shape = fc.record({
      rows: fc.array(rowOf, { minLength: 1, maxLength: 8 }),
      count: fc.integer({ min: 4, max: 30 }),
      radius: fc.integer({ min: 150, max: 600 }),
      isStraight: fc.boolean(),
    });
    fc.assert(
      fc.property(shape, ({ rows, count: least, radius, isStraight }) => {
        const placed = rows.map(({ more, isReversed }, i) => {
          const count = least + more;
          const row = isStraight
            ? straight(count, 12 * i, -5 * (count - 1))
            : curved(count, radius + 12 * i);
          return isReversed ? row.toReversed() : row;
        });
        const corners = cornersOf(placed);
        for (const seat of placed.flat()) expect(isInside(seat, corners)).toBe(true);
      }),
    );
  });
});

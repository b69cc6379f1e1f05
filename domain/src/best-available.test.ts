import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BestAvailableRequest,
  bestAvailable,
  chooseForBatch,
  makeBestAvailableIndex,
} from './best-available.ts';
import { compileLayout, type Layout } from './layout.ts';
import { strandedChecks, strandsSeat } from './stranded.ts';

const rows = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 8,
});
const house = rows.map((counts) => compileLayout(sampleHouse(counts, (row) => row % 3)));
/** A share of seats sold, in a fixed pattern, from an empty venue to a full one. */
const sales = fc.record({ share: fc.nat(10), salt: fc.nat(1000) });
const request = fc.record({ grade: fc.nat(2), count: fc.integer({ min: 1, max: 4 }) });

const freeSeats = ({ seatCount }: Layout, { share, salt }: { share: number; salt: number }) =>
  Array.from({ length: seatCount }, (_, i) => ((i + salt) * 7919) % 10 >= share);

const windowsOf = (candidates: Int32Array, count: number): number[][] =>
  Array.from({ length: candidates.length / count }, (_, i) => [
    ...candidates.subarray(i * count, (i + 1) * count),
  ]);

/** All windows of the request, best first, found by checking every seat. */
const reference = (layout: Layout, free: boolean[], { grade, count }: BestAvailableRequest) => {
  const { focus } = layout.document.stage;
  const windows = [];
  for (let start = 0; start + count <= layout.seatCount; start++) {
    const seats = Array.from({ length: count }, (_, i) => start + i);
    const fits = seats.every(
      (seat) =>
        free[seat] && layout.grade[seat] === grade && layout.run[seat] === layout.run[start],
    );
    if (!fits) continue;
    const distances = seats.map((seat) =>
      Math.hypot((layout.x[seat] ?? 0) - focus.x, (layout.y[seat] ?? 0) - focus.y),
    );
    const distance = distances.reduce((sum, d) => sum + d, 0);
    const strands = strandsSeat(strandedChecks(layout, seats), (seat) => free[seat] === true);
    windows.push({ seats, distance, strands });
  }
  return windows;
};

describe('the best available seats for one request', () => {
  test('are the nearest that strand no seat, otherwise the nearest, as in a full search', () => {
    fc.assert(
      fc.property(house, sales, request, (layout, sold, wish) => {
        const free = freeSeats(layout, sold);
        const index = makeBestAvailableIndex(layout);
        const found = bestAvailable(index, (seat) => free[seat] === true, wish, 0);
        const all = reference(layout, free, wish);
        const pool = all.some(({ strands }) => !strands) ? all.filter((w) => !w.strands) : all;
        const nearest = Math.min(...pool.map(({ distance }) => distance));
        const chosen = pool.find(({ seats }) => `${seats}` === `${[...found]}`);
        expect(found).toHaveLength(all.length === 0 ? 0 : wish.count);
        if (all.length > 0) expect(chosen?.distance).toBeCloseTo(nearest, 6);
      }),
      { numRuns: 500 },
    );
  });

  test('come with every other free window if all are requested', () => {
    fc.assert(
      fc.property(house, sales, request, (layout, sold, wish) => {
        const free = freeSeats(layout, sold);
        const index = makeBestAvailableIndex(layout);
        const found = bestAvailable(index, (seat) => free[seat] === true, wish, 1000);
        const windows = windowsOf(found, wish.count).map((seats) => `${seats}`);
        const all = reference(layout, free, wish).map(({ seats }) => `${seats}`);
        expect(windows.toSorted()).toEqual(all.toSorted());
      }),
    );
  });
});

describe('the best available seats for a batch', () => {
  test('are free, adjacent, in one run and of the requested grade', () => {
    fc.assert(
      fc.property(house, sales, fc.array(request), fc.nat(4), (layout, sold, wishes, most) => {
        const free = freeSeats(layout, sold);
        const index = makeBestAvailableIndex(layout);
        const all = chooseForBatch(index, (seat) => free[seat] === true, wishes, most);
        expect(all).toHaveLength(wishes.length);
        for (const [i, { grade, count }] of wishes.entries()) {
          const windows = windowsOf(all[i] ?? new Int32Array(), count);
          expect(windows.length).toBeLessThanOrEqual(1 + most);
          for (const seats of windows) {
            const [first = -1] = seats;
            expect(seats).toEqual(seats.map((_, place) => first + place));
            expect(seats.every((seat) => free[seat])).toBe(true);
            expect(new Set(seats.map((seat) => layout.run[seat])).size).toBe(1);
            expect(new Set(seats.map((seat) => layout.grade[seat]))).toEqual(new Set([grade]));
          }
        }
      }),
    );
  });

  test('share no seat of a first choice while the later request has another window', () => {
    fc.assert(
      fc.property(house, sales, fc.array(request), (layout, sold, wishes) => {
        const free = freeSeats(layout, sold);
        const index = makeBestAvailableIndex(layout);
        const all = chooseForBatch(index, (seat) => free[seat] === true, wishes, 2);
        const left = [...free];
        for (const [i, wish] of wishes.entries()) {
          const first = all[i]?.subarray(0, wish.count) ?? new Int32Array();
          const isDisjoint = first.length > 0 && first.every((seat) => left[seat]);
          expect(isDisjoint).toBe(reference(layout, left, wish).length > 0);
          if (isDisjoint) for (const seat of first) left[seat] = false;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('leave no request without a candidate while the grade has a free window', () => {
    fc.assert(
      fc.property(house, sales, fc.array(request), (layout, sold, wishes) => {
        const free = freeSeats(layout, sold);
        const index = makeBestAvailableIndex(layout);
        const all = chooseForBatch(index, (seat) => free[seat] === true, wishes, 2);
        for (const [i, wish] of wishes.entries()) {
          expect(all[i]?.length !== 0).toBe(reference(layout, free, wish).length > 0);
        }
      }),
    );
  });

  test('fall back to no other request’s first choice while stock lasts', () => {
    const layout = compileLayout(sampleHouse(Array.from({ length: 10 }, () => [20, 20])));
    const wishes = Array.from({ length: 20 }, () => ({ grade: 0, count: 2 }));
    const all = chooseForBatch(makeBestAvailableIndex(layout), () => true, wishes, 3);
    const seats = all.flatMap((candidates) => [...candidates]);
    expect(seats).toHaveLength(20 * 2 * 4);
    expect(new Set(seats).size).toBe(seats.length);
  });

  test('fall back to the first seat of the plan, too', () => {
    const index = makeBestAvailableIndex(compileLayout(sampleHouse([[4]])));
    const one = { grade: 0, count: 1 };
    const all = chooseForBatch(index, () => true, [one, one], 1);
    expect(all.flatMap((candidates) => [...candidates]).toSorted()).toEqual([0, 1, 2, 3]);
  });

  test('leave out a window that a request of another size has taken meanwhile', () => {
    const index = makeBestAvailableIndex(compileLayout(sampleHouse([[3], [3]])));
    const [one, two] = [1, 2].map((count) => ({ grade: 0, count }));
    if (one === undefined || two === undefined) throw new Error('assertion failed: two sizes');
    const all = chooseForBatch(index, () => true, [one, two, one, one, one], 0);
    const seats = all.flatMap((candidates) => [...candidates]);
    expect(seats.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('rank the windows of a size once for all performances on the plan', () => {
    const index = makeBestAvailableIndex(compileLayout(sampleHouse([[30]])));
    expect(index.rankedWindows(0, 20)).toHaveLength(11);
    expect(index.rankedWindows(0, 20)).toBe(index.rankedWindows(0, 20));
  });

  test('throw for a party larger than the index supports, a bug of the caller', () => {
    const index = makeBestAvailableIndex(compileLayout(sampleHouse([[30]])));
    for (const count of [0, 21, 1.5]) {
      expect(() => bestAvailable(index, () => true, { grade: 0, count }, 1)).toThrow(RangeError);
    }
  });
});

import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileLayout } from './layout.ts';
import { strandedChecks, strandsSeat } from './stranded.ts';

/**
 * One row drawn as text: `.` free, `x` taken, `o` free and requested, `|` an aisle. A request
 * strands a seat if a single `.` touches requested seats whose other side is free.
 */
const strandsByReading = (row: string): boolean => {
  const walled = `|${row}|`;
  return /[xo|]\.o+\./.test(walled) || /\.o+\.[xo|]/.test(walled);
};

const strandsByRule = (row: string): boolean => {
  const runs = row.split('|');
  const seats = runs.join('');
  const layout = compileLayout(sampleHouse([runs.map((run) => run.length)]));
  const requested = [...seats].flatMap((seat, seatNo) => (seat === 'o' ? [seatNo] : []));
  return strandsSeat(strandedChecks(layout, requested), (seatNo) => seats[seatNo] !== 'x');
};

describe('the stranded-seat rule', () => {
  test('gives the same result as reading the row seat by seat, for any request and sales', () => {
    const run = fc.string({
      unit: fc.constantFrom('.', '.', 'x', 'o'),
      minLength: 1,
      maxLength: 9,
    });
    const row = fc.array(run, { minLength: 1, maxLength: 3 }).map((runs) => runs.join('|'));
    fc.assert(
      fc.property(row, (drawn) => {
        expect(strandsByRule(drawn)).toBe(strandsByReading(drawn));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['.oo.......', true, 'one seat left beside the wall'],
    ['xx.oo.....', true, 'one seat left beside a taken one'],
    ['..oo......', false, 'two seats left beside the wall'],
    ['oo........', false, 'the party sits at the wall'],
    ['x.oox', false, 'three free for two: every placement leaves one'],
    ['|.oo|', false, 'three free between aisles for two'],
    ['x.oo.x', true, 'four free for two: shifting by one leaves none alone'],
    ['..o.o...', true, 'a hole between the party’s own seats'],
    ['xo.ox', false, 'a hole, but three were free for two'],
    ['....oo.|..', true, 'one seat left beside an aisle'],
  ])('%s → %s: %s', (row, strands) => {
    const drawn = row.replace(/^\||\|$/g, '');
    expect(strandsByRule(drawn)).toBe(strands);
    expect(strandsByReading(drawn)).toBe(strands);
  });

  test('makes at most two checks for a party that sits together, none at a wall', () => {
    const layout = compileLayout(sampleHouse([[10]]));
    expect(strandedChecks(layout, [3, 4])).toEqual([
      { mid: 2, far: 1, opposite: 5 },
      { mid: 5, far: 6, opposite: 2 },
    ]);
    expect(strandedChecks(layout, [1, 2])).toEqual([
      { mid: 0, far: -1, opposite: 3 },
      { mid: 3, far: 4, opposite: 0 },
    ]);
    expect(strandedChecks(layout, [0, 1])).toEqual([]);
  });
});

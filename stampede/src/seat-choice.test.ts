import { compileLayout } from '@usher/domain/layout.ts';
import { makeRandom } from '@usher/domain/random.ts';
import { makeSeatBits, seatState, setSeatState } from '@usher/domain/seat-bits.ts';
import { sampleHouse } from '@usher/tests/support/sample-house.ts';
import { expect, test } from 'vitest';
import { countSeats, makeSeatChoice } from './seat-choice.ts';

/** Two rows of ten; the third has an aisle after its fourth seat. */
const layout = compileLayout(sampleHouse([[10], [10], [4, 6]], () => 0));

test('chosen seats are free, adjacent in one run, and as many as wanted', () => {
  const choice = makeSeatChoice(layout, 1.1);
  const random = makeRandom(5);
  const bits = makeSeatBits(layout.seatCount);
  for (let taken = 0; ; ) {
    const count = 1 + random.below(4);
    const seats = choice.choose(bits, count, random);
    if (seats === null) {
      if (count > 1) continue;
      expect(countSeats(bits, layout.seatCount)).toMatchObject({ free: 0, held: taken });
      return;
    }
    expect(seats).toHaveLength(count);
    expect(new Set(seats.map((seatNo) => layout.run[seatNo])).size).toBe(1);
    for (const [i, seatNo] of seats.entries()) {
      expect(seatNo).toBe((seats[0] ?? 0) + i);
      setSeatState(bits, seatNo, seatState.HELD);
    }
    taken += count;
    // Throws for a seat that was chosen twice: it would be counted once.
    expect(countSeats(bits, layout.seatCount).held).toBe(taken);
  }
});

test('nothing is offered if no run has enough adjacent free seats', () => {
  const bits = makeSeatBits(layout.seatCount);
  for (let seatNo = 0; seatNo < layout.seatCount; seatNo += 2)
    setSeatState(bits, seatNo, seatState.SOLD);
  const choice = makeSeatChoice(layout, 1.1);
  expect(choice.choose(bits, 2, makeRandom(6))).toBeNull();
  expect(choice.choose(bits, 1, makeRandom(6))).toHaveLength(1);
});

test('the seats nearest to the stage are wanted most', () => {
  const choice = makeSeatChoice(layout, 1.1);
  const random = makeRandom(7);
  const wanted = new Array<number>(layout.seatCount).fill(0);
  const free = makeSeatBits(layout.seatCount);
  for (let i = 0; i < 5000; i++) {
    const [seatNo = 0] = choice.choose(free, 1, random) ?? [];
    wanted[seatNo] = (wanted[seatNo] ?? 0) + 1;
  }
  const row = (first: number): number =>
    wanted.slice(first, first + 10).reduce((sum, count) => sum + count, 0);
  expect(row(0)).toBeGreaterThan(row(10));
  expect(row(10)).toBeGreaterThan(row(20));
});

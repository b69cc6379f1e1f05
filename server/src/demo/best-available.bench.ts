import { chooseForBatch, makeBestAvailableIndex } from '@usher/domain/best-available.ts';
import { compileLayout } from '@usher/domain/layout.ts';
import { makeSeatBits, seatState, seatStateAt, setSeatState } from '@usher/domain/seat-bits.ts';
import { describe, test } from 'vitest';
import { arenaPlan } from './arena.ts';

const layout = compileLayout(arenaPlan());
const index = makeBestAvailableIndex(layout);
const crowd = Array.from({ length: 300 }, (_, i) => ({
  grade: i % 5,
  count: 1 + ((i * 7) % 4),
}));
// An import is a getter here, ten times slower than what it gets.
const [stateAt, free] = [seatStateAt, seatState.FREE];
const [choose, sold] = [chooseForBatch, seatState.SOLD];
for (const { grade, count } of crowd) index.rankedWindows(grade, count);

describe.each([0, 50, 95])('20,000 seats, %i sold in a hundred', (percent) => {
  const bits = makeSeatBits(layout.seatCount);
  for (let seatNo = 0; seatNo < layout.seatCount; seatNo++) {
    // A multiplicative hash spreads the sales without a random source.
    const isSold = ((seatNo * 2_654_435_761) % 4_294_967_296) / 42_949_673 < percent;
    if (isSold) setSeatState(bits, seatNo, sold);
  }
  const isFree = (seatNo: number) => stateAt(bits, seatNo) === free;

  test('a batch of 300 requests, then a lone one', async ({ bench }) => {
    await bench('300 requests, 3 fallbacks', () => {
      choose(index, isFree, crowd, 3);
    }).run();
    await bench('one request for 2 seats, 3 fallbacks', () => {
      choose(index, isFree, [{ grade: 2, count: 2 }], 3);
    }).run();
  });
});

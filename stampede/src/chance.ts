import type { Random } from '@usher/domain/random.ts';

/** Between two bounds, small values more often than large ones, as people's pauses are. */
export const drawPauseMs = (random: Random, fromMs: number, toMs: number): number =>
  fromMs + (toMs - fromMs) * random.next() ** 2;

/**
 * Draws ranks 0 … count - 1, rank r with a weight of 1 / (r + 1)^exponent: with 1.1 the first of
 * 2,000 seats is wanted by every sixth person.
 */
export const makeZipf = (count: number, exponent: number): ((random: Random) => number) => {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  return (random) => {
    const drawn = random.next() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) <= drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

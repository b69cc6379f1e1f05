/** Chance from a seed: the same seed gives the same people with the same whims. */
export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, end). */
  below(end: number): number;
  chance(share: number): boolean;
  /** Between two bounds, small values more often than large ones, as people's pauses are. */
  pauseMs(fromMs: number, toMs: number): number;
};

/** `stream` numbers the people of one seed, so that nobody's luck hangs on who asked before. */
export const makeRandom = (seed: number, stream = 0): Random => {
  let state = mix((seed ^ Math.imul(stream + 1, 0x9e37_79b9)) >>> 0);
  const next = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0;
    return mix(state) / 0x1_0000_0000;
  };
  return {
    next,
    below: (end) => Math.floor(next() * end),
    chance: (share) => next() < share,
    pauseMs: (fromMs, toMs) => fromMs + (toMs - fromMs) * next() ** 2,
  };
};

/** Spreads every bit of a 32-bit number over all bits (the finaliser of splitmix32). */
function mix(number: number): number {
  let z = number;
  z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

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

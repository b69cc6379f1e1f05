/**
 * Pseudorandom numbers, the same for the same seed: for simulated people and events, and for tests.
 * Never use them for anything that must not be guessed.
 */
export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, end). */
  below(end: number): number;
  chance(share: number): boolean;
};

/** `stream` numbers the people of a seed, so that nobody's numbers depend on the order of calls. */
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
  };
};

/** Spreads every bit of a 32-bit number over all bits (the finaliser of splitmix32). */
const mix = (number: number): number => {
  let z = number;
  z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
  return (z ^ (z >>> 15)) >>> 0;
};

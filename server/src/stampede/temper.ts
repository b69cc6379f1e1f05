import type { Random } from './random.ts';

/** What kind of person somebody is; drawn once, from the seed. */
export type Temper = {
  /** Seats wanted together. */
  party: number;
  chooses: 'on the map' | 'best available';
  /** Lost races until this one goes home. */
  triesMax: number;
  /** With seats in hand: most pay, some think better of it, some just close the page. */
  withHold: 'pays' | 'releases' | 'walks away';
  /** In the payment window, at the first try. */
  inWindow: 'pays' | 'card declined' | 'slow bank' | 'closes it' | 'closes it for good';
};

/** Shares of a hundred; parties as at a musical, mostly couples. */
const parties = [
  [25, 1],
  [45, 2],
  [12, 3],
  [18, 4],
] as const;
const withHold = [
  [93, 'pays'],
  [4, 'releases'],
  [3, 'walks away'],
] as const;
const inWindow = [
  [88, 'pays'],
  [5, 'card declined'],
  [3, 'slow bank'],
  [3, 'closes it'],
  [1, 'closes it for good'],
] as const;

const bestAvailableShare = 0.3;

export const drawTemper = (random: Random): Temper => ({
  party: drawFrom(parties, random),
  chooses: random.chance(bestAvailableShare) ? 'best available' : 'on the map',
  triesMax: 5 + random.below(11),
  withHold: drawFrom(withHold, random),
  inWindow: drawFrom(inWindow, random),
});

function drawFrom<T>(shares: readonly (readonly [number, T])[], random: Random): T {
  let left = random.below(shares.reduce((sum, [share]) => sum + share, 0));
  for (const [share, value] of shares) {
    if (left < share) return value;
    left -= share;
  }
  throw new Error('assertion failed: the shares cover what was drawn');
}

import type { Random } from '@usher/domain/random.ts';
import { drawPauseMs } from './chance.ts';

/** What kind of person a buyer is; drawn once, from the seed. */
export type Temper = {
  /** Adjacent seats wanted. */
  party: number;
  chooses: 'on the map' | 'best available';
  /** Lost races until this person goes home. */
  triesMax: number;
  /** With seats held: most pay, some change their mind, some just close the page. */
  withHold: 'pays' | 'releases' | 'walks away';
  /** In the payment window, at the first try. */
  inWindow: 'pays' | 'card declined' | 'slow bank' | 'closes it' | 'closes it for good';
};

/** In the waiting room; drawn after the rest, so that a seed gives the same rest as without it. */
export type RoomTemper = {
  /** `is late`: is away exactly when the turn comes, and back when the call has expired. */
  inLine: 'stays' | 'hides the tab' | 'is late' | 'closes the phone' | 'gives up';
  besides: 'nothing' | 'a second tab' | 'a second device';
  /** After this time in the room, in people's time. */
  afterMs: number;
  /** How long the tab is hidden, in people's time. */
  hiddenMs: number;
};

/** Percentages; parties as at a musical, mostly couples. */
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
const inLine = [
  [64, 'stays'],
  [20, 'hides the tab'],
  [6, 'is late'],
  [5, 'closes the phone'],
  [5, 'gives up'],
] as const;
const besides = [
  [80, 'nothing'],
  [13, 'a second tab'],
  [7, 'a second device'],
] as const;

const bestAvailableShare = 0.3;
const minuteMs = 60_000;

export const drawTemper = (random: Random): Temper => ({
  party: drawFrom(parties, random),
  chooses: random.chance(bestAvailableShare) ? 'best available' : 'on the map',
  triesMax: 5 + random.below(11),
  withHold: drawFrom(withHold, random),
  inWindow: drawFrom(inWindow, random),
});

export const drawRoomTemper = (random: Random): RoomTemper => ({
  inLine: drawFrom(inLine, random),
  besides: drawFrom(besides, random),
  afterMs: drawPauseMs(random, minuteMs, 20 * minuteMs),
  hiddenMs: drawPauseMs(random, minuteMs / 2, 8 * minuteMs),
});

const drawFrom = <T>(shares: readonly (readonly [number, T])[], random: Random): T => {
  let left = random.below(shares.reduce((sum, [share]) => sum + share, 0));
  for (const [share, value] of shares) {
    if (left < share) return value;
    left -= share;
  }
  throw new Error('assertion failed: the shares cover what was drawn');
};

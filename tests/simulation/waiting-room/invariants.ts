import { crashesLoseNothing, numbersAreUnique } from './invariants.numbers.ts';
import { aPinnedPassLives, onePlaceEach, refusesOldTokens } from './invariants.people.ts';
import {
  absenceDelaysLittle,
  firstComeFirstServed,
  lateGoFirst,
  neverOverCap,
  pausedReleasesNobody,
  withinTheRate,
} from './invariants.releases.ts';
import type { Run } from './steps.ts';
import type { Breach } from './witness.ts';

/**
 * The promises of the waiting room, by number, each a pure check of the record of a run. Two are
 * elsewhere: 7 is about the draw (invariants.draw.ts), 10 about the load of polling
 * (domain/src/room/poll-policy.test.ts).
 * Of 8 the stores know epochs and ends; forged and foreign tokens are refused before (tests/http).
 */
export const promises: ReadonlyMap<number, (run: Run) => Breach[]> = new Map([
  [1, numbersAreUnique],
  [2, neverOverCap],
  [3, withinTheRate],
  [4, lateGoFirst],
  [5, onePlaceEach],
  [6, crashesLoseNothing],
  [8, refusesOldTokens],
  [9, absenceDelaysLittle],
  [11, pausedReleasesNobody],
  [12, aPinnedPassLives],
  [13, firstComeFirstServed],
]);

/** Every promise that the run broke, where and how. */
export const breachesOf = (run: Run): Breach[] =>
  [...promises.values()].flatMap((isKept) => isKept(run));

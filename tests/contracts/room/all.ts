import { changePromises } from './changes.ts';
import { passPromises } from './passes.ts';
import { placePromises } from './places.ts';
import type { RoomPromise } from './stage.ts';
import { tickPromises } from './ticks.ts';
import { turnPromises } from './turns.ts';

/** Everything that a store of rooms promises, by what it is about. */
export const roomPromises: Readonly<Record<string, readonly RoomPromise[]>> = {
  places: placePromises,
  turns: turnPromises,
  passes: passPromises,
  ticks: tickPromises,
  changes: changePromises,
};

import type { Place } from '@usher/contract/waiting-room.ts';

/** A place as its holder received it. Instants are those of the run's monotonic clock. */
type PlaceTold = {
  entry: number;
  key: string;
  /** Null until the draw. */
  number: number | null;
  /** When joining was first requested, and when the response came. */
  joinAskedMs: number;
  joinToldMs: number;
};

/** Everything that one person saw of the waiting room. */
export type Visit = {
  /** The newest last; earlier ones had ended when the next was given. */
  places: PlaceTold[];
  /** What a response said about a place and what contradicts an earlier one. */
  changes: string[];
  /** How often the place was requested again, by another tab or device or after a loss. */
  askedAgain: number;
  /** Was present all the time: no hidden tab, no phone in the pocket. */
  hasStayed: boolean;
  /** When this person last asked whether it is their turn, if the answer was no. */
  notYetAskedMs: number | null;
  /** A claim that was too late according to the server: when it was first requested. */
  lateAskedMs: number | null;
  /** When its response came, by the server's clock as far as it is known here. */
  lateToldAtMs: number | null;
  /** When the pass was received. */
  passToldMs: number | null;
  /** The interval in which this person certainly held a slot: called or with a pass. */
  slots: Slot[];
};
export type Slot = { fromMs: number; toMs: number };

export const makeVisit = (): Visit => ({
  places: [],
  changes: [],
  askedAgain: 0,
  hasStayed: true,
  notYetAskedMs: null,
  lateAskedMs: null,
  lateToldAtMs: null,
  passToldMs: null,
  slots: [],
});

/**
 * Records what a response says about the place. `mayBeNew`: the previous one has ended, so another
 * one is not a change.
 */
export const notePlace = (
  visit: Visit,
  told: Pick<Place, 'number' | 'receipt'>,
  when: { askedMs: number; toldMs: number; mayBeNew: boolean },
): void => {
  const { number, receipt } = told;
  const known = visit.places.at(-1);
  const isSame = known?.entry === receipt.entry;
  if (known === undefined || (!isSame && when.mayBeNew)) {
    const { entry, key } = receipt;
    const { askedMs: joinAskedMs, toldMs: joinToldMs } = when;
    visit.places.push({ entry, key, number, joinAskedMs, joinToldMs });
    return;
  }
  if (!isSame) visit.changes.push(`entry ${known.entry}, then ${receipt.entry}`);
  else if (known.key !== receipt.key) visit.changes.push(`entry ${known.entry}: another key`);
  if (known.number === null) known.number = number;
  else if (number !== known.number) visit.changes.push(`number ${known.number}, then ${number}`);
};

/** From now on this person has a slot, until `endSlot` or `byMs`, whichever is first. */
export const beginSlot = (visit: Visit, fromMs: number, byMs: number): void => {
  const last = visit.slots.at(-1);
  if (last !== undefined && last.toMs >= fromMs) last.toMs = Math.max(last.toMs, byMs);
  else visit.slots.push({ fromMs, toMs: byMs });
};

/** A call was sent that may have ended it: after this nothing is certain. */
export const endSlot = (visit: Visit, askedMs: number): void => {
  const last = visit.slots.at(-1);
  if (last !== undefined) last.toMs = Math.max(last.fromMs, Math.min(last.toMs, askedMs));
};

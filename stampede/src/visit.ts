import type { Place } from '@usher/contract/waiting-room.ts';

/** A place as its holder received it. Instants are those of the run's monotonic clock. */
type PlaceTold = {
  entry: number;
  key: string;
  /** Null until the draw. */
  number: number | null;
  /** When coming in was asked for first, and when it was answered. */
  joinAskedMs: number;
  joinToldMs: number;
};

/** All that one person saw of the waiting room. */
export type Visit = {
  /** The newest last; those before it were over when the next was given. */
  places: PlaceTold[];
  /** What was said of a place and does not fit what was said before. */
  changes: string[];
  /** How often the place was requested again, by another tab or device or after a loss. */
  askedAgain: number;
  /** Was there all the time: no hidden tab, no phone in the pocket. */
  hasStayed: boolean;
  /** When it was asked last whether it is the turn, if the answer was no. */
  notYetAskedMs: number | null;
  /** A claim that came too late by the server's word: when it was asked for first. */
  lateAskedMs: number | null;
  /** When that was answered, by the server's clock as far as it is known here. */
  lateToldAtMs: number | null;
  /** When the pass was in hand. */
  passToldMs: number | null;
  /** From when to when this person held a slot for certain: called or with a pass. */
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
 * Notes what an answer says of the place. `mayBeNew`: the one before is over, so that another is
 * no change of it.
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

/** From now on a slot is this person's, until `endSlot` or `byMs`, whatever comes first. */
export const beginSlot = (visit: Visit, fromMs: number, byMs: number): void => {
  const last = visit.slots.at(-1);
  if (last !== undefined && last.toMs >= fromMs) last.toMs = Math.max(last.toMs, byMs);
  else visit.slots.push({ fromMs, toMs: byMs });
};

/** Something was asked for that may have ended it: after this nothing is certain. */
export const endSlot = (visit: Visit, askedMs: number): void => {
  const last = visit.slots.at(-1);
  if (last !== undefined) last.toMs = Math.max(last.fromMs, Math.min(last.toMs, askedMs));
};

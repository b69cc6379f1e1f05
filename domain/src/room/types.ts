import type { LocalText } from '../text.ts';

/**
 * The words of a waiting room's state. A person is 8 bytes that only this installation can make of
 * an account and a show. A person who joins gets the next `entry` (0, 1, 2 …). Entries before the
 * draw get their number by the draw, entry + 1 is the number of later ones (domain/draw.ts), so
 * that no row moves at the draw. WAITING and CALLED are derived from number and front.
 */
export type PersonKey = Uint8Array;

/** `sealed`: the draw is being made; people are shown `lobby` meanwhile (shownPhase). */
export type RoomPhase = ShownRoomPhase | 'sealed';
export const shownRoomPhases = ['idle', 'lobby', 'open', 'draining', 'closed'] as const;
type ShownRoomPhase = (typeof shownRoomPhases)[number];
export const roomOverrides = ['none', 'paused', 'bypass', 'reject'] as const;
export type RoomOverride = (typeof roomOverrides)[number];

/** All durations in ms; the defaults are those of waiting-room.md and product.md. */
export type RoomTerms = {
  /** 250: the shortest time between two ticks that do something. */
  tickMs: number;
  /** 30,000: who is called and does not claim becomes LATE. */
  claimWindowMs: number;
  /** 600,000: a pass that is not used ends. */
  passTtlMs: number;
  /** 1,800,000: no pass lasts longer, unless its order is being paid. */
  passMaxMs: number;
  /** 30,000: presence is kept for one to two of these. */
  presenceMs: number;
  /** 4,096: numbers that the front may pass in one tick. */
  windowNumbers: number;
};

/** What of a room must outlive every store: kept in PostgreSQL by the service, too. */
export type RoomControl = {
  rev: number;
  /** Raised by a recovery that may have lost something, and by revoking passes. */
  epoch: number;
  /** Passes of lower epochs are refused. */
  passEpoch: number;
  phase: RoomPhase;
  override: RoomOverride;
  /** When the override ends by itself; 0: it does not. */
  overrideUntilMs: number;
  ratePerMinute: number;
  activeMax: number;
  lobbyAtMs: number;
  opensAtMs: number;
  message: LocalText | null;
  pollMultiplier: number;
  /** Entries that take part in the draw; frozen by `seal`, 0 before. */
  drawEntries: number;
  /** Hex; '' before the draw. */
  seed: string;
  root: string;
  drawnAtMs: number;
};

type RoomCounts = {
  /** The store's clock. */
  nowMs: number;
  /** Entries given so far; also the highest number. */
  tail: number;
  front: number;
  /** People in line: joined, neither admitted nor left. */
  waiting: number;
  /** Called and not claimed yet, the recalled late ones with them; a slot is kept for each. */
  called: number;
  /** Late ones who wait to be called again. */
  late: number;
  /** Live passes. */
  active: number;
  /** Passes ever given. */
  admitted: number;
  /** No release before this instant (draw, recovery); 0: none held. */
  heldUntilMs: number;
  /** Which change it was that somebody made last; '' for none since it was made or recovered. */
  lastChangeId: string;
};
export type RoomState = RoomControl & RoomCounts;

/** What a person proves by a token that we signed; makes a lost place or pass known again. */
export type PresentedPlace = { entry: number; epoch: number };
export type PresentedPass = { number: number; epoch: number; endsByMs: number };

export type RoomPass = {
  number: number;
  /** The store's clock: when it ends unless it is used, and when it ends whatever happens. */
  endsAtMs: number;
  endsByMs: number;
  /** The order that is being paid under it; '' for none. */
  orderId: string;
};

export type RoomCommand =
  /**
   * Returns the place of this person, a new one if there is none. `presented` (of a lower epoch
   * than now) brings back a place that the store has lost. `replaces`: the entry, if it is the
   * person's, is over and a new one is wanted. `mayEnter` false: no new entry is given.
   */
  | {
      kind: 'join';
      person: PersonKey;
      presented: PresentedPlace | null;
      replaces: number | null;
      mayEnter: boolean;
    }
  /** Says where the person stands, and that they are there. `number` is 0 before the draw. */
  | { kind: 'appear'; person: PersonKey; entry: number; number: number }
  /** Takes the pass of who is called; makes LATE of who was and is no more. */
  | { kind: 'claim'; person: PersonKey; entry: number; number: number }
  /** A pass was used: its end slides. */
  | { kind: 'touch'; person: PersonKey; presented: PresentedPass | null }
  /** The pass lives until `untilMs` at least, whatever its other ends: an order waits for money. */
  | { kind: 'pin'; person: PersonKey; orderId: string; untilMs: number }
  | { kind: 'unpin'; person: PersonKey; orderId: string }
  /** The order is paid: the pass under which it was made is over, the slot free. */
  | { kind: 'complete'; person: PersonKey; orderId: string }
  | { kind: 'leave'; person: PersonKey; entry: number; number: number };

export type RoomStanding = 'lobby' | 'waiting' | 'called' | 'late' | 'active' | 'over';

export type RoomAnswer =
  /** `entry` is what counts from now on; `isNew`: it was given by this command. */
  | { outcome: 'placed'; entry: number; isNew: boolean }
  /** A new entry was wanted and is not to be had: the phase, or `mayEnter`, is against it. */
  | { outcome: 'refused'; phase: RoomPhase; override: RoomOverride }
  /** `claimByMs`: only when called. `pass`: only when active. */
  | { outcome: 'stands'; standing: RoomStanding; claimByMs: number; pass: RoomPass | null }
  /** The pass as it is now. */
  | { outcome: 'live'; pass: RoomPass }
  | { outcome: 'done' }
  /** No such place or pass: never joined, left, ended; or `entry` is not this person's. */
  | { outcome: 'none' };

export type ControlChange = Partial<
  Omit<RoomControl, 'rev' | 'epoch' | 'passEpoch' | 'drawEntries'>
> & {
  /** Freezes the entries of the draw at the tail of this moment. */
  seals?: boolean;
  /** Ends every pass and refuses all that were given so far. */
  revokesPasses?: boolean;
  /** Releases nothing for so long. */
  holdsForMs?: number;
};

/** One line of the audit of decisions; at least the last 1,000 are kept. */
export type RoomDecision = {
  atMs: number;
  front: number;
  called: number;
  active: number;
  /** Numbers that were called in this tick: late ones again, and new ones in ascending order. */
  recalled: readonly number[];
  released: readonly number[];
};

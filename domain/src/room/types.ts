import type { LocalText } from '../text.ts';

/**
 * The terms of a waiting room's state. A person is 8 bytes that only this installation can derive
 * from an account and a show. A person who joins gets the next `entry` (0, 1, 2 …). Entries before
 * the draw get their number from the draw; for later ones it is entry + 1 (domain/draw.ts), so that
 * no row moves at the draw. WAITING and CALLED are derived from number and front.
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
  /** 250: the shortest time between two ticks that have an effect. */
  tickMs: number;
  /** 30,000: a person who is called and does not claim becomes LATE. */
  claimWindowMs: number;
  /** 600,000: a pass that is not used expires. */
  passTtlMs: number;
  /** 1,800,000: no pass lasts longer, unless its order is being paid. */
  passMaxMs: number;
  /** 30,000: presence is kept for one to two of these. */
  presenceMs: number;
  /** 4,096: numbers that the front, and the list of late people, may pass in one tick. */
  windowNumbers: number;
  /**
   * 4: while others wait, at most one in this many of the people called is late, once late people
   * have had their first turns: this part of the slots. Otherwise people who are called and never
   * come in could take turns with each other for ever.
   */
  lateOneIn: number;
};

/** The part of a room that must outlive every store: the service also keeps it in PostgreSQL. */
export type RoomControl = {
  rev: number;
  /** Raised by a recovery that may have lost something, and by revoking passes. */
  epoch: number;
  /** Passes of lower epochs are refused. */
  passEpoch: number;
  phase: RoomPhase;
  override: RoomOverride;
  /** When the override expires; 0: it does not. */
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
  /** Called and not claimed yet, including late people called again; each has a slot reserved. */
  called: number;
  /** Late people who have asked, and wait to be called again while they are there. */
  late: number;
  /** Live passes. */
  active: number;
  /** Passes ever given. */
  admitted: number;
  /** No release before this instant (draw, recovery); 0: no restriction. */
  heldUntilMs: number;
  /** Identifies the last change made by a person; '' for none since it was created or recovered. */
  lastChangeId: string;
};
export type RoomState = RoomControl & RoomCounts;

/** What a person proves by a token that we signed; restores a lost place or pass. */
export type PresentedPlace = { entry: number; epoch: number };
export type PresentedPass = { number: number; epoch: number; endsByMs: number };

export type RoomPass = {
  number: number;
  /** By the store's clock: when it expires unless it is used, and when it expires in any case. */
  endsAtMs: number;
  endsByMs: number;
  /** The order that is being paid under it; '' for none. */
  orderId: string;
};

export type RoomCommand =
  /**
   * Returns the place of this person, a new one if there is none. `presented` (of a lower epoch
   * than now) restores a place that the store has lost. `replaces`: if the person has this entry,
   * it ends and a new one is wanted. `mayEnter` false: no new entry is given.
   */
  | {
      kind: 'join';
      person: PersonKey;
      presented: PresentedPlace | null;
      replaces: number | null;
      mayEnter: boolean;
    }
  /** Returns the person's standing, and counts as a heartbeat. `number` is 0 before the draw. */
  | { kind: 'appear'; person: PersonKey; entry: number; number: number }
  /**
   * Takes the pass of a called person. A person whose call has expired is LATE, and is called once
   * more if they are there: have asked by this lately. Who misses that call, too, is over.
   */
  | { kind: 'claim'; person: PersonKey; entry: number; number: number }
  /** A pass was used: its expiry is extended. */
  | { kind: 'touch'; person: PersonKey; presented: PresentedPass | null }
  /** The pass lasts at least until `untilMs`, whatever its limits: an order waits for money. */
  | { kind: 'pin'; person: PersonKey; orderId: string; untilMs: number }
  | { kind: 'unpin'; person: PersonKey; orderId: string }
  /** The order is paid: the pass under which it was placed ends, and the slot is free. */
  | { kind: 'complete'; person: PersonKey; orderId: string }
  | { kind: 'leave'; person: PersonKey; entry: number; number: number };

export type RoomStanding = 'lobby' | 'waiting' | 'called' | 'late' | 'active' | 'over';

export type RoomAnswer =
  /** `entry` is valid from now on; `isNew`: it was given by this command. */
  | { outcome: 'placed'; entry: number; isNew: boolean }
  /** A new entry was wanted but cannot be given: the phase, or `mayEnter`, forbids it. */
  | { outcome: 'refused'; phase: RoomPhase; override: RoomOverride }
  /** `claimByMs`: only if called. `pass`: only if active. */
  | { outcome: 'stands'; standing: RoomStanding; claimByMs: number; pass: RoomPass | null }
  /** The pass as it is now. */
  | { outcome: 'live'; pass: RoomPass }
  | { outcome: 'done' }
  /** No such place or pass: never joined, left, ended; or `entry` is not this person's. */
  | { outcome: 'none' };

export type ControlChange = Partial<
  Omit<RoomControl, 'rev' | 'epoch' | 'passEpoch' | 'drawEntries'>
> & {
  /** Freezes the entries of the draw at the current tail. */
  seals?: boolean;
  /** Ends every pass and refuses all that were given so far. */
  revokesPasses?: boolean;
  /** Releases nothing for this long. */
  holdsForMs?: number;
};

/** One line of the audit of decisions; at least the last 1,000 are kept. */
export type RoomDecision = {
  atMs: number;
  front: number;
  called: number;
  active: number;
  /** Numbers that were called in this tick: late people again, and new ones in ascending order. */
  recalled: readonly number[];
  released: readonly number[];
};

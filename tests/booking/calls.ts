/**
 * The vocabulary of the reference model: a house, the calls that buyers and programs make, and what
 * can be seen of a booking afterwards. Times are whole hours since the beginning of a history.
 */

/** The grade of each seat, one digit a seat: it is also the painting's version. */
export type Painting = string;

export type Performance = {
  readonly id: string;
  readonly showId: string;
  /** How many seats stand side by side before the next aisle; seats are numbered through them. */
  readonly stretches: readonly number[];
  readonly opensAt: number;
  readonly closesAt: number;
  readonly buyerLimit: number;
  readonly refusesStranding: boolean;
  /** By which it is sold at the beginning. */
  readonly painting: Painting;
};

export type House = readonly Performance[];

/** How long a hold lasts, and how long at most if its time is restarted. In hours. */
export const holdHours = 7;
export const holdHoursMax = 15;

/** In won, by grade; every seat costs the fee in addition. */
export const prices = [30_000, 20_000] as const;
export const feeMinor = 1000;

export const countSeats = ({ stretches }: Pick<Performance, 'stretches'>): number =>
  stretches.reduce((sum, seats) => sum + seats, 0);

/** The seats beside a seat; null is a wall or an aisle. */
export const findNeighbours = (
  { stretches }: Pick<Performance, 'stretches'>,
  seat: number,
): { left: number | null; right: number | null } => {
  let first = 0;
  for (const length of stretches) {
    const last = first + length - 1;
    if (seat <= last)
      return { left: seat > first ? seat - 1 : null, right: seat < last ? seat + 1 : null };
    first += length;
  }
  return { left: null, right: null };
};

export const readGrade = (painting: Painting, seat: number): number =>
  Number(painting[seat] ?? '0');

export const priceSeats = (painting: Painting, seats: readonly number[]): number =>
  seats.reduce((sum, seat) => sum + (prices[readGrade(painting, seat)] ?? 0) + feeMinor, 0);

/** An attempt to pay is named by its order and its number, from 1. */
export const makeAttemptName = (order: string, number: number): string => `${order}/${number}`;

/** The calls by kind. Calls of one step reach the database together, in this order. */
export type Calls = {
  /** Named seats are one window; best available has several, all of one grade, best first. */
  take: {
    readonly hold: string;
    readonly buyer: string;
    readonly performance: string;
    readonly windows: readonly (readonly number[])[];
    readonly painting: Painting;
  };
  release: { readonly hold: string; readonly buyer: string };
  extend: { readonly hold: string; readonly buyer: string };
  place: {
    readonly order: string;
    readonly hold: string;
    readonly buyer: string;
    readonly seats: readonly number[];
    readonly painting: Painting;
  };
  cancel: { readonly order: string; readonly buyer: string };
  /** The order's next attempt: its first one is opened when it is placed. */
  'open-attempt': { readonly order: string; readonly buyer: string };
  /** A successful begin is sent to the provider: the money may move. */
  begin: {
    readonly attempt: string;
    readonly buyer: string;
    readonly amountMinor: number;
    readonly paymentKey: string;
  };
  /** The provider's definite answer. */
  settle: {
    readonly attempt: string;
    readonly answer: 'APPROVED' | 'DECLINED';
    /** Why it was declined; null if it was approved. */
    readonly code: string | null;
  };
  /** The provider gave no definite answer. */
  'mark-unknown': { readonly attempt: string; readonly code: string };
  block: {
    readonly performance: string;
    readonly block: readonly number[];
    readonly unblock: readonly number[];
  };
  repaint: { readonly performance: string; readonly painting: Painting };
};
export type CallKind = keyof Calls;

export type CallStep = {
  [Kind in CallKind]: { readonly kind: Kind; readonly calls: readonly Calls[Kind][] };
}[CallKind];
export type PlainStep =
  | CallStep
  /** The sweeper, which looks at so many holds in one round, until it finds no more. */
  | { readonly kind: 'lapse'; readonly holdsMax: number }
  | { readonly kind: 'pass-time'; readonly hours: number };

/** What both of two steps at the same time must wait for, so that they really meet. */
export const gates = ['none', 'stock', 'holds', 'orders', 'attempts'] as const;
export type Gate = (typeof gates)[number];
export type Step =
  | PlainStep
  /** Two steps at the same time. Either may come first; neither may see the other half done. */
  | {
      readonly kind: 'together';
      readonly gate: Gate;
      readonly steps: readonly [PlainStep, PlainStep];
    };

/** What is stored with a hold to tell a repeat from another request under the same id. */
export const describeWish = ({ windows }: Calls['take']): string => JSON.stringify(windows);

/** What a caller is told. */
export type Result = { readonly outcome: string; readonly [detail: string]: unknown };

export type OrderState =
  | 'PENDING'
  | 'PAYING'
  | 'UNKNOWN'
  | 'PAID'
  | 'FAILED'
  | 'EXPIRED'
  | 'CANCELLED';
export type HoldState = 'ACTIVE' | 'PAYING' | 'SOLD' | 'RELEASED' | 'LAPSED';
export type SeatState = 'held' | 'paying' | 'sold' | 'blocked';

/** Everything that can be seen after a history. Free seats have no row. */
export type View = {
  readonly performances: readonly { id: string; painting: Painting; taken: number }[];
  readonly seats: readonly {
    performance: string;
    seat: number;
    state: SeatState;
    grade: number;
    hold: string | null;
    buyer: string | null;
    order: string | null;
    /** Of a held seat. */
    deadline: number | null;
  }[];
  readonly holds: readonly {
    id: string;
    performance: string;
    buyer: string;
    seats: readonly number[];
    state: HoldState;
    /** Null if the hold has ended, unless it was sold. */
    order: string | null;
    deadline: number;
    endsBy: number;
    isExtended: boolean;
    /** What it was taken for; see `describeWish`. */
    wish: string;
  }[];
  readonly orders: readonly {
    id: string;
    hold: string;
    buyer: string;
    performance: string;
    seats: readonly number[];
    state: OrderState;
    totalMinor: number;
    deadline: number;
    /** Of an order that failed. */
    failureCode: string | null;
    /** Its states, in order. */
    trail: readonly string[];
    /** What other services were told about it, in order. */
    events: readonly string[];
  }[];
  /** Those that were begun. */
  readonly attempts: readonly {
    id: string;
    order: string;
    amountMinor: number;
    paymentKey: string;
    /** Null: the provider's answer is outstanding. */
    answer: 'APPROVED' | 'DECLINED' | null;
    wasUnknown: boolean;
  }[];
  readonly tickets: readonly {
    order: string;
    performance: string;
    buyer: string;
    seat: number;
    grade: string;
  }[];
  readonly ledger: readonly { order: string; attempt: string; amountMinor: number }[];
};

/** A change of the seats of a performance, as every process receives it. */
export type Delta = {
  readonly performance: string;
  readonly version: number;
  readonly changes: readonly number[];
  readonly holders: readonly string[];
};

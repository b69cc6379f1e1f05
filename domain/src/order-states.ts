/**
 * Which states a hold, an order and a payment attempt have, and which moves between them exist. The
 * database refuses every other move (server/src/state-machines.ts), and each of these is made by
 * one of its functions (server/src/state-machines.postgres.test.ts).
 */
type Machine<State extends string> = {
  /** The initial states. */
  readonly begins: readonly State[];
  /** The states to which each state may move. */
  readonly moves: Readonly<Record<State, readonly State[]>>;
  /** The states in which a row may be deleted. */
  readonly ends: readonly State[];
};

export const holdStates = ['ACTIVE', 'PAYING', 'SOLD', 'RELEASED', 'LAPSED'] as const;
export type HoldState = (typeof holdStates)[number];

/**
 * The seats of a hold have its state: held while it is ACTIVE, being paid for, sold. ACTIVE →
 * LAPSED or RELEASED frees them. PAYING → ACTIVE: the payment was definitely declined, and the
 * buyer keeps the seats until the hold expires; if it has expired, it lapses in the same step. A
 * hold that has ended stays, as a record. A seat that the organiser withholds has no hold.
 */
export const holdMachine: Machine<HoldState> = {
  begins: ['ACTIVE'],
  moves: {
    ACTIVE: ['PAYING', 'RELEASED', 'LAPSED'],
    PAYING: ['SOLD', 'ACTIVE'],
    SOLD: [],
    RELEASED: [],
    LAPSED: [],
  },
  ends: [],
};

export const orderStates = [
  'PENDING',
  'PAYING',
  'PAID',
  'UNKNOWN',
  'FAILED',
  'EXPIRED',
  'CANCELLED',
  'PARTLY_REFUNDED',
  'REFUNDED',
] as const;
export type OrderState = (typeof orderStates)[number];

/**
 * UNKNOWN: the provider's outcome is not known; the buyer keeps the seats. FAILED is always
 * definite; a buyer whose hold has not expired pays with a new order. PARTLY_REFUNDED and REFUNDED
 * are names for future refunds: no move leads there yet.
 */
export const orderMachine: Machine<OrderState> = {
  begins: ['PENDING'],
  moves: {
    PENDING: ['PAYING', 'EXPIRED', 'CANCELLED'],
    PAYING: ['PAID', 'FAILED', 'UNKNOWN'],
    PAID: [],
    UNKNOWN: ['PAID', 'FAILED'],
    FAILED: [],
    EXPIRED: [],
    CANCELLED: [],
    PARTLY_REFUNDED: [],
    REFUNDED: [],
  },
  ends: [],
};

export const attemptStates = ['SENT', 'ANSWERED', 'SETTLED'] as const;
export type AttemptState = (typeof attemptStates)[number];

/**
 * SENT is committed before the provider is called: from then on the outcome is unknown until there
 * is an answer. The answer takes effect together with SETTLED; ANSWERED keeps the answer of a
 * settlement that failed.
 */
export const attemptMachine: Machine<AttemptState> = {
  begins: ['SENT'],
  moves: {
    SENT: ['ANSWERED', 'SETTLED'],
    ANSWERED: ['SETTLED'],
    SETTLED: [],
  },
  ends: [],
};

/**
 * How an attempt ended. SUPERSEDED: a later attempt of the same order replaced it before it was
 * begun; only attempts of earlier versions have a row that says so.
 */
export const attemptOutcomes = ['APPROVED', 'DECLINED', 'SUPERSEDED'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

export const ticketStates = ['LIVE', 'CANCELLED'] as const;
export type TicketState = (typeof ticketStates)[number];

/**
 * Which states a seat, a hold, an order and a payment attempt have, and which moves between them
 * exist. The database refuses every other move (server/src/state-machines.ts), and each of these is
 * made by one of its functions (server/src/state-machines.postgres.test.ts).
 */
type Machine<State extends string> = {
  /** The initial states. */
  readonly begins: readonly State[];
  /** The states to which each state may move. */
  readonly moves: Readonly<Record<State, readonly State[]>>;
  /** The states in which a row may be deleted. */
  readonly ends: readonly State[];
};

const seatClaimStates = ['held', 'paying', 'sold', 'blocked'] as const;
type SeatClaimState = (typeof seatClaimStates)[number];

/**
 * A free seat has no state: a claim on it begins when it is taken and is deleted when it is freed.
 * held → free: the hold expired or was released. paying → held: the payment was definitely
 * declined, or never sent, and the buyer keeps the seats until the hold expires; if it has expired,
 * they are freed in the same step. blocked: the organiser withholds the seat from the sale.
 */
export const seatMachine: Machine<SeatClaimState> = {
  begins: ['held', 'blocked'],
  moves: {
    held: ['paying'],
    paying: ['sold', 'held'],
    sold: [],
    blocked: [],
  },
  ends: ['held', 'blocked'],
};

export const holdStates = ['ACTIVE', 'PAYING', 'SOLD', 'RELEASED', 'LAPSED'] as const;
type HoldState = (typeof holdStates)[number];

/** Seats move with their hold. A hold that has ended stays, as a record. */
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

export const attemptStates = ['CREATED', 'SEATS_LOCKED', 'SENT', 'ANSWERED', 'SETTLED'] as const;
export type AttemptState = (typeof attemptStates)[number];

/**
 * SENT is committed before the provider is called: an attempt found before it was not sent and is
 * settled as such; one found after it is unknown until there is an answer. CREATED → SETTLED: a
 * later attempt replaced it.
 */
export const attemptMachine: Machine<AttemptState> = {
  begins: ['CREATED'],
  moves: {
    CREATED: ['SEATS_LOCKED', 'SETTLED'],
    SEATS_LOCKED: ['SENT', 'SETTLED'],
    SENT: ['ANSWERED'],
    ANSWERED: ['SETTLED'],
    SETTLED: [],
  },
  ends: [],
};

/** How an attempt ended; SUPERSEDED: a later attempt of the same order replaced it. */
export const attemptOutcomes = ['APPROVED', 'DECLINED', 'NOT_SENT', 'SUPERSEDED'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

export const ticketStates = ['LIVE', 'CANCELLED'] as const;
export type TicketState = (typeof ticketStates)[number];

/**
 * Which states a seat, an order and a payment attempt have, and which moves between them exist.
 * Everything else is refused, by these tables and by the constraints of the database.
 */
type Moves<State extends string> = Readonly<Record<State, readonly State[]>>;

export const SEAT_CLAIM_STATES = ['FREE', 'HELD', 'PAYING', 'SOLD', 'BLOCKED'] as const;
export type SeatClaimState = (typeof SEAT_CLAIM_STATES)[number];

/**
 * HELD → FREE: the hold lapsed or was released. PAYING → HELD: the payment was definitely declined,
 * or never sent, and the hold still runs, so the buyer keeps the seats; PAYING → FREE: the same
 * with no time left. SOLD → FREE: the ticket was cancelled. BLOCKED is the organiser's.
 */
export const seatMoves: Moves<SeatClaimState> = {
  FREE: ['HELD', 'BLOCKED'],
  HELD: ['FREE', 'PAYING'],
  PAYING: ['SOLD', 'HELD', 'FREE'],
  SOLD: ['FREE'],
  BLOCKED: ['FREE'],
};

export const ORDER_STATES = [
  'PENDING',
  'PAYING',
  'PAID',
  'UNKNOWN',
  'STUCK',
  'FAILED',
  'EXPIRED',
  'CANCELLED',
  'PARTLY_REFUNDED',
  'REFUNDED',
] as const;
export type OrderState = (typeof ORDER_STATES)[number];

/**
 * UNKNOWN: the provider's outcome is not known; the seats stay the buyer's. STUCK: still unknown
 * after ten minutes, on the operator's screen; it ends as an UNKNOWN order ends. FAILED is always
 * definite; a buyer whose hold still runs pays with a new order.
 */
export const orderMoves: Moves<OrderState> = {
  PENDING: ['PAYING', 'EXPIRED', 'CANCELLED'],
  PAYING: ['PAID', 'FAILED', 'UNKNOWN'],
  PAID: ['PARTLY_REFUNDED', 'REFUNDED'],
  UNKNOWN: ['PAID', 'FAILED', 'REFUNDED', 'STUCK'],
  STUCK: ['PAID', 'FAILED', 'REFUNDED'],
  FAILED: [],
  EXPIRED: [],
  CANCELLED: [],
  PARTLY_REFUNDED: ['REFUNDED'],
  REFUNDED: [],
};

export const ATTEMPT_STATES = ['CREATED', 'SEATS_LOCKED', 'SENT', 'ANSWERED', 'SETTLED'] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

/**
 * SENT is committed before the provider is called: an attempt found before it was not sent and is
 * settled as such; one found after it is unknown until there is an answer.
 */
export const attemptMoves: Moves<AttemptState> = {
  CREATED: ['SEATS_LOCKED', 'SETTLED'],
  SEATS_LOCKED: ['SENT', 'SETTLED'],
  SENT: ['ANSWERED'],
  ANSWERED: ['SETTLED'],
  SETTLED: [],
};

/** How an attempt ended; SUPERSEDED: a later attempt of the same order took its place. */
export const ATTEMPT_OUTCOMES = ['APPROVED', 'DECLINED', 'NOT_SENT', 'SUPERSEDED'] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

export const HOLD_STATES = ['ACTIVE', 'PAYING', 'SOLD', 'RELEASED', 'LAPSED'] as const;
export type HoldState = (typeof HOLD_STATES)[number];

export const TICKET_STATES = ['LIVE', 'CANCELLED'] as const;
export type TicketState = (typeof TICKET_STATES)[number];

export function canMove<State extends string>(
  moves: Moves<State>,
  from: State,
  to: State,
): boolean {
  return moves[from].includes(to);
}

import {
  type CallKind,
  type Calls,
  describeWish,
  findNeighbours,
  type HoldState,
  type House,
  holdHours,
  holdHoursMax,
  makeAttemptName,
  type OrderState,
  type Painting,
  type Performance,
  type PlainStep,
  priceSeats,
  type Result,
  readGrade,
  type SeatState,
  type View,
} from './calls.ts';

/**
 * The rules of docs/booking.md in plain TypeScript: one call after another, in memory, with a clock
 * that only a history moves. It is written from the rules, not from the SQL that it checks. What it
 * cannot say is what happens when two transactions meet: here nothing runs at the same time.
 */

type Hold = {
  readonly id: string;
  readonly buyer: string;
  readonly performance: string;
  readonly seats: readonly number[];
  readonly endsBy: number;
  readonly wish: string;
  state: HoldState;
  deadline: number;
  isExtended: boolean;
  /** The order that waits for its payment, is being paid or was paid. */
  order: string | null;
};
type Claim = { grade: number; readonly hold: Hold | null };
type Order = {
  readonly id: string;
  readonly hold: Hold;
  readonly totalMinor: number;
  readonly deadline: number;
  readonly trail: OrderState[];
  failureCode: string | null;
  /** How many attempts were opened; the last one can be paid. */
  attempts: number;
};
type Attempt = {
  readonly id: string;
  readonly order: Order;
  state: 'created' | 'superseded' | 'sent' | 'APPROVED' | 'DECLINED';
  paymentKey: string | null;
  wasUnknown: boolean;
};
/** A performance with what changes during its sale. */
type Sale = Omit<Performance, 'painting'> & {
  painting: Painting;
  /** Seats that are not free. A blocked one has no hold. */
  readonly claims: Map<number, Claim>;
};

/** The whole state of a booking. Read it freely; only `applyStep` changes it. */
export type Booking = {
  now: number;
  readonly sales: Map<string, Sale>;
  readonly holds: Map<string, Hold>;
  readonly orders: Map<string, Order>;
  readonly attempts: Map<string, Attempt>;
  readonly tickets: View['tickets'][number][];
  readonly ledger: View['ledger'][number][];
};

export const makeModel = (house: House): Booking => ({
  now: 0,
  sales: new Map(house.map((each) => [each.id, { ...each, claims: new Map() }])),
  holds: new Map(),
  orders: new Map(),
  attempts: new Map(),
  tickets: [],
  ledger: [],
});

export const readOrderState = (order: Order): OrderState => order.trail.at(-1) ?? 'PENDING';

const findSale = (booking: Booking, performance: string): Sale => {
  const sale = booking.sales.get(performance);
  if (sale === undefined) throw new Error(`${performance} is not in the house`);
  return sale;
};

/** A thing of somebody else is treated as one that does not exist. */
const findHold = (booking: Booking, id: string, buyer: string): Hold | null => {
  const hold = booking.holds.get(id);
  return hold === undefined || hold.buyer !== buyer ? null : hold;
};
const findOrder = (booking: Booking, id: string, buyer: string): Order | null => {
  const order = booking.orders.get(id);
  return order === undefined || order.hold.buyer !== buyer ? null : order;
};
const findAttempt = (booking: Booking, id: string, buyer: string): Attempt | null => {
  const attempt = booking.attempts.get(id);
  return attempt === undefined || attempt.order.hold.buyer !== buyer ? null : attempt;
};

/** Its buyer can still order its seats. */
export const isRunning = (booking: Booking, hold: Hold): boolean =>
  hold.state === 'ACTIVE' && hold.deadline > booking.now;
/** Its time has passed and no payment has begun: anybody may have its seats. */
const isLapsed = (booking: Booking, hold: Hold): boolean =>
  hold.state === 'ACTIVE' && hold.deadline <= booking.now;

// Seats

const isTaken = (booking: Booking, sale: Sale, seat: number): boolean => {
  const claim = sale.claims.get(seat);
  if (claim === undefined) return false;
  return claim.hold === null || !isLapsed(booking, claim.hold);
};

/** Frees the seats; an order that waits for its payment ends with them. */
const endHold = (booking: Booking, hold: Hold, state: 'LAPSED' | 'RELEASED'): void => {
  const { claims } = findSale(booking, hold.performance);
  for (const seat of hold.seats) claims.delete(seat);
  const order = hold.order === null ? undefined : booking.orders.get(hold.order);
  if (order !== undefined && readOrderState(order) === 'PENDING')
    order.trail.push(state === 'LAPSED' ? 'EXPIRED' : 'CANCELLED');
  hold.state = state;
  hold.order = null;
};

/** A hold's time restarts once, and never passes its absolute end. */
const restartTime = (booking: Booking, hold: Hold): void => {
  if (hold.isExtended) return;
  hold.isExtended = true;
  hold.deadline = Math.max(hold.deadline, Math.min(booking.now + holdHours, hold.endsBy));
};

/** Seats that somebody has: held, being paid for or paid. A lapsed hold does not count. */
const countOwned = (booking: Booking, sale: Sale, buyer: string): number =>
  [...sale.claims.values()].filter(
    ({ hold }) => hold !== null && hold.buyer === buyer && !isLapsed(booking, hold),
  ).length;

/**
 * Free seats that would be left alone between taken ones; a wall counts as taken. If the seats on
 * both sides of the party are not free, no other placement would leave fewer.
 */
const findStranded = (booking: Booking, sale: Sale, seats: readonly number[]): number[] => {
  const isFree = (seat: number | null): seat is number =>
    seat !== null && !seats.includes(seat) && !isTaken(booking, sale, seat);
  const stranded = new Set<number>();
  for (const first of seats) {
    const { left } = findNeighbours(sale, first);
    if (left !== null && seats.includes(left)) continue;
    let { right } = findNeighbours(sale, first);
    while (right !== null && seats.includes(right)) right = findNeighbours(sale, right).right;
    if (!isFree(left) || !isFree(right)) continue;
    if (!isFree(findNeighbours(sale, left).left)) stranded.add(left);
    if (!isFree(findNeighbours(sale, right).right)) stranded.add(right);
  }
  return [...stranded].sort((a, b) => a - b);
};

/** Why these seats cannot be held now; null: they can. */
const judgeWindow = (booking: Booking, sale: Sale, seats: readonly number[]): Result | null => {
  const conflicts = seats.filter((seat) => isTaken(booking, sale, seat)).sort((a, b) => a - b);
  if (conflicts.length > 0) {
    const isBlocked = conflicts.some((seat) => sale.claims.get(seat)?.hold === null);
    return { outcome: isBlocked ? 'blocked' : 'taken', conflicts };
  }
  const stranded = sale.refusesStranding ? findStranded(booking, sale, seats) : [];
  return stranded.length > 0 ? { outcome: 'stranded', conflicts: stranded } : null;
};

const holdSeats = (
  booking: Booking,
  sale: Sale,
  call: Calls['take'],
  seats: readonly number[],
): Result => {
  const hold: Hold = {
    id: call.hold,
    buyer: call.buyer,
    performance: call.performance,
    seats,
    endsBy: booking.now + holdHoursMax,
    wish: describeWish(call),
    state: 'ACTIVE',
    deadline: booking.now + holdHours,
    isExtended: false,
    order: null,
  };
  for (const seat of seats) {
    // A lapsed hold is taken over as a whole.
    const before = sale.claims.get(seat)?.hold;
    if (before) endHold(booking, before, 'LAPSED');
    sale.claims.set(seat, { grade: readGrade(sale.painting, seat), hold });
  }
  booking.holds.set(hold.id, hold);
  return { outcome: 'held', seats, deadline: hold.deadline, endsBy: hold.endsBy };
};

/**
 * All or nothing. Refused only if somebody else has a seat at this moment. An id that has a hold is
 * a repeat, whose caller reads what the hold is now.
 */
const take = (booking: Booking, call: Calls['take']): Result => {
  if (booking.holds.has(call.hold)) return { outcome: 'repeated' };
  const sale = booking.sales.get(call.performance);
  if (sale === undefined) return { outcome: 'unknown-performance' };
  if (call.painting !== sale.painting) return { outcome: 'repainted' };
  if (booking.now < sale.opensAt) return { outcome: 'not-open' };
  if (booking.now >= sale.closesAt) return { outcome: 'closed' };
  const wanted = call.windows[0]?.length ?? 0;
  if (countOwned(booking, sale, call.buyer) + wanted > sale.buyerLimit) return { outcome: 'limit' };
  const refusals: Result[] = [];
  for (const seats of call.windows) {
    const refusal = judgeWindow(booking, sale, seats);
    if (refusal === null) return holdSeats(booking, sale, call, seats);
    refusals.push(refusal);
  }
  const [only] = refusals;
  return only === undefined || refusals.length > 1 ? { outcome: 'none-free' } : only;
};

/** Releases of one hold that come together are one release: each of them gets its outcome. */
const releaseAll = (booking: Booking, calls: readonly Calls['release'][]): Result[] => {
  const judged = calls.map(({ hold: id, buyer }) => {
    const hold = findHold(booking, id, buyer);
    if (hold === null) return { outcome: 'not-found', hold };
    return { outcome: isRunning(booking, hold) ? 'released' : 'ended', hold };
  });
  for (const { outcome, hold } of judged)
    if (outcome === 'released' && hold !== null) endHold(booking, hold, 'RELEASED');
  return judged.map(({ outcome }) => ({ outcome }));
};

const extend = (booking: Booking, call: Calls['extend']): Result => {
  const hold = findHold(booking, call.hold, call.buyer);
  if (hold === null) return { outcome: 'not-found' };
  if (!isRunning(booking, hold)) return { outcome: 'ended' };
  if (hold.isExtended) return { outcome: 'extended-before' };
  restartTime(booking, hold);
  return { outcome: 'extended' };
};

/** The sweeper passes over performances that another transaction has locked. */
const lapse = (booking: Booking, locked: readonly string[]): Result => {
  const lapsed = [...booking.holds.values()].filter(
    (hold) => isLapsed(booking, hold) && !locked.includes(hold.performance),
  );
  for (const hold of lapsed) endHold(booking, hold, 'LAPSED');
  return { outcome: 'done', lapsed: lapsed.length };
};

/** All or nothing. A seat that was held stays its holder's until its hold has really ended. */
const block = (booking: Booking, call: Calls['block']): Result => {
  const sale = findSale(booking, call.performance);
  const isBuyers = (seat: number): boolean => (sale.claims.get(seat)?.hold ?? null) !== null;
  const seats = call.block.filter(isBuyers).sort((a, b) => a - b);
  if (seats.length > 0) return { outcome: 'taken', seats };
  for (const seat of call.unblock)
    if (sale.claims.get(seat)?.hold === null) sale.claims.delete(seat);
  for (const seat of call.block)
    sale.claims.set(seat, { grade: readGrade(sale.painting, seat), hold: null });
  return { outcome: 'done' };
};

/** The first hold fixes the grades of a performance for good. */
const repaint = (booking: Booking, call: Calls['repaint']): Result => {
  const sale = findSale(booking, call.performance);
  if ([...booking.holds.values()].some((hold) => hold.performance === call.performance))
    return { outcome: 'fixed' };
  sale.painting = call.painting;
  for (const [seat, claim] of sale.claims) claim.grade = readGrade(call.painting, seat);
  return { outcome: 'painted' };
};

// Orders

/** Earlier attempts of the order are superseded. */
const createAttempt = (booking: Booking, order: Order): Attempt => {
  for (const earlier of booking.attempts.values())
    if (earlier.order === order && earlier.state === 'created') earlier.state = 'superseded';
  order.attempts += 1;
  const id = makeAttemptName(order.id, order.attempts);
  const attempt: Attempt = { id, order, state: 'created', paymentKey: null, wasUnknown: false };
  booking.attempts.set(id, attempt);
  return attempt;
};

/** An id is for one hold. */
const place = (booking: Booking, call: Calls['place']): Result => {
  const repeated = booking.orders.get(call.order);
  if (repeated !== undefined && repeated.hold.id !== call.hold) return { outcome: 'reused' };
  if (repeated !== undefined)
    return { outcome: 'placed', isRepeat: true, deadline: repeated.deadline };
  const hold = findHold(booking, call.hold, call.buyer);
  if (hold === null) return { outcome: 'not-found' };
  if (hold.order !== null) return { outcome: 'has-order', order: hold.order };
  if (!isRunning(booking, hold)) return { outcome: 'ended' };
  const { painting } = findSale(booking, hold.performance);
  if (call.painting !== painting) return { outcome: 'repainted' };
  const isWhole =
    call.seats.length === hold.seats.length && hold.seats.every((s) => call.seats.includes(s));
  if (!isWhole) return { outcome: 'seats-differ' };
  restartTime(booking, hold);
  hold.order = call.order;
  const order: Order = {
    id: call.order,
    hold,
    totalMinor: priceSeats(painting, hold.seats),
    deadline: hold.deadline,
    trail: ['PENDING'],
    failureCode: null,
    attempts: 0,
  };
  booking.orders.set(order.id, order);
  createAttempt(booking, order);
  return { outcome: 'placed', isRepeat: false, deadline: order.deadline };
};

/** Also past the hold's deadline, if nobody has noticed yet that it lapsed. */
const cancel = (booking: Booking, call: Calls['cancel']): Result => {
  const order = findOrder(booking, call.order, call.buyer);
  if (order === null) return { outcome: 'not-found' };
  if (readOrderState(order) !== 'PENDING') return { outcome: 'not-cancellable' };
  endHold(booking, order.hold, 'RELEASED');
  return { outcome: 'cancelled' };
};

/** Why an order takes no payment; null: it waits for one. */
const judgeOrder = (order: Order): Result | null => {
  const state = readOrderState(order);
  if (state === 'PENDING') return null;
  return { outcome: state === 'EXPIRED' || state === 'CANCELLED' ? 'ended' : 'not-payable' };
};

const openAttempt = (booking: Booking, call: Calls['open-attempt']): Result => {
  const order = findOrder(booking, call.order, call.buyer);
  if (order === null) return { outcome: 'not-found' };
  const refusal = judgeOrder(order);
  if (refusal !== null) return refusal;
  if (!isRunning(booking, order.hold)) return { outcome: 'ended' };
  return { outcome: 'opened', attempt: createAttempt(booking, order).id };
};

// Payments

/**
 * From here on the seats cannot lapse. Before, a lapse wins and no money moves. A payment of the
 * provider pays for one attempt.
 */
const begin = (booking: Booking, call: Calls['begin']): Result => {
  const attempt = findAttempt(booking, call.attempt, call.buyer);
  if (attempt === null) return { outcome: 'not-found' };
  const { order } = attempt;
  if (call.amountMinor !== order.totalMinor) return { outcome: 'amount-differs' };
  if (attempt.paymentKey !== null)
    return { outcome: attempt.paymentKey === call.paymentKey ? 'under-way' : 'reused' };
  const refusal = judgeOrder(order);
  if (refusal !== null) return refusal;
  if (attempt.state === 'superseded') return { outcome: 'not-payable' };
  if (!isRunning(booking, order.hold)) return { outcome: 'ended' };
  const isUsed = [...booking.attempts.values()].some(
    ({ paymentKey }) => paymentKey === call.paymentKey,
  );
  if (isUsed) return { outcome: 'not-payable' };
  attempt.state = 'sent';
  attempt.paymentKey = call.paymentKey;
  order.hold.state = 'PAYING';
  order.trail.push('PAYING');
  return { outcome: 'begun', order: order.id, amountMinor: order.totalMinor };
};

const sell = (booking: Booking, { id, order }: Attempt): void => {
  const { hold, totalMinor } = order;
  const { claims } = findSale(booking, hold.performance);
  hold.state = 'SOLD';
  order.trail.push('PAID');
  for (const seat of hold.seats) {
    const grade = String(claims.get(seat)?.grade);
    const { performance, buyer } = hold;
    booking.tickets.push({ order: order.id, performance, buyer, seat, grade });
  }
  booking.ledger.push({ order: order.id, attempt: id, amountMinor: totalMinor });
};

/** The seats go back to the buyer's hold while it lasts, else on sale. */
const giveBack = (booking: Booking, { order }: Attempt, code: string | null): void => {
  order.trail.push('FAILED');
  order.failureCode = code;
  order.hold.state = 'ACTIVE';
  order.hold.order = null;
  if (isLapsed(booking, order.hold)) endHold(booking, order.hold, 'LAPSED');
};

/** Only an attempt that was sent and has no answer yet gets one. */
const settle = (booking: Booking, call: Calls['settle']): Result => {
  const attempt = booking.attempts.get(call.attempt);
  if (attempt?.state !== 'sent') return { outcome: 'unchanged' };
  attempt.state = call.answer;
  if (call.answer === 'APPROVED') sell(booking, attempt);
  else giveBack(booking, attempt, call.code);
  return { outcome: 'settled' };
};

/** Frees no seat and fails no order. */
const markUnknown = (booking: Booking, call: Calls['mark-unknown']): Result => {
  const attempt = booking.attempts.get(call.attempt);
  if (attempt?.state !== 'sent') return { outcome: 'done' };
  if (!attempt.wasUnknown) attempt.order.trail.push('UNKNOWN');
  attempt.wasUnknown = true;
  return { outcome: 'done' };
};

// Steps

type Decider<Kind extends CallKind> = (
  booking: Booking,
  calls: readonly Calls[Kind][],
) => readonly Result[];

const oneByOne =
  <Call>(decide: (booking: Booking, call: Call) => Result) =>
  (booking: Booking, calls: readonly Call[]): Result[] =>
    calls.map((call) => decide(booking, call));

const deciders: { readonly [Kind in CallKind]: Decider<Kind> } = {
  take: oneByOne(take),
  release: releaseAll,
  extend: oneByOne(extend),
  place: oneByOne(place),
  cancel: oneByOne(cancel),
  'open-attempt': oneByOne(openAttempt),
  begin: oneByOne(begin),
  settle: oneByOne(settle),
  'mark-unknown': oneByOne(markUnknown),
  block: oneByOne(block),
  repaint: oneByOne(repaint),
};

/**
 * Changes the booking as the step does. Answers one result for each of its calls. `locked`: the
 * performances that somebody else has locked meanwhile.
 */
export const applyStep = (
  booking: Booking,
  step: PlainStep,
  locked: readonly string[] = [],
): readonly Result[] => {
  if (step.kind === 'pass-time') {
    booking.now += step.hours;
    return [];
  }
  if (step.kind === 'lapse') return [lapse(booking, locked)];
  // Kind and calls belong together, which the compiler cannot follow through the table.
  const decide = deciders[step.kind] as Decider<CallKind>;
  return decide(booking, step.calls);
};

/** What may come of a step, or of two at the same time: each with the booking that it leads to. */
export type Future = {
  readonly booking: Booking;
  readonly answers: readonly (readonly Result[])[];
};

/**
 * All that may come of two steps at the same time: either is first. The sweeper may pass over any
 * performance, as the other one may have locked it.
 */
export const listFutures = (booking: Booking, steps: readonly [PlainStep, PlainStep]): Future[] => {
  const [first, second] = steps;
  const performances = [...booking.sales.keys()];
  const hasSweeper = first.kind === 'lapse' || second.kind === 'lapse';
  const lockedSets = hasSweeper ? listSubsets(performances) : [[]];
  return lockedSets.flatMap((locked) => {
    const forwards = structuredClone(booking);
    const answer = applyStep(forwards, first, locked);
    const answers = [answer, applyStep(forwards, second, locked)];
    const backwards = structuredClone(booking);
    const backAnswer = applyStep(backwards, second, locked);
    const backAnswers = [applyStep(backwards, first, locked), backAnswer];
    return [
      { booking: forwards, answers },
      { booking: backwards, answers: backAnswers },
    ];
  });
};

const listSubsets = (names: readonly string[]): string[][] => {
  const [first, ...others] = names;
  if (first === undefined) return [[]];
  return listSubsets(others).flatMap((subset) => [subset, [first, ...subset]]);
};

// What can be seen

const seatStates: Readonly<Partial<Record<HoldState, SeatState>>> = {
  ACTIVE: 'held',
  PAYING: 'paying',
  SOLD: 'sold',
};

const viewSeats = ({ id: performance, claims }: Sale): View['seats'] =>
  [...claims].map(([seat, { grade, hold }]) => ({
    performance,
    seat,
    state: hold === null ? 'blocked' : (seatStates[hold.state] ?? 'blocked'),
    grade,
    hold: hold?.id ?? null,
    buyer: hold?.buyer ?? null,
    order: hold?.order ?? null,
    deadline: hold?.state === 'ACTIVE' ? hold.deadline : null,
  }));

const viewOrder = (order: Order): View['orders'][number] => {
  const { id, hold, totalMinor, deadline, failureCode, trail } = order;
  // A payment that begins is nobody else's business yet.
  const told = trail.filter((state) => state !== 'PAYING');
  return {
    id,
    hold: hold.id,
    buyer: hold.buyer,
    performance: hold.performance,
    seats: hold.seats.toSorted((a, b) => a - b),
    state: readOrderState(order),
    totalMinor,
    deadline,
    failureCode,
    trail,
    events: told.map((state) => (state === 'PENDING' ? 'placed' : state.toLowerCase())),
  };
};

const viewAttempts = (booking: Booking): View['attempts'] =>
  [...booking.attempts.values()].flatMap(({ id, order, state, paymentKey, wasUnknown }) =>
    paymentKey === null
      ? []
      : [
          {
            id,
            order: order.id,
            amountMinor: order.totalMinor,
            paymentKey,
            answer: state === 'APPROVED' || state === 'DECLINED' ? state : null,
            wasUnknown,
          },
        ],
  );

export const viewModel = (booking: Booking): View => ({
  performances: [...booking.sales.values()].map(({ id, painting, claims }) => ({
    id,
    painting,
    taken: claims.size,
  })),
  seats: [...booking.sales.values()].flatMap(viewSeats),
  holds: [...booking.holds.values()],
  orders: [...booking.orders.values()].map(viewOrder),
  attempts: viewAttempts(booking),
  tickets: booking.tickets,
  ledger: booking.ledger,
});

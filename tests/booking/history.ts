import { makeRandom } from '@usher/tests/support/random.ts';
import {
  type CallKind,
  type CallStep,
  type Calls,
  countSeats,
  findNeighbours,
  gates,
  type House,
  makeAttemptName,
  type Painting,
  type Performance,
  type PlainStep,
  readGrade,
  type Step,
} from './calls.ts';
import { applyStep, type Booking, isRunning, makeModel, readOrderState } from './model.ts';

/**
 * Random histories: few seats and few buyers, so that conflicts are the rule. Most calls are ones
 * that may succeed, because only those lead deep into the rules; the others have a wrong owner, a
 * wrong amount, an unknown id, or repeat an earlier call. The same seed makes the same history.
 */
export type History = { readonly seed: number; readonly house: House; readonly steps: Step[] };

type Random = ReturnType<typeof makeRandom>;
type Maker = { readonly [Kind in CallKind]: () => Calls[Kind] };

const buyers = ['buyer-1', 'buyer-2', 'buyer-3', 'buyer-4'] as const;
/** How many steps of a history for two connections are two at the same time. */
export const togetherShare = 0.3;

const stepsMin = 15;
const stepsMax = 45;

/** How often each kind of step is made. */
const weights: readonly (readonly [kind: PlainStep['kind'], weight: number])[] = [
  ['take', 24],
  ['place', 15],
  ['begin', 14],
  ['settle', 12],
  ['pass-time', 9],
  ['mark-unknown', 4],
  ['release', 3],
  ['extend', 4],
  ['open-attempt', 6],
  ['lapse', 4],
  ['cancel', 4],
  ['block', 3],
  ['repaint', 2],
];

/** Calls that a program sends together; the others go one by one. */
const batched: ReadonlySet<CallKind> = new Set([
  'take',
  'release',
  'place',
  'begin',
  'settle',
  'mark-unknown',
]);
const batchMax = 8;
/** What database.ts may do in several statements, so that another step can come between them. */
const severalStatements: ReadonlySet<CallKind> = new Set(['begin', 'settle']);

const makePainting = (random: Random, seats: number): Painting => {
  const edge = random.below(seats + 1);
  return Array.from({ length: seats }, (_, seat) => (seat < edge ? '0' : '1')).join('');
};

const makePerformance = (random: Random, id: string, showId: string): Performance => {
  const stretches = [[3], [5], [2, 4], [6], [7]][random.below(5)] ?? [5];
  const seats = countSeats({ stretches });
  return {
    id,
    showId,
    stretches,
    opensAt: random.chance(0.2) ? 1 + random.below(4) : -1,
    closesAt: random.chance(0.2) ? 10 + random.below(20) : 1000,
    buyerLimit: 1 + random.below(4),
    refusesStranding: random.chance(0.4),
    painting: makePainting(random, seats),
  };
};

const makeHouse = (random: Random): House => [
  makePerformance(random, 'performance-1', 'show-1'),
  makePerformance(random, 'performance-2', 'show-1'),
  makePerformance(random, 'performance-3', 'show-2'),
];

/** Windows of seats side by side, all of one grade. */
const listWindows = (sale: Pick<Performance, 'stretches'>, painting: Painting, size: number) => {
  const windows: number[][] = [];
  for (let first = 0; first + size <= countSeats(sale); first++) {
    const seats = Array.from({ length: size }, (_, i) => first + i);
    const isTogether = seats.slice(1).every((seat) => findNeighbours(sale, seat).left === seat - 1);
    const grades = new Set(seats.map((seat) => readGrade(painting, seat)));
    if (isTogether && grades.size === 1) windows.push(seats);
  }
  return windows;
};

/** Calls that need not succeed are mostly about things that are still alive: the latest ones. */
const recentMax = 6;

const makePicker = (random: Random) => {
  const pick = <T>(list: readonly T[]): T | undefined => list[random.below(list.length)];
  /** What the calls of the present step are about. */
  const touched = new Set<unknown>();
  return {
    pick,
    /** Mostly one that fits and has no call in this step yet, sometimes any of the latest. */
    prefer: <T>(all: Iterable<T>, fitting: readonly T[]): T | undefined => {
      const untouched = fitting.filter((each) => !touched.has(each));
      const isFit = random.chance(0.8) && untouched.length > 0;
      const picked = pick(isFit ? untouched : [...all].slice(-recentMax));
      touched.add(picked);
      return picked;
    },
    beginStep: (): void => touched.clear(),
    /** Mostly the owner. */
    pickBuyer: (owner: string | undefined): string =>
      owner === undefined || random.chance(0.07) ? (pick(buyers) ?? 'buyer-1') : owner,
  };
};

/** What the rules allow calls about now, by the kind of the call. */
const makeTargets = (booking: Booking) => {
  const holds = () => [...booking.holds.values()];
  const orders = () => [...booking.orders.values()];
  const attempts = () => [...booking.attempts.values()];
  const listRunning = () => holds().filter((hold) => isRunning(booking, hold));
  const listPending = () => orders().filter((order) => readOrderState(order) === 'PENDING');
  // Also those that it is too late to cancel: somebody may have begun to pay.
  const listOpen = () =>
    orders().filter((order) => ['PENDING', 'PAYING', 'UNKNOWN'].includes(readOrderState(order)));
  const listSent = () => attempts().filter(({ state }) => state === 'sent');
  const isUnheld = ({ id }: { id: string }): boolean =>
    holds().every(({ performance }) => performance !== id);
  return {
    release: listRunning,
    extend: listRunning,
    place: () => listRunning().filter(({ order }) => order === null),
    cancel: listOpen,
    'open-attempt': listPending,
    begin: () =>
      attempts().filter(
        ({ state, order }) => state === 'created' && isRunning(booking, order.hold),
      ),
    settle: listSent,
    'mark-unknown': listSent,
    repaint: () => [...booking.sales.values()].filter(isUnheld),
  };
};
type Targets = ReturnType<typeof makeTargets>;

/** Makes calls of each kind that suit the present state of the booking. */
const makeCalls = (
  random: Random,
  booking: Booking,
  { pick, prefer, pickBuyer }: ReturnType<typeof makePicker>,
  targets: Targets,
): Maker => {
  const counts = new Map<string, number>();
  const makeId = (kind: string): string => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${kind}-${count}`;
  };
  const pickSale = () => {
    const sale = pick([...booking.sales.values()]);
    if (sale === undefined) throw new Error('a house has performances');
    return sale;
  };
  /** Sometimes one that the performance no longer has, or never had. */
  const pickPainting = (sale: Pick<Performance, 'stretches' | 'painting'>): Painting =>
    random.chance(0.95) ? sale.painting : makePainting(random, countSeats(sale));

  const nameSeats = (sale: Pick<Performance, 'stretches'>): number[] => {
    const seats = countSeats(sale);
    const first = random.below(seats);
    if (random.chance(0.15)) {
      const second = random.below(seats);
      return first === second ? [first] : [first, second];
    }
    const size = 1 + random.below(3);
    return Array.from({ length: Math.min(size, seats - first) }, (_, i) => first + i);
  };
  const chooseWindows = (sale: Pick<Performance, 'stretches'>, painting: Painting) => {
    if (random.chance(0.7)) return [nameSeats(sale)];
    const windows = listWindows(sale, painting, 1 + random.below(2));
    const grade = readGrade(painting, pick(windows)?.[0] ?? 0);
    const same = windows.filter(([first]) => readGrade(painting, first ?? 0) === grade);
    const chosen = Array.from({ length: 1 + random.below(3) }, () => pick(same) ?? [0]);
    return chosen;
  };

  const takeSeats = (): Calls['take'] => {
    const sale = pickSale();
    const painting = pickPainting(sale);
    return {
      hold: makeId('hold'),
      buyer: pick(buyers) ?? 'buyer-1',
      performance: random.chance(0.02) ? 'nowhere' : sale.id,
      windows: chooseWindows(sale, painting),
      painting,
    };
  };
  const placeOrder = (): Calls['place'] => {
    const hold = prefer(booking.holds.values(), targets.place());
    const sale = booking.sales.get(hold?.performance ?? '') ?? pickSale();
    const seats = hold?.seats ?? [0];
    const painting = pickPainting(sale);
    // Which of two faults is told first is not said.
    const isWrong = painting === sale.painting && random.chance(0.03);
    return {
      order: makeId('order'),
      hold: hold?.id ?? 'hold-0',
      buyer: pickBuyer(hold?.buyer),
      seats: isWrong ? nameSeats(sale) : seats,
      painting,
    };
  };
  /** Mostly a new one, or the one that the attempt was begun with. */
  const choosePaymentKey = (own: string | null): string => {
    const used = [...booking.attempts.values()].flatMap(({ paymentKey }) => paymentKey ?? []);
    if (random.chance(0.06)) return pick(used) ?? makeId('payment');
    return own !== null && random.chance(0.7) ? own : makeId('payment');
  };
  const beginPayment = (): Calls['begin'] => {
    const attempt = prefer(booking.attempts.values(), targets.begin());
    return {
      attempt: nameAttempt(attempt),
      buyer: pickBuyer(attempt?.order.hold.buyer),
      amountMinor: (attempt?.order.totalMinor ?? 0) + (random.chance(0.06) ? 1 : 0),
      paymentKey: choosePaymentKey(attempt?.paymentKey ?? null),
    };
  };
  /** Sometimes one that was never opened. */
  const nameAttempt = (attempt: { id: string; order: { id: string } } | undefined): string => {
    if (attempt === undefined) return makeAttemptName('order-0', 1);
    return random.chance(0.03) ? makeAttemptName(attempt.order.id, 9) : attempt.id;
  };
  const pickSent = () => prefer(booking.attempts.values(), targets.settle());
  const pickHold = () => prefer(booking.holds.values(), targets.release());

  return {
    take: takeSeats,
    place: placeOrder,
    begin: beginPayment,
    release: () => {
      const hold = pickHold();
      return { hold: hold?.id ?? 'hold-0', buyer: pickBuyer(hold?.buyer) };
    },
    extend: () => {
      const hold = pickHold();
      return { hold: hold?.id ?? 'hold-0', buyer: pickBuyer(hold?.buyer) };
    },
    cancel: () => {
      const order = prefer(booking.orders.values(), targets.cancel());
      return { order: order?.id ?? 'order-0', buyer: pickBuyer(order?.hold.buyer) };
    },
    'open-attempt': () => {
      const order = prefer(booking.orders.values(), targets['open-attempt']());
      return { order: order?.id ?? 'order-0', buyer: pickBuyer(order?.hold.buyer) };
    },
    settle: () => {
      const attempt = nameAttempt(pickSent());
      return random.chance(0.55)
        ? { attempt, answer: 'APPROVED', code: null }
        : { attempt, answer: 'DECLINED', code: `code-${random.below(3)}` };
    },
    'mark-unknown': () => ({
      attempt: nameAttempt(pickSent()),
      code: `code-${random.below(3)}`,
    }),
    block: () => {
      const sale = pickSale();
      const seats = nameSeats(sale);
      const blocked = [...sale.claims].flatMap(([seat, { hold }]) => (hold === null ? seat : []));
      const unblock = random.chance(0.5) ? blocked.slice(0, 2) : [random.below(3)];
      const block = random.chance(0.6) ? seats.filter((seat) => !unblock.includes(seat)) : [];
      return { performance: sale.id, block, unblock };
    },
    repaint: () => {
      const sale = prefer(booking.sales.values(), targets.repaint());
      const { id, stretches } = sale ?? pickSale();
      return { performance: id, painting: makePainting(random, countSeats({ stretches })) };
    },
  };
};

/**
 * Calls that never come together, because which of several refusals they get is not said: another
 * order of a hold that is wrong in itself, an id of an order that is refused at that moment, a
 * payment for an attempt that another payment begins at that moment.
 */
const canCome = (kind: CallKind, call: object, batch: readonly object[]): boolean => {
  if (kind === 'begin') {
    const { attempt, paymentKey } = call as Calls['begin'];
    return (batch as readonly Calls['begin'][]).every(
      (each) => each.attempt !== attempt || each.paymentKey === paymentKey,
    );
  }
  if (kind === 'place') {
    const { order, hold, seats, painting } = call as Calls['place'];
    return (batch as readonly Calls['place'][]).every((each) =>
      each.hold === hold
        ? each.seats.join() === seats.join() && each.painting === painting
        : each.order !== order,
    );
  }
  return true;
};

/** The id and the buyer of a call with what another one asks for: a key that is used again. */
const changeBody = (kind: CallKind, call: object, other: object): object => {
  if (kind === 'take') {
    const [taking, asking] = [call as Calls['take'], other as Calls['take']];
    const isSameSale =
      taking.performance === asking.performance && taking.painting === asking.painting;
    return isSameSale ? { ...taking, windows: asking.windows } : taking;
  }
  if (kind === 'place') {
    const { hold, seats } = other as Calls['place'];
    return { ...call, hold, seats };
  }
  if (kind === 'begin') return { ...call, paymentKey: (other as Calls['begin']).paymentKey };
  return call;
};

/** More holds than a history has. */
export const sweptMax = 1000;

/** Hours to let pass: mostly few, sometimes exactly until a hold's deadline. */
const chooseHours = (
  random: Random,
  booking: Booking,
  { pick }: ReturnType<typeof makePicker>,
): number => {
  const waits = [...booking.holds.values()].flatMap(({ state, deadline }) =>
    (state === 'ACTIVE' || state === 'PAYING') && deadline > booking.now
      ? deadline - booking.now
      : [],
  );
  const exact = random.chance(0.3) ? pick(waits) : undefined;
  return exact ?? 1 + random.below(4);
};

const chooseKind = (random: Random): PlainStep['kind'] => {
  let left = random.below(weights.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of weights) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'take';
};

/** `pairs`: how many of the steps are two at the same time; 0 to 1. */
export const makeHistory = (seed: number, pairs = 0): History => {
  const random = makeRandom(seed);
  const house = makeHouse(random);
  const booking = makeModel(house);
  const picker = makePicker(random);
  const targets = makeTargets(booking);
  const maker = makeCalls(random, booking, picker, targets);
  const made = new Map<CallKind, object[]>();

  /** A call of any other kind always suits. */
  const countTargets = (kind: PlainStep['kind']): number =>
    kind in targets ? targets[kind as keyof Targets]().length : batchMax;
  /** Rarely a kind of call that nothing suits. */
  const chooseSuitedKind = (): PlainStep['kind'] => {
    for (;;) {
      const kind = chooseKind(random);
      if (countTargets(kind) > 0 || random.chance(0.1)) return kind;
    }
  };
  const makeBatch = (kind: CallKind, sizeMax: number): CallStep => {
    const calls: object[] = [];
    const earlier = made.get(kind) ?? [];
    const fitting = countTargets(kind);
    const size = batched.has(kind) ? 1 + random.below(Math.min(sizeMax, fitting + 2)) : 1;
    picker.beginStep();
    for (let i = 0; i < size; i++) {
      // A repeat of an earlier call, perhaps of this batch.
      const repeated = random.chance(0.08) ? picker.pick([...earlier, ...calls]) : undefined;
      const fresh = maker[kind]();
      const isChanged = random.chance(0.35);
      const changed = repeated && isChanged ? changeBody(kind, repeated, fresh) : repeated;
      const call = changed ?? fresh;
      if (canCome(kind, call, calls)) calls.push(call);
    }
    made.set(kind, [...earlier, ...calls]);
    return { kind, calls } as unknown as CallStep;
  };
  /** One of two steps at the same time: a step that is several statements has one call. */
  const makeCallStep = (): PlainStep => {
    for (;;) {
      const kind = chooseSuitedKind();
      if (kind === 'lapse') return { kind, holdsMax: sweptMax };
      if (kind !== 'pass-time') return makeBatch(kind, severalStatements.has(kind) ? 1 : batchMax);
    }
  };
  const makeStep = (): Step => {
    if (pairs > 0 && random.chance(pairs)) {
      const gate = picker.pick(gates) ?? 'none';
      const pair: [PlainStep, PlainStep] = [makeCallStep(), makeCallStep()];
      // An organiser's calls wait for each other: the catalogue locks the show.
      if (pair.every(({ kind }) => kind === 'block' || kind === 'repaint')) return pair[0];
      return { kind: 'together', gate, steps: pair };
    }
    const kind = chooseSuitedKind();
    if (kind === 'lapse') return { kind, holdsMax: random.chance(0.5) ? sweptMax : 2 };
    if (kind === 'pass-time') return { kind, hours: chooseHours(random, booking, picker) };
    return makeBatch(kind, batchMax);
  };

  const steps: Step[] = [];
  const count = stepsMin + random.below(stepsMax - stepsMin);
  while (steps.length < count) {
    const step = makeStep();
    for (const each of step.kind === 'together' ? step.steps : [step]) applyStep(booking, each);
    steps.push(step);
  }
  return { seed, house, steps };
};

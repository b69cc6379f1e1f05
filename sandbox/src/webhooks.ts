import type { Payment, Status } from './payment.ts';
import { paymentText, seoulMicros, seoulTime, type View, viewNow } from './payment-json.ts';
import type { Settings } from './settings.ts';
import type { Stop, Time } from './time.ts';

/** Minutes until the next try after each failed one; after the last the provider gives up. */
export const retryAfterMinutes = [1, 4, 16, 64, 256, 1024, 4096] as const;
export const answerTimeoutMs = 10_000;

/** Sends one request and returns the status; null if there was none (refused, reset, cut off). */
export type Post = (
  headers: Record<string, string>,
  body: string,
  answered: (status: number | null) => void,
) => Stop;

export type Attempt = { atMs: number; result: number | 'timeout' | 'failed' | 'running' };

export type Delivery = {
  id: string;
  eventType: 'PAYMENT_STATUS_CHANGED' | 'DEPOSIT_CALLBACK';
  orderId: string;
  status: string;
  isForged: boolean;
  state: 'pending' | 'delivered' | 'dropped' | 'given-up';
  attempts: Attempt[];
  body: () => string;
  /** Sent when the first try of this one has ended: so a chosen order is kept on the way. */
  followedBy: Delivery | null;
};

const told: ReadonlySet<Status> = new Set<Status>([
  'DONE',
  'CANCELED',
  'PARTIAL_CANCELED',
  'ABORTED',
  'EXPIRED',
]);

/** At most this many requests are in flight at once; the rest waits its turn in memory. */
const runningMax = 64;
const waitingMax = 200_000;
/** How many deliveries can be inspected afterwards. */
const shownMax = 10_000;

export type Webhooks = ReturnType<typeof makeWebhooks>;

type State = {
  post: Post;
  time: Time;
  random: () => number;
  settings: Settings;
  baseUrl: () => string;
  shown: Delivery[];
  made: number;
  running: number;
  waiting: Delivery[];
  waitingFrom: number;
  /** Deliveries that wait to be sent in reverse. */
  gathered: Delivery[];
  overflowed: number;
  idle: (() => void)[];
};

/** Notifies the merchant of changes, with retries and with the faults that the settings ask for. */
export const makeWebhooks = (
  deps: Pick<State, 'post' | 'time' | 'random' | 'settings' | 'baseUrl'>,
) => {
  const state: State = {
    ...deps,
    shown: [],
    made: 0,
    running: 0,
    waiting: [],
    waitingFrom: 0,
    gathered: [],
    overflowed: 0,
    idle: [],
  };
  return {
    changed: (payment: Payment): void => changed(state, payment),
    /** Sends a body of the caller's choice, as anybody who knows the address might. */
    forge: (orderId: string, status: string, body: string): Delivery => {
      const delivery = deliveryOf(state, 'PAYMENT_STATUS_CHANGED', orderId, status, () => body);
      delivery.isForged = true;
      send(state, delivery);
      return delivery;
    },
    /** Sends what `webhookReorder` has collected so far, last first. */
    flush: (): number => flush(state),
    list: (): readonly Delivery[] => state.shown,
    overflowed: (): number => state.overflowed,
    /** Resolves when no request is in flight or waits its turn; future retries do not count. */
    whenIdle: (): Promise<void> =>
      new Promise((resolve) => {
        if (isIdle(state)) resolve();
        else state.idle.push(resolve);
      }),
    clear(): void {
      state.shown.length = 0;
      state.gathered.length = 0;
      state.waiting.length = 0;
      state.waitingFrom = 0;
      state.overflowed = 0;
    },
  };
};

const isIdle = ({ running, waiting, waitingFrom }: State): boolean =>
  running === 0 && waitingFrom === waiting.length;

const changed = (state: State, payment: Payment): void => {
  const view = viewNow(payment, false);
  const atMs = state.time.nowMs();
  if (told.has(payment.status)) {
    dispatch(state, payment, 'PAYMENT_STATUS_CHANGED', () => {
      const data = paymentText(view, state.baseUrl());
      const createdAt = seoulMicros(atMs);
      return `{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"${createdAt}","data":${data}}`;
    });
  }
  if (payment.virtualAccount !== null) {
    dispatch(state, payment, 'DEPOSIT_CALLBACK', () => depositCallback(view, atMs));
  }
};

/** Flat, and without an `eventType`: the provider's oldest webhook. */
const depositCallback = ({ payment, status, transactionKey }: View, atMs: number): string =>
  JSON.stringify({
    createdAt: seoulMicros(atMs),
    secret: payment.secret,
    status,
    transactionKey,
    orderId: payment.orderId,
  });

const hits = ({ random }: State, percent: number): boolean =>
  percent > 0 && random() * 100 < percent;

const deliveryOf = (
  state: State,
  eventType: Delivery['eventType'],
  orderId: string,
  status: string,
  body: () => string,
): Delivery => {
  state.made += 1;
  const delivery: Delivery = {
    id: `whtrans_${state.made.toString(36)}_${Math.floor(state.random() * 36 ** 8).toString(36)}`,
    eventType,
    orderId,
    status,
    isForged: false,
    state: 'pending',
    attempts: [],
    body,
    followedBy: null,
  };
  state.shown.push(delivery);
  if (state.shown.length > 2 * shownMax) state.shown.splice(0, shownMax);
  return delivery;
};

const dispatch = (
  state: State,
  payment: Payment,
  eventType: Delivery['eventType'],
  body: () => string,
): void => {
  const { settings } = state;
  const delivery = deliveryOf(state, eventType, payment.orderId, payment.status, body);
  if (hits(state, settings.webhookDropPercent)) {
    delivery.state = 'dropped';
    return;
  }
  const copies = [delivery];
  if (hits(state, settings.webhookDuplicatePercent)) {
    // The same transmission twice, each with its own tries.
    const twin = { ...delivery, attempts: [] };
    state.shown.push(twin);
    copies.push(twin);
  }
  for (const copy of copies) {
    if (settings.webhookDelayMs > 0) {
      state.time.after(settings.webhookDelayMs, () => gather(state, copy));
    } else {
      gather(state, copy);
    }
  }
};

const gather = (state: State, delivery: Delivery): void => {
  if (state.settings.webhookReorder <= 1 && state.gathered.length === 0) {
    send(state, delivery);
    return;
  }
  state.gathered.push(delivery);
  if (state.gathered.length >= state.settings.webhookReorder) flush(state);
};

const flush = (state: State): number => {
  const gathered = state.gathered.splice(0).reverse();
  for (const [at, delivery] of gathered.entries()) delivery.followedBy = gathered[at + 1] ?? null;
  if (gathered[0] !== undefined) send(state, gathered[0]);
  return gathered.length;
};

const send = (state: State, delivery: Delivery): void => {
  if (state.running < runningMax) {
    start(state, delivery, state.time.nowMs());
    return;
  }
  if (state.waiting.length - state.waitingFrom >= waitingMax) {
    state.overflowed += 1;
    delivery.state = 'dropped';
    return;
  }
  state.waiting.push(delivery);
};

const sendNext = (state: State): void => {
  state.running -= 1;
  if (state.waitingFrom < state.waiting.length) {
    const next = state.waiting[state.waitingFrom++]!;
    if (state.waitingFrom > 1024 && state.waitingFrom * 2 > state.waiting.length) {
      state.waiting.splice(0, state.waitingFrom);
      state.waitingFrom = 0;
    }
    attempt(state, next, state.time.nowMs());
  }
  if (isIdle(state)) for (const resolve of state.idle.splice(0)) resolve();
};

/** Webhooks that become due during an advance are sent at its end, with their own ten seconds. */
const start = (state: State, delivery: Delivery, dueAtMs: number): void =>
  state.time.whenStill(() => attempt(state, delivery, dueAtMs));

/**
 * One try. The next is timed from when this one was due, not from when its failure became known:
 * one long advance of the clock then makes all tries follow each other in their order.
 */
const attempt = (state: State, delivery: Delivery, dueAtMs: number): void => {
  const { time } = state;
  const tried: Attempt = { atMs: dueAtMs, result: 'running' };
  const retried = delivery.attempts.push(tried) - 1;
  state.running += 1;
  let isOver = false;
  const over = (result: Attempt['result']): void => {
    if (isOver) return;
    isOver = true;
    stopTimeout();
    tried.result = result;
    if (result === 200) delivery.state = 'delivered';
    else retry(state, delivery, retried, dueAtMs);
    if (retried === 0 && delivery.followedBy !== null) send(state, delivery.followedBy);
    sendNext(state);
  };
  const stopTimeout = time.after(answerTimeoutMs, () => {
    stopPost();
    over('timeout');
  });
  const stopPost = state.post(
    {
      'content-type': 'application/json; charset=utf-8',
      'tosspayments-webhook-transmission-time': seoulTime(dueAtMs),
      'tosspayments-webhook-transmission-retried-count': String(retried),
      'tosspayments-webhook-transmission-id': delivery.id,
    },
    delivery.body(),
    (status) => over(status ?? 'failed'),
  );
};

const retry = (state: State, delivery: Delivery, retried: number, dueAtMs: number): void => {
  const minutes = delivery.isForged ? undefined : retryAfterMinutes[retried];
  if (minutes === undefined) {
    delivery.state = 'given-up';
    return;
  }
  const nextAtMs = dueAtMs + minutes * 60_000;
  const waitMs = nextAtMs - state.time.nowMs();
  if (waitMs <= 0) attempt(state, delivery, nextAtMs);
  else state.time.after(waitMs, () => start(state, delivery, nextAtMs));
};

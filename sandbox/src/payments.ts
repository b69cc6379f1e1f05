import { abortsPayment, type ErrorCode } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { amountsAfter } from './payment-json.ts';

export type Status =
  | 'READY'
  | 'IN_PROGRESS'
  | 'WAITING_FOR_DEPOSIT'
  | 'DONE'
  | 'CANCELED'
  | 'PARTIAL_CANCELED'
  | 'ABORTED'
  | 'EXPIRED';

export const methods = ['CARD', 'EASY_PAY', 'TRANSFER', 'VIRTUAL_ACCOUNT'] as const;
export type Method = (typeof methods)[number];

/**
 * What the card company will say at confirm: yes; REJECT_CARD_COMPANY; yes, but the answer never
 * comes (`timeout`); nothing, because the request never arrived (`lost`); or a code of the confirm
 * table. `timeout` and `lost` hold for one call, then the card approves.
 */
export type CardOutcome = 'approve' | 'decline' | 'timeout' | 'lost' | ErrorCode;

export type Cancel = Readonly<{
  transactionKey: string;
  cancelReason: string;
  canceledAtMs: number;
  cancelAmount: number;
  taxFreeAmount: number;
  refundableAmount: number;
}>;

export type VirtualAccount = {
  accountNumber: string;
  bankCode: string;
  customerName: string;
  dueAtMs: number;
};

export type Payment = {
  readonly paymentKey: string;
  readonly orderId: string;
  readonly orderName: string;
  readonly customerKey: string | null;
  readonly customerName: string | null;
  readonly currency: string;
  readonly totalAmount: number;
  readonly taxFreeAmount: number;
  readonly isPartialCancelable: boolean;
  readonly requestedAtMs: number;
  readonly secret: string;
  method: Method;
  status: Status;
  /** READY and IN_PROGRESS end at this instant, a virtual account at its due date. */
  expiresAtMs: number;
  outcome: CardOutcome;
  transactionKey: string | null;
  approvedAtMs: number | null;
  virtualAccount: VirtualAccount | null;
  cancels: readonly Cancel[];
  failure: ErrorCode | null;
  /** A confirm of this payment is running; another one is told so. */
  isBusy: boolean;
};

export type NewPayment = {
  orderId: string;
  orderName: string;
  amount: number;
  currency: string;
  method: Method;
  outcome: CardOutcome;
  taxFreeAmount: number;
  isPartialCancelable: boolean;
  customerKey: string | null;
  customerName: string | null;
};

export type CancelRequest = {
  cancelReason: string;
  cancelAmount: number | null;
  taxFreeAmount: number | null;
  refundableAmount: number | null;
  currency: string | null;
  hasRefundAccount: boolean;
};

export type Refused = { outcome: 'refused'; code: ErrorCode };
export type Accepted = { outcome: 'accepted'; payment: Payment };
export type Decision = Refused | Accepted;

/** The window is open for 30 minutes, an authenticated payment can be confirmed for 10. */
export const readyTtlMs = 30 * 60_000;
export const inProgressTtlMs = 10 * 60_000;
export const depositTtlMs = 168 * 3_600_000;

const refused = (code: ErrorCode): Refused => ({ outcome: 'refused', code });
const noCancels: readonly Cancel[] = [];
const minimumAmount: Record<Method, number> = {
  CARD: 100,
  EASY_PAY: 100,
  TRANSFER: 200,
  VIRTUAL_ACCOUNT: 200,
};
const transferMaximumAmount = 10_000_000;

const isFinished = (status: Status): boolean =>
  status !== 'READY' && status !== 'IN_PROGRESS' && status !== 'WAITING_FOR_DEPOSIT';

type State = {
  nowMs: () => number;
  random: () => number;
  ledger: Ledger;
  /** Hears of every status that the provider tells by webhook, after the change. */
  changed: (payment: Payment) => void;
  paymentsMax: number;
  byKey: Map<string, Payment>;
  /** The newest payment of each order. */
  byOrder: Map<string, Payment>;
  opened: ExpiryQueue;
  authenticated: ExpiryQueue;
  made: number;
};

export type Payments = ReturnType<typeof makePayments>;

/** The payments and the rules by which they change; no clock, network or chance of its own. */
export function makePayments(
  deps: Pick<State, 'nowMs' | 'random' | 'ledger' | 'changed' | 'paymentsMax'>,
) {
  const state: State = {
    ...deps,
    byKey: new Map(),
    byOrder: new Map(),
    opened: makeExpiryQueue(),
    authenticated: makeExpiryQueue(),
    made: 0,
  };
  return {
    /** What the checkout window does when it opens: a READY payment. */
    open: (request: NewPayment): Decision => create(state, request, 'READY'),
    /** What the buyer does in the window: READY becomes IN_PROGRESS. */
    authenticate: (payment: Payment, method: Method, outcome: CardOutcome): Decision =>
      authenticate(state, payment, method, outcome),
    /** Both in one step, for load generators. */
    openAuthenticated: (request: NewPayment): Decision => create(state, request, 'IN_PROGRESS'),
    /** The card company's no inside the window. */
    rejectInWindow: (payment: Payment, code: ErrorCode): void => abort(state, payment, code),
    confirm: (request: ConfirmRequest): Decision => confirm(state, request),
    cancel: (paymentKey: string, request: CancelRequest): Decision =>
      cancel(state, paymentKey, request),
    issueVirtualAccount: (request: NewPayment, bankCode: string, dueAtMs: number): Decision =>
      issueVirtualAccount(state, request, bankCode, dueAtMs),
    deposit: (payment: Payment): Decision => deposit(state, payment),
    reverseDeposit: (payment: Payment): Decision => reverseDeposit(state, payment),
    byKey: (paymentKey: string): Payment | undefined => current(state, state.byKey.get(paymentKey)),
    byOrder: (orderId: string): Payment | undefined => current(state, state.byOrder.get(orderId)),
    size: (): number => state.byKey.size,
    /** Ends every payment whose time has run out, so that its webhook goes out. */
    expireDue: (): void => expireDue(state),
    clear(): void {
      state.byKey.clear();
      state.byOrder.clear();
      state.opened.clear();
      state.authenticated.clear();
    },
  };
}

type ExpiryQueue = ReturnType<typeof makeExpiryQueue>;

/** Payments in the order of their first deadlines, which is the order in which they came. */
function makeExpiryQueue() {
  const queue: Payment[] = [];
  // Kept apart, for a payment's own deadline moves when it goes on to its next state.
  const deadlines: number[] = [];
  let head = 0;
  return {
    add(payment: Payment): void {
      queue.push(payment);
      deadlines.push(payment.expiresAtMs);
    },
    /** Calls `end` for each payment that has reached its deadline. */
    takeDue(now: number, end: (payment: Payment) => void): void {
      while (head < queue.length && deadlines[head]! <= now) end(queue[head++]!);
      // The finished part is cut off now and then, not at every call.
      if (head > 4096 && head * 2 > queue.length) {
        queue.splice(0, head);
        deadlines.splice(0, head);
        head = 0;
      }
    },
    clear(): void {
      queue.length = 0;
      deadlines.length = 0;
      head = 0;
    },
  };
}

function expireDue(state: State): void {
  const now = state.nowMs();
  state.opened.takeDue(now, (payment) => expire(state, payment, 'READY'));
  state.authenticated.takeDue(now, (payment) => expire(state, payment, 'IN_PROGRESS'));
}

/** A payment that has left the state, or is being confirmed right now, no longer expires from it. */
function expire(state: State, payment: Payment, from: Status): void {
  if (payment.status !== from || payment.isBusy) return;
  payment.status = 'EXPIRED';
  payment.failure = 'EXPIRED_PAYMENT';
  // The provider is silent when a virtual account's due date passes.
  if (from !== 'WAITING_FOR_DEPOSIT') state.changed(payment);
}

/** The payment as it is at this moment: expiry is decided when somebody looks. */
function current(state: State, payment: Payment | undefined): Payment | undefined {
  if (
    payment !== undefined &&
    !isFinished(payment.status) &&
    payment.expiresAtMs <= state.nowMs()
  ) {
    expire(state, payment, payment.status);
  }
  return payment;
}

const letters = (random: () => number): string =>
  Math.floor(random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');

function create(state: State, request: NewPayment, status: 'READY' | 'IN_PROGRESS'): Decision {
  const { nowMs, random } = state;
  expireDue(state);
  if (state.byKey.size >= state.paymentsMax) return refused('SANDBOX_FULL');
  const earlier = current(state, state.byOrder.get(request.orderId));
  if (earlier !== undefined && isFinished(earlier.status)) return refused('DUPLICATED_ORDER_ID');
  const { amount, ...rest } = request;
  state.made += 1;
  const payment: Payment = {
    ...rest,
    // The running number makes the key unique whatever `random` is, also under a fixed seed.
    paymentKey: `sbx${state.made.toString(36)}_${letters(random)}${letters(random)}${letters(random)}`,
    secret: `ps_${letters(random)}${letters(random)}${letters(random)}`,
    totalAmount: amount,
    requestedAtMs: nowMs(),
    status,
    expiresAtMs: nowMs() + (status === 'READY' ? readyTtlMs : inProgressTtlMs),
    transactionKey: null,
    approvedAtMs: null,
    virtualAccount: null,
    cancels: noCancels,
    failure: null,
    isBusy: false,
  };
  state.byKey.set(payment.paymentKey, payment);
  state.byOrder.set(payment.orderId, payment);
  (status === 'READY' ? state.opened : state.authenticated).add(payment);
  return { outcome: 'accepted', payment };
}

function authenticate(
  state: State,
  payment: Payment,
  method: Method,
  outcome: CardOutcome,
): Decision {
  if (current(state, payment)!.status !== 'READY') return refused('NOT_FOUND_PAYMENT_SESSION');
  payment.method = method;
  payment.outcome = outcome;
  payment.status = 'IN_PROGRESS';
  payment.expiresAtMs = state.nowMs() + inProgressTtlMs;
  state.authenticated.add(payment);
  return { outcome: 'accepted', payment };
}

function abort(state: State, payment: Payment, code: ErrorCode): void {
  payment.status = 'ABORTED';
  payment.failure = code;
  state.changed(payment);
}

export type ConfirmRequest = { paymentKey: string; orderId: string; amount: number };

/**
 * Takes the money of an authenticated payment. Two payments of one order are both confirmed: the
 * provider's table promises nothing about that, so the caller has to prevent it, and
 * `assertNoDoubleCharge` tells whether it did.
 */
function confirm(state: State, request: ConfirmRequest): Decision {
  expireDue(state);
  const payment = current(state, state.byKey.get(request.paymentKey));
  if (payment === undefined) return refused('NOT_FOUND_PAYMENT');
  if (payment.orderId !== request.orderId) return refused('NOT_FOUND_PAYMENT_SESSION');
  if (payment.status === 'READY' || payment.status === 'EXPIRED') {
    return refused('NOT_FOUND_PAYMENT_SESSION');
  }
  if (payment.status !== 'IN_PROGRESS') return refused('ALREADY_PROCESSED_PAYMENT');
  if (payment.totalAmount !== request.amount) return refused('INVALID_REQUEST');
  const no = refusalOfCard(payment);
  if (no !== null) {
    if (abortsPayment(no)) abort(state, payment, no);
    else payment.outcome = 'approve';
    return refused(no);
  }
  if (payment.method === 'VIRTUAL_ACCOUNT') {
    awaitDeposit(state, payment, '88', state.nowMs() + depositTtlMs);
  } else {
    capture(state, payment);
  }
  return { outcome: 'accepted', payment };
}

function refusalOfCard(payment: Payment): ErrorCode | null {
  if (payment.totalAmount < minimumAmount[payment.method]) return 'BELOW_MINIMUM_AMOUNT';
  if (payment.method === 'TRANSFER' && payment.totalAmount > transferMaximumAmount) {
    return 'EXCEED_MAX_AMOUNT';
  }
  if (payment.outcome === 'decline') return 'REJECT_CARD_COMPANY';
  if (payment.outcome === 'approve') return null;
  return payment.outcome === 'timeout' || payment.outcome === 'lost' ? null : payment.outcome;
}

function writeLedger(
  state: State,
  payment: Payment,
  kind: 'capture' | 'refund',
  amount: number,
  status: Status,
) {
  return state.ledger.append({
    atMs: state.nowMs(),
    kind,
    paymentKey: payment.paymentKey,
    orderId: payment.orderId,
    method: payment.method,
    customerKey: payment.customerKey,
    currency: payment.currency,
    amount,
    status,
  });
}

function capture(state: State, payment: Payment): void {
  const entry = writeLedger(state, payment, 'capture', payment.totalAmount, 'DONE');
  payment.status = 'DONE';
  payment.transactionKey = entry.transactionKey;
  payment.approvedAtMs = entry.atMs;
  state.changed(payment);
}

function cancel(state: State, paymentKey: string, request: CancelRequest): Decision {
  const payment = current(state, state.byKey.get(paymentKey));
  if (payment === undefined) return refused('NOT_FOUND_PAYMENT');
  const isWaiting = payment.status === 'WAITING_FOR_DEPOSIT';
  if (payment.status === 'CANCELED') return refused('ALREADY_CANCELED_PAYMENT');
  if (payment.status !== 'DONE' && payment.status !== 'PARTIAL_CANCELED' && !isWaiting) {
    return refused('NOT_CANCELABLE_PAYMENT');
  }
  const left = amountsAfter(payment, payment.cancels.length);
  const amount = request.cancelAmount ?? left.balance;
  const no = refusalOfCancel(payment, request, amount, left.balance);
  if (no !== null) return refused(no);
  const taxed = left.balance - left.taxFree;
  const taxFree =
    amount === left.balance ? left.taxFree : (request.taxFreeAmount ?? Math.max(0, amount - taxed));
  if (taxFree > left.taxFree || taxFree > amount || amount - taxFree > taxed) {
    return refused('NOT_CANCELABLE_AMOUNT');
  }
  giveBack(state, payment, request.cancelReason, amount, taxFree, left.balance - amount);
  return { outcome: 'accepted', payment };
}

function refusalOfCancel(
  payment: Payment,
  request: CancelRequest,
  amount: number,
  balance: number,
): ErrorCode | null {
  if (request.currency !== null && request.currency !== payment.currency) return 'INVALID_REQUEST';
  if (amount <= 0) return 'INVALID_REQUEST';
  if (request.refundableAmount !== null && request.refundableAmount !== balance) {
    return 'NOT_MATCHES_REFUNDABLE_AMOUNT';
  }
  if (amount > balance) return 'NOT_CANCELABLE_AMOUNT';
  if (payment.status === 'WAITING_FOR_DEPOSIT') {
    return amount < balance ? 'NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT' : null;
  }
  if (amount < balance && !payment.isPartialCancelable) return 'NOT_ALLOWED_PARTIAL_REFUND';
  const needsAccount = payment.virtualAccount !== null;
  return needsAccount && !request.hasRefundAccount ? 'INVALID_REFUND_ACCOUNT_INFO' : null;
}

function giveBack(
  state: State,
  payment: Payment,
  cancelReason: string,
  cancelAmount: number,
  taxFreeAmount: number,
  refundableAmount: number,
): void {
  const status = refundableAmount === 0 ? 'CANCELED' : 'PARTIAL_CANCELED';
  // Before the deposit no money has come, so none goes back.
  const moved = payment.status !== 'WAITING_FOR_DEPOSIT';
  const transactionKey = moved
    ? writeLedger(state, payment, 'refund', cancelAmount, status).transactionKey
    : `${payment.transactionKey}`;
  const canceledAtMs = state.nowMs();
  const made: Cancel = {
    transactionKey,
    cancelReason,
    canceledAtMs,
    cancelAmount,
    taxFreeAmount,
    refundableAmount,
  };
  payment.cancels = [...payment.cancels, made];
  payment.status = status;
  state.changed(payment);
}

function awaitDeposit(state: State, payment: Payment, bankCode: string, dueAtMs: number): void {
  payment.virtualAccount = {
    accountNumber: `X${letters(state.random)}`,
    bankCode,
    customerName: payment.customerName ?? '',
    dueAtMs,
  };
  payment.status = 'WAITING_FOR_DEPOSIT';
  payment.expiresAtMs = dueAtMs;
  payment.transactionKey = `${letters(state.random)}${letters(state.random)}`.toUpperCase();
  state.changed(payment);
}

function issueVirtualAccount(
  state: State,
  request: NewPayment,
  bankCode: string,
  dueAtMs: number,
): Decision {
  if (request.amount < minimumAmount.VIRTUAL_ACCOUNT) return refused('BELOW_MINIMUM_AMOUNT');
  const made = create(state, request, 'IN_PROGRESS');
  if (made.outcome === 'accepted') awaitDeposit(state, made.payment, bankCode, dueAtMs);
  return made;
}

function deposit(state: State, payment: Payment): Decision {
  if (current(state, payment)!.status !== 'WAITING_FOR_DEPOSIT') {
    return refused('NOT_FOUND_PAYMENT_SESSION');
  }
  capture(state, payment);
  return { outcome: 'accepted', payment };
}

/** The bank takes a deposit back (an error on its side): the buyer has to pay it in again. */
function reverseDeposit(state: State, payment: Payment): Decision {
  if (payment.virtualAccount === null || payment.status !== 'DONE') {
    return refused('NOT_CANCELABLE_PAYMENT');
  }
  writeLedger(state, payment, 'refund', payment.totalAmount, 'WAITING_FOR_DEPOSIT');
  payment.status = 'WAITING_FOR_DEPOSIT';
  payment.approvedAtMs = null;
  state.changed(payment);
  return { outcome: 'accepted', payment };
}

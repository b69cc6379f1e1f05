import type { ErrorCode } from './errors.ts';
import { cancel, confirm, deposit, issueVirtualAccount, reverseDeposit } from './money.ts';
import {
  type Cancel,
  type CancelRequest,
  type CardOutcome,
  type ConfirmRequest,
  type Decision,
  inProgressTtlMs,
  isFinished,
  type Method,
  type NewPayment,
  type Payment,
  readyTtlMs,
  refused,
} from './payment.ts';
import {
  abort,
  approveNext,
  current,
  expireDue,
  letters,
  makeExpiryQueue,
  type State,
} from './payment-state.ts';

const keyPrefix = 'sbx';
const noCancels: readonly Cancel[] = [];

export type Payments = ReturnType<typeof makePayments>;

/** The payments and the rules by which they change; without a clock, network or randomness. */
export const makePayments = (
  deps: Pick<State, 'nowMs' | 'random' | 'ledger' | 'changed' | 'touched' | 'paymentsMax'>,
) => {
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
    /** The card company declines inside the window. */
    rejectInWindow: (payment: Payment, code: ErrorCode): void => abort(state, payment, code),
    approveNext: (payment: Payment): void => approveNext(state, payment),
    confirm: (request: ConfirmRequest): Decision => confirm(state, request),
    cancel: (paymentKey: string, request: CancelRequest): Decision =>
      cancel(state, paymentKey, request),
    issueVirtualAccount: (request: NewPayment, bankCode: string, dueAtMs: number): Decision =>
      issueVirtualAccount(state, create(state, request, 'IN_PROGRESS'), bankCode, dueAtMs),
    deposit: (payment: Payment): Decision => deposit(state, payment),
    reverseDeposit: (payment: Payment): Decision => reverseDeposit(state, payment),
    byKey: (paymentKey: string): Payment | undefined => current(state, state.byKey.get(paymentKey)),
    byOrder: (orderId: string): Payment | undefined => current(state, state.byOrder.get(orderId)),
    size: (): number => state.byKey.size,
    /** In the order of creation. */
    all: (): Iterable<Payment> => state.byKey.values(),
    /** Restores the payments of an earlier run. */
    restore: (earlier: readonly Payment[]): void => restore(state, earlier),
    /** Expires every payment whose time has run out, so that its webhook is sent. */
    expireDue: (): void => expireDue(state),
    clear(): void {
      state.byKey.clear();
      state.byOrder.clear();
      state.opened.clear();
      state.authenticated.clear();
    },
  };
};

const create = (state: State, request: NewPayment, status: 'READY' | 'IN_PROGRESS'): Decision => {
  const { nowMs, random } = state;
  expireDue(state);
  if (state.byKey.size >= state.paymentsMax) return refused('SANDBOX_FULL');
  const earlier = current(state, state.byOrder.get(request.orderId));
  if (earlier !== undefined && isFinished(earlier.status)) return refused('DUPLICATED_ORDER_ID');
  const { amount, ...rest } = request;
  state.made += 1;
  const payment: Payment = {
    ...rest,
    // The running number makes the key unique whatever `random` is, even under a fixed seed.
    paymentKey: `${keyPrefix}${state.made.toString(36)}_${letters(random, 6)}`,
    secret: `ps_${letters(random, 6)}`,
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
  state.touched(payment);
  return { outcome: 'accepted', payment };
};

const authenticate = (
  state: State,
  payment: Payment,
  method: Method,
  outcome: CardOutcome,
): Decision => {
  if (current(state, payment)!.status !== 'READY') return refused('NOT_FOUND_PAYMENT_SESSION');
  payment.method = method;
  payment.outcome = outcome;
  payment.status = 'IN_PROGRESS';
  payment.expiresAtMs = state.nowMs() + inProgressTtlMs;
  state.authenticated.add(payment);
  state.touched(payment);
  return { outcome: 'accepted', payment };
};

const restore = (state: State, earlier: readonly Payment[]): void => {
  for (const payment of earlier) {
    state.byKey.set(payment.paymentKey, payment);
    state.byOrder.set(payment.orderId, payment);
    const number = Number.parseInt(payment.paymentKey.slice(keyPrefix.length), 36);
    state.made = Math.max(state.made, number);
  }
  // Created in one order, authenticated in another: the queues are in the order of the deadlines.
  const byDeadline = [...earlier].sort((a, b) => a.expiresAtMs - b.expiresAtMs);
  for (const payment of byDeadline) {
    if (payment.status === 'READY') state.opened.add(payment);
    if (payment.status === 'IN_PROGRESS') state.authenticated.add(payment);
  }
};

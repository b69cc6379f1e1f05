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
  current,
  expireDue,
  letters,
  makeExpiryQueue,
  type State,
} from './payment-state.ts';

const noCancels: readonly Cancel[] = [];

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
      issueVirtualAccount(state, create(state, request, 'IN_PROGRESS'), bankCode, dueAtMs),
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
    paymentKey: `sbx${state.made.toString(36)}_${letters(random, 6)}`,
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

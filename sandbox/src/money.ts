import { abortsPayment, type ErrorCode } from './errors.ts';
import {
  type Cancel,
  type CancelRequest,
  type ConfirmRequest,
  type Decision,
  depositTtlMs,
  type Method,
  type Payment,
  refused,
  type Status,
} from './payment.ts';
import { amountsAfter } from './payment-json.ts';
import { abort, approveNext, current, expireDue, letters, type State } from './payment-state.ts';

/** In won, by method. */
export const minimumAmount: Record<Method, number> = {
  CARD: 100,
  EASY_PAY: 100,
  TRANSFER: 200,
  VIRTUAL_ACCOUNT: 200,
};
const transferMaximumAmount = 10_000_000;

/**
 * Takes the money of an authenticated payment. Two payments of one order are both confirmed: the
 * provider's table promises nothing about that, so the caller has to prevent it, and
 * `assertNoDoubleCharge` shows whether it did.
 */
export const confirm = (state: State, request: ConfirmRequest): Decision => {
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
    else approveNext(state, payment);
    return refused(no);
  }
  if (payment.method === 'VIRTUAL_ACCOUNT') {
    awaitDeposit(state, payment, '88', state.nowMs() + depositTtlMs);
  } else {
    capture(state, payment);
  }
  return { outcome: 'accepted', payment };
};

const refusalOfCard = (payment: Payment): ErrorCode | null => {
  if (payment.totalAmount < minimumAmount[payment.method]) return 'BELOW_MINIMUM_AMOUNT';
  if (payment.method === 'TRANSFER' && payment.totalAmount > transferMaximumAmount) {
    return 'EXCEED_MAX_AMOUNT';
  }
  if (payment.outcome === 'decline') return 'REJECT_CARD_COMPANY';
  if (payment.outcome === 'approve') return null;
  return payment.outcome === 'timeout' || payment.outcome === 'lost' ? null : payment.outcome;
};

const writeLedger = (
  state: State,
  payment: Payment,
  kind: 'capture' | 'refund',
  amount: number,
  status: Status,
) =>
  state.ledger.append({
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

const capture = (state: State, payment: Payment): void => {
  const entry = writeLedger(state, payment, 'capture', payment.totalAmount, 'DONE');
  payment.status = 'DONE';
  payment.transactionKey = entry.transactionKey;
  payment.approvedAtMs = entry.atMs;
  state.changed(payment);
};

export const cancel = (state: State, paymentKey: string, request: CancelRequest): Decision => {
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
};

const refusalOfCancel = (
  payment: Payment,
  request: CancelRequest,
  amount: number,
  balance: number,
): ErrorCode | null => {
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
};

const giveBack = (
  state: State,
  payment: Payment,
  cancelReason: string,
  cancelAmount: number,
  taxFreeAmount: number,
  refundableAmount: number,
): void => {
  const status = refundableAmount === 0 ? 'CANCELED' : 'PARTIAL_CANCELED';
  // Before the deposit no money was received, so none is refunded.
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
};

const awaitDeposit = (state: State, payment: Payment, bankCode: string, dueAtMs: number): void => {
  payment.virtualAccount = {
    accountNumber: `X${letters(state.random, 3)}`,
    bankCode,
    customerName: payment.customerName ?? '',
    dueAtMs,
  };
  payment.status = 'WAITING_FOR_DEPOSIT';
  payment.expiresAtMs = dueAtMs;
  payment.transactionKey = letters(state.random, 8).toUpperCase();
  state.changed(payment);
};

/** Turns a new payment into a virtual account that waits for its deposit. */
export const issueVirtualAccount = (
  state: State,
  made: Decision,
  bankCode: string,
  dueAtMs: number,
): Decision => {
  if (made.outcome === 'accepted') awaitDeposit(state, made.payment, bankCode, dueAtMs);
  return made;
};

export const deposit = (state: State, payment: Payment): Decision => {
  if (current(state, payment)!.status !== 'WAITING_FOR_DEPOSIT') {
    return refused('NOT_FOUND_PAYMENT_SESSION');
  }
  capture(state, payment);
  return { outcome: 'accepted', payment };
};

/** The bank reverses a deposit (an error on its side): the buyer has to pay it again. */
export const reverseDeposit = (state: State, payment: Payment): Decision => {
  if (payment.virtualAccount === null || payment.status !== 'DONE') {
    return refused('NOT_CANCELABLE_PAYMENT');
  }
  writeLedger(state, payment, 'refund', payment.totalAmount, 'WAITING_FOR_DEPOSIT');
  payment.status = 'WAITING_FOR_DEPOSIT';
  payment.approvedAtMs = null;
  state.changed(payment);
  return { outcome: 'accepted', payment };
};

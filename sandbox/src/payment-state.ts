import type { ErrorCode } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { isFinished, type Payment, type Status } from './payment.ts';

export type State = {
  nowMs: () => number;
  random: () => number;
  ledger: Ledger;
  /** Called after each change of status that the provider reports by webhook. */
  changed: (payment: Payment) => void;
  /** Called after every other change, which is not reported. */
  touched: (payment: Payment) => void;
  paymentsMax: number;
  byKey: Map<string, Payment>;
  /** The newest payment of each order. */
  byOrder: Map<string, Payment>;
  opened: ExpiryQueue;
  authenticated: ExpiryQueue;
  made: number;
};

export type ExpiryQueue = ReturnType<typeof makeExpiryQueue>;

/** Payments in the order of their first deadlines, which is the order of creation. */
export const makeExpiryQueue = () => {
  const queue: Payment[] = [];
  // Stored separately, because a payment's deadline changes in its next state.
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
      // The finished part is removed now and then, not at every call.
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
};

export const expireDue = (state: State): void => {
  const now = state.nowMs();
  state.opened.takeDue(now, (payment) => expire(state, payment, 'READY'));
  state.authenticated.takeDue(now, (payment) => expire(state, payment, 'IN_PROGRESS'));
};

/** A payment that has left the state, or is being confirmed right now, does not expire from it. */
const expire = (state: State, payment: Payment, from: Status): void => {
  if (payment.status !== from || payment.isBusy) return;
  payment.status = 'EXPIRED';
  payment.failure = 'EXPIRED_PAYMENT';
  // The provider sends nothing when a virtual account's due date passes.
  if (from === 'WAITING_FOR_DEPOSIT') state.touched(payment);
  else state.changed(payment);
};

/** The payment in its current state: expiry is decided when it is read. */
export const current = (state: State, payment: Payment | undefined): Payment | undefined => {
  if (
    payment !== undefined &&
    !isFinished(payment.status) &&
    payment.expiresAtMs <= state.nowMs()
  ) {
    expire(state, payment, payment.status);
  }
  return payment;
};

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
/** 00 to zz. */
const pairs = [...alphabet].flatMap((first) => [...alphabet].map((second) => first + second));

/** Four letters or digits from each number drawn, looked up in pairs because that is fastest. */
export const letters = (random: () => number, fours: number): string => {
  let text = '';
  for (let four = 0; four < fours; four++) {
    const drawn = Math.floor(random() * 1_679_616);
    text += pairs[Math.floor(drawn / 1296)]! + pairs[drawn % 1296]!;
  }
  return text;
};

/** The card's chosen outcome has happened once. */
export const approveNext = (state: State, payment: Payment): void => {
  payment.outcome = 'approve';
  state.touched(payment);
};

export const abort = (state: State, payment: Payment, code: ErrorCode): void => {
  payment.status = 'ABORTED';
  payment.failure = code;
  state.changed(payment);
};

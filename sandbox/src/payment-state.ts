import type { ErrorCode } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { isFinished, type Payment, type Status } from './payment.ts';

export type State = {
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

export type ExpiryQueue = ReturnType<typeof makeExpiryQueue>;

/** Payments in the order of their first deadlines, which is the order in which they came. */
export function makeExpiryQueue() {
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

export function expireDue(state: State): void {
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
export function current(state: State, payment: Payment | undefined): Payment | undefined {
  if (
    payment !== undefined &&
    !isFinished(payment.status) &&
    payment.expiresAtMs <= state.nowMs()
  ) {
    expire(state, payment, payment.status);
  }
  return payment;
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
/** Five letters from one number: `toString(36)` took three times as long. */
export function letters(random: () => number, fives: number): string {
  let text = '';
  for (let five = 0; five < fives; five++) {
    let drawn = Math.floor(random() * 60_466_176);
    for (let at = 0; at < 5; at++) {
      text += alphabet[drawn % 36];
      drawn = (drawn / 36) | 0;
    }
  }
  return text;
}

export function abort(state: State, payment: Payment, code: ErrorCode): void {
  payment.status = 'ABORTED';
  payment.failure = code;
  state.changed(payment);
}

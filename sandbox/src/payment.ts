import type { ErrorCode } from './errors.ts';

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
 * The card company's answer at confirm: yes; REJECT_CARD_COMPANY; yes, but the response never
 * arrives (`timeout`); nothing, because the request never arrived (`lost`); or a code of the
 * confirm table. `timeout` and `lost` apply to one call, then the card approves.
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
  /** READY and IN_PROGRESS expire at this instant, a virtual account at its due date. */
  expiresAtMs: number;
  outcome: CardOutcome;
  transactionKey: string | null;
  approvedAtMs: number | null;
  virtualAccount: VirtualAccount | null;
  cancels: readonly Cancel[];
  failure: ErrorCode | null;
  /** A confirm of this payment is running; another one is refused. */
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

export type ConfirmRequest = { paymentKey: string; orderId: string; amount: number };

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

export const refused = (code: ErrorCode): Refused => ({ outcome: 'refused', code });

/** A final state for the buyer: the order id is used up. */
export const isFinished = (status: Status): boolean =>
  status !== 'READY' && status !== 'IN_PROGRESS' && status !== 'WAITING_FOR_DEPOSIT';

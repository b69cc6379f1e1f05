import { type Answer, errorAnswer } from './idempotency.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { minimumAmount } from './money.ts';
import { type Decision, depositTtlMs, type Method, type Payment } from './payment.ts';
import { merchantId, methodName, seoulTime, viewNow } from './payment-json.ts';
import type { Payments } from './payments.ts';
import {
  type ApiRequest,
  cancelRequest,
  confirmRequest,
  instantMs,
  transactionsRequest,
  virtualAccountRequest,
} from './requests.ts';
import type { Time } from './time.ts';

export type Decider = { payments: Payments; ledger: Ledger; time: Time; baseUrl: () => string };

export const viewAnswer = (payment: Payment, english: boolean): Answer => ({
  kind: 'payment',
  view: viewNow(payment, english),
});

/** Executes a call and returns its answer; runs once for each call that is not a replay. */
export const decide = (deps: Decider, request: ApiRequest): Answer => {
  const { payments } = deps;
  const { english } = request;
  const told = (decision: Decision): Answer =>
    decision.outcome === 'refused'
      ? errorAnswer(decision.code, english)
      : viewAnswer(decision.payment, english);
  switch (request.call) {
    case 'confirm': {
      const asked = confirmRequest(request.input);
      return asked === null
        ? errorAnswer('INVALID_REQUEST', english)
        : told(payments.confirm(asked));
    }
    case 'cancel': {
      const asked = cancelRequest(request.input);
      return typeof asked === 'string'
        ? errorAnswer(asked, english)
        : told(payments.cancel(request.paymentKey!, asked));
    }
    case 'query':
    case 'query-by-order': {
      const payment = request.paymentKey === null ? undefined : payments.byKey(request.paymentKey);
      return payment === undefined
        ? errorAnswer('NOT_FOUND_PAYMENT', english)
        : viewAnswer(payment, english);
    }
    case 'virtual-accounts':
      return issueVirtualAccount(deps, request, told);
    case 'transactions':
      return transactions(deps, request);
    default:
      return request.call satisfies never;
  }
};

const issueVirtualAccount = (
  { payments, time }: Decider,
  request: ApiRequest,
  told: (decision: Decision) => Answer,
): Answer => {
  const asked = virtualAccountRequest(request.input);
  if (typeof asked === 'string') return errorAnswer(asked, request.english);
  if (asked.amount < minimumAmount.VIRTUAL_ACCOUNT) {
    return errorAnswer('BELOW_MINIMUM_AMOUNT', request.english);
  }
  const now = time.nowMs();
  const dueAtMs =
    asked.dueDate != null
      ? instantMs(asked.dueDate)
      : now + (asked.validHours == null ? depositTtlMs : asked.validHours * 3_600_000);
  if (!(dueAtMs > now && dueAtMs <= now + 90 * 24 * 3_600_000)) {
    return errorAnswer('INVALID_REQUEST', request.english);
  }
  const wanted = {
    orderId: asked.orderId,
    orderName: asked.orderName,
    amount: asked.amount,
    currency: 'KRW',
    method: 'VIRTUAL_ACCOUNT' as const,
    outcome: 'approve' as const,
    taxFreeAmount: Math.min(asked.taxFreeAmount ?? 0, asked.amount),
    isPartialCancelable: true,
    customerKey: null,
    customerName: asked.customerName,
  };
  return told(payments.issueVirtualAccount(wanted, asked.bank, dueAtMs));
};

const transactions = ({ ledger, baseUrl }: Decider, { search, english }: ApiRequest): Answer => {
  const asked = transactionsRequest(search);
  if (asked === null) return errorAnswer('INVALID_REQUEST', english);
  const found = ledger.between(asked.sinceMs, asked.untilMs, asked.startingAfter, asked.limit);
  if (found === null) return errorAnswer('INVALID_REQUEST', english);
  const rows = found.map((entry) => transactionObject(entry, english, baseUrl()));
  return { kind: 'text', status: 200, code: null, body: JSON.stringify(rows) };
};

/** A cancel's amount is negative, so that a sum over the list is what the merchant has. */
const transactionObject = (entry: LedgerEntry, english: boolean, baseUrl: string) => ({
  mId: merchantId,
  transactionKey: entry.transactionKey,
  paymentKey: entry.paymentKey,
  orderId: entry.orderId,
  method: methodName(entry.method as Method, english),
  customerKey: entry.customerKey,
  useEscrow: false,
  receiptUrl: `${baseUrl}/receipt/${entry.paymentKey}`,
  status: entry.status,
  transactionAt: seoulTime(entry.atMs),
  currency: entry.currency,
  amount: entry.kind === 'capture' ? entry.amount : -entry.amount,
});

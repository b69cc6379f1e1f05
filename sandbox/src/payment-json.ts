import { errorMessage } from './errors.ts';
import type { Cancel, Method, Payment, Status } from './payment.ts';

/**
 * A payment as it was at one moment: its status then and how many of its cancels had happened. The
 * rest of a payment never changes, so an old answer can be rebuilt from these few values, and a
 * replay under an idempotency key need not store the text (1.7 kB a payment).
 */
export type View = {
  payment: Payment;
  status: Status;
  transactionKey: string | null;
  cancels: number;
  english: boolean;
};

export const viewNow = (payment: Payment, english: boolean): View => ({
  payment,
  status: payment.status,
  transactionKey: payment.transactionKey,
  cancels: payment.cancels.length,
  english,
});

export const merchantId = 'sandbox';

const methodNames: Record<Method, { ko: string; en: string }> = {
  CARD: { ko: '카드', en: 'CARD' },
  EASY_PAY: { ko: '간편결제', en: 'EASY_PAY' },
  TRANSFER: { ko: '계좌이체', en: 'TRANSFER' },
  VIRTUAL_ACCOUNT: { ko: '가상계좌', en: 'VIRTUAL_ACCOUNT' },
};
export const methodName = (method: Method, english: boolean): string =>
  english ? methodNames[method].en : methodNames[method].ko;

const seoulOffsetMs = 9 * 3_600_000;
const seconds = new Map<number, string>();
/** `2022-08-05T12:56:21+09:00`: the provider formats times with Seoul's offset, in seconds. */
export const seoulTime = (atMs: number): string => {
  // Under load thousands of payments fall into the same few seconds.
  const second = Math.floor(atMs / 1000);
  let text = seconds.get(second);
  if (text === undefined) {
    text = `${new Date(atMs + seoulOffsetMs).toISOString().slice(0, 19)}+09:00`;
    if (seconds.size >= 100) seconds.clear();
    seconds.set(second, text);
  }
  return text;
};

/** `yyyy-MM-dd'T'HH:mm:ss.SSSSSS` in Seoul without an offset, as webhooks carry it. */
export const seoulMicros = (atMs: number): string =>
  `${new Date(atMs + seoulOffsetMs).toISOString().slice(0, 23)}000`;

export type Amounts = { balance: number; taxFree: number; vat: number; supplied: number };

/** What is left of a payment after its first `cancels` cancels; the total never changes. */
export const amountsAfter = (payment: Payment, cancels: number): Amounts => {
  let balance = payment.totalAmount;
  let taxFree = payment.taxFreeAmount;
  for (let at = 0; at < cancels; at++) {
    balance -= payment.cancels[at]!.cancelAmount;
    taxFree -= payment.cancels[at]!.taxFreeAmount;
  }
  const vat = Math.round((balance - taxFree) / 11);
  return { balance, taxFree, vat, supplied: balance - vat - taxFree };
};

const cancelJson = (cancel: Cancel) => ({
  transactionKey: cancel.transactionKey,
  cancelReason: cancel.cancelReason,
  taxExemptionAmount: 0,
  canceledAt: seoulTime(cancel.canceledAtMs),
  cardDiscountAmount: 0,
  transferDiscountAmount: 0,
  easyPayDiscountAmount: 0,
  receiptKey: null,
  cancelStatus: 'DONE',
  cancelRequestId: null,
  cancelAmount: cancel.cancelAmount,
  taxFreeAmount: cancel.taxFreeAmount,
  refundableAmount: cancel.refundableAmount,
});

const isApproved = (status: Status): boolean =>
  status === 'DONE' || status === 'CANCELED' || status === 'PARTIAL_CANCELED';

const cardJson = (amount: number, english: boolean) => ({
  amount,
  issuerCode: '61',
  acquirerCode: '31',
  number: '00000000****000*',
  installmentPlanMonths: 0,
  isInterestFree: false,
  interestPayer: null,
  approveNo: '00000000',
  useCardPoint: false,
  cardType: english ? 'CREDIT' : '신용',
  ownerType: english ? 'PERSONAL' : '개인',
  acquireStatus: 'READY',
});

/** The object under the method's own name; the other methods' are null. */
const methodJson = ({ payment, status, cancels, english }: View) => {
  const account = payment.virtualAccount;
  return {
    card: payment.method === 'CARD' ? cardJson(payment.totalAmount, english) : null,
    virtualAccount:
      account === null
        ? null
        : {
            accountType: english ? 'GENERAL' : '일반',
            accountNumber: account.accountNumber,
            bankCode: account.bankCode,
            customerName: account.customerName,
            depositorName: status === 'WAITING_FOR_DEPOSIT' ? '' : account.customerName,
            dueDate: seoulTime(account.dueAtMs),
            refundStatus: cancels > 0 && payment.approvedAtMs !== null ? 'COMPLETED' : 'NONE',
            expired: status === 'EXPIRED',
            settlementStatus: 'INCOMPLETED',
            refundReceiveAccount: null,
          },
    transfer:
      payment.method === 'TRANSFER' ? { bankCode: '88', settlementStatus: 'INCOMPLETED' } : null,
    easyPay:
      payment.method === 'EASY_PAY'
        ? {
            provider: english ? 'TOSSPAY' : '토스페이',
            amount: payment.totalAmount,
            discountAmount: 0,
          }
        : null,
  };
};

const noMethod = { card: null, virtualAccount: null, transfer: null, easyPay: null };

/** The Payment object, every key present, in the shape of API version 2022-11-16. */
export const paymentObject = (view: View, baseUrl: string) => {
  const { payment, status, cancels, english } = view;
  const amounts = amountsAfter(payment, cancels);
  const approved = isApproved(status);
  const shown = approved || status === 'WAITING_FOR_DEPOSIT';
  const lastCancel = cancels > 0 ? payment.cancels[cancels - 1]! : null;
  const method = shown ? methodJson(view) : noMethod;
  const { failure } = payment;
  return {
    mId: merchantId,
    version: '2022-11-16',
    lastTransactionKey: shown ? (lastCancel?.transactionKey ?? view.transactionKey) : null,
    paymentKey: payment.paymentKey,
    orderId: payment.orderId,
    orderName: payment.orderName,
    type: 'NORMAL',
    method: shown || status === 'IN_PROGRESS' ? methodName(payment.method, english) : null,
    status,
    currency: payment.currency,
    country: 'KR',
    totalAmount: payment.totalAmount,
    balanceAmount: amounts.balance,
    suppliedAmount: amounts.supplied,
    vat: amounts.vat,
    taxFreeAmount: amounts.taxFree,
    taxExemptionAmount: 0,
    requestedAt: seoulTime(payment.requestedAtMs),
    approvedAt: approved && payment.approvedAtMs !== null ? seoulTime(payment.approvedAtMs) : null,
    useEscrow: false,
    cultureExpense: false,
    isPartialCancelable: payment.isPartialCancelable,
    card: method.card,
    virtualAccount: method.virtualAccount,
    transfer: method.transfer,
    mobilePhone: null,
    giftCertificate: null,
    easyPay: method.easyPay,
    cashReceipt: null,
    cashReceipts: null,
    discount: null,
    cancels: cancels === 0 ? null : payment.cancels.slice(0, cancels).map(cancelJson),
    metadata: null,
    secret: payment.secret,
    receipt: approved ? { url: `${baseUrl}/receipt/${payment.paymentKey}` } : null,
    checkout: { url: `${baseUrl}/v1/payments/${payment.paymentKey}/checkout` },
    failure:
      failure === null || shown ? null : { code: failure, message: errorMessage(failure, english) },
  };
};

let last: { view: View; baseUrl: string; text: string } | null = null;

/**
 * The payment object as text. The last one is cached, because an answer and the webhook about the
 * same change are written one after the other (5 µs each).
 */
export const paymentText = (view: View, baseUrl: string): string => {
  if (last === null || last.baseUrl !== baseUrl || !isSameView(last.view, view)) {
    last = { view, baseUrl, text: JSON.stringify(paymentObject(view, baseUrl)) };
  }
  return last.text;
};

const isSameView = (a: View, b: View): boolean =>
  a.payment === b.payment &&
  a.status === b.status &&
  a.transactionKey === b.transactionKey &&
  a.cancels === b.cancels &&
  a.english === b.english;

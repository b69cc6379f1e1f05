import { z } from 'zod';
import type { CallName, ErrorCode } from './errors.ts';
import type { CancelRequest, ConfirmRequest } from './payment.ts';

/** One call to the API, as far as its path and body show. */
export type ApiRequest = {
  call: CallName;
  path: string;
  search: string;
  paymentKey: string | null;
  orderId: string | null;
  /** The parsed body; undefined if there is none or it is not JSON. */
  input: unknown;
  english: boolean;
};

export const orderIdPattern = /^[A-Za-z0-9_-]{6,64}$/;

const prefix = '/v1/payments/';

/** The call for a method and path; null if the API has no such call. */
export const routeOf = (
  method: string,
  path: string,
): Pick<ApiRequest, 'call' | 'paymentKey' | 'orderId'> | null => {
  if (method === 'POST') {
    if (path === '/v1/payments/confirm')
      return { call: 'confirm', paymentKey: null, orderId: null };
    if (path === '/v1/virtual-accounts') {
      return { call: 'virtual-accounts', paymentKey: null, orderId: null };
    }
    if (!path.startsWith(prefix) || !path.endsWith('/cancel')) return null;
    const paymentKey = segment(path.slice(prefix.length, -'/cancel'.length));
    return paymentKey === null ? null : { call: 'cancel', paymentKey, orderId: null };
  }
  if (method !== 'GET') return null;
  if (path === '/v1/transactions') return { call: 'transactions', paymentKey: null, orderId: null };
  if (path.startsWith('/v1/payments/orders/')) {
    const orderId = segment(path.slice('/v1/payments/orders/'.length));
    return orderId === null ? null : { call: 'query-by-order', paymentKey: null, orderId };
  }
  if (!path.startsWith(prefix)) return null;
  const paymentKey = segment(path.slice(prefix.length));
  return paymentKey === null ? null : { call: 'query', paymentKey, orderId: null };
};

/** One decoded path segment; null if it is empty, more than one, or cannot be decoded. */
const segment = (text: string): string | null => {
  if (text === '' || text.includes('/')) return null;
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (failure) {
    if (failure instanceof URIError) return null;
    throw failure;
  }
};

/** Checked by hand, because a load run makes this call thousands of times a second. */
export const confirmRequest = (input: unknown): ConfirmRequest | null => {
  if (typeof input !== 'object' || input === null) return null;
  const { paymentKey, orderId, amount } = input as Record<string, unknown>;
  if (typeof paymentKey !== 'string' || paymentKey === '' || paymentKey.length > 200) return null;
  if (typeof orderId !== 'string' || orderId === '') return null;
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount)) return null;
  return { paymentKey, orderId, amount };
};

const amount = z.int().min(0);
const cancelSchema = z.object({
  cancelReason: z.string().min(1).max(200),
  cancelAmount: amount.nullish(),
  taxFreeAmount: amount.nullish(),
  refundableAmount: amount.nullish(),
  currency: z.string().nullish(),
  refundReceiveAccount: z
    .object({ bank: z.string(), accountNumber: z.string(), holderName: z.string() })
    .nullish(),
});

/** A cancel's body, or the code that refuses it. Unknown fields are allowed, as by the provider. */
export const cancelRequest = (input: unknown): CancelRequest | ErrorCode => {
  const parsed = cancelSchema.safeParse(input);
  if (!parsed.success) return 'INVALID_REQUEST';
  const { refundReceiveAccount: account, ...rest } = parsed.data;
  if (account != null) {
    if (!/^\d{1,20}$/.test(account.accountNumber)) return 'INVALID_REFUND_ACCOUNT_NUMBER';
    if (!isBank(account.bank)) return 'INVALID_BANK';
    if (account.holderName === '' || account.holderName.length > 60) {
      return 'INVALID_REFUND_ACCOUNT_INFO';
    }
  }
  return {
    cancelReason: rest.cancelReason,
    cancelAmount: rest.cancelAmount ?? null,
    taxFreeAmount: rest.taxFreeAmount ?? null,
    refundableAmount: rest.refundableAmount ?? null,
    currency: rest.currency ?? null,
    hasRefundAccount: account != null,
  };
};

/** Two digits, or letters of a bank's name; the provider takes both. */
export const isBank = (text: string): boolean => /^(\d{2}|[A-Za-z가-힣]{2,20})$/.test(text);

const virtualAccountSchema = z
  .object({
    amount: z.int().min(1),
    orderId: z.string(),
    orderName: z.string().min(1).max(100),
    customerName: z.string().min(1).max(100),
    bank: z.string(),
    validHours: z.int().min(1).max(2160).nullish(),
    dueDate: z.string().nullish(),
    taxFreeAmount: amount.nullish(),
  })
  .refine((it) => it.validHours == null || it.dueDate == null);
export type VirtualAccountRequest = z.infer<typeof virtualAccountSchema>;

export const virtualAccountRequest = (input: unknown): VirtualAccountRequest | ErrorCode => {
  const parsed = virtualAccountSchema.safeParse(input);
  if (!parsed.success) return 'INVALID_REQUEST';
  if (!orderIdPattern.test(parsed.data.orderId)) return 'INVALID_ORDER_ID';
  return isBank(parsed.data.bank) ? parsed.data : 'INVALID_BANK';
};

/** An instant in milliseconds; without an offset it is Seoul's time. NaN if it is not valid. */
export const instantMs = (text: string): number =>
  Date.parse(/(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}+09:00`);

export type TransactionsRequest = {
  sinceMs: number;
  untilMs: number;
  startingAfter: string | null;
  limit: number;
};

export const transactionsRequest = (search: string): TransactionsRequest | null => {
  const query = new URLSearchParams(search);
  const sinceMs = instantMs(query.get('startDate') ?? '');
  const untilMs = instantMs(query.get('endDate') ?? '');
  const limit = Number(query.get('limit') ?? '100');
  if (Number.isNaN(sinceMs) || Number.isNaN(untilMs) || sinceMs > untilMs) return null;
  if (!Number.isInteger(limit) || limit < 1 || limit > 5000) return null;
  return { sinceMs, untilMs, startingAfter: query.get('startingAfter'), limit };
};

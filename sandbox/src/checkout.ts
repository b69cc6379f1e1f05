import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import {
  checkoutPage,
  type Language,
  noticePage,
  pageHeaders,
  receiptPage,
} from './checkout-page.ts';
import { type ErrorCode, errorMessage } from './errors.ts';
import type { Journal } from './journal.ts';
import { type Decision, methods, type NewPayment, type Payment } from './payment.ts';
import type { Payments } from './payments.ts';
import { orderIdPattern } from './requests.ts';
import { chanceOutcome, type Settings } from './settings.ts';

const address = z.url({ protocol: /^https?$/ });
const openSchema = z.object({
  clientKey: z.string(),
  orderId: z.string().regex(orderIdPattern, errorMessage('INVALID_ORDER_ID', true)),
  orderName: z.string().min(1).max(100),
  amount: z.coerce.number().int().min(1).max(1_000_000_000),
  currency: z.literal('KRW').default('KRW'),
  successUrl: address,
  failUrl: address,
  customerName: z.string().max(100).optional(),
  customerKey: z.string().min(2).max(300).optional(),
  method: z.enum(methods).catch('CARD'),
});

const answerSchema = z.object({
  action: z.enum(['pay', 'reject', 'cancel']),
  method: z.enum(methods).catch('CARD'),
  outcome: z.enum(['chance', 'approve', 'decline', 'timeout', 'lost']).catch('chance'),
});

type Window = { successUrl: string; failUrl: string };
type Reply = { status: number; html: string } | { location: string };

/** Windows that were opened and not answered; the oldest are removed first. */
const windowsMax = 50_000;

type Deps = {
  payments: Payments;
  settings: Settings;
  random: () => number;
  clientKey: string;
  journal: Journal;
};

/** The window that the buyer sees, and the script that opens it. */
export const makeCheckout = (deps: Deps) => {
  const windows = new Map<string, Window>();
  const script = readFileSync(new URL('./standard.js', import.meta.url), 'utf8');

  const route = (method: string, url: URL, text: string, language: Language): Reply => {
    const { pathname, searchParams } = url;
    const paymentKey = /^\/(?:checkout|receipt|v1\/payments)\/([^/]+)(?:\/checkout)?$/.exec(
      pathname,
    )?.[1];
    const payment = paymentKey === undefined ? undefined : deps.payments.byKey(paymentKey);
    if (method === 'POST' && payment !== undefined) {
      return answer(deps, windows, payment, new URLSearchParams(text), language);
    }
    if (method !== 'GET') return nothing(language);
    if (pathname === '/checkout') return open(deps, windows, searchParams, language);
    if (payment !== undefined) {
      return windows.has(payment.paymentKey) && payment.status === 'READY'
        ? { status: 200, html: checkoutPage(payment, language, otherLanguage(url, language)) }
        : { status: 200, html: receiptPage(payment, language) };
    }
    return nothing(language);
  };

  return {
    handle(req: IncomingMessage, res: ServerResponse, address: string, text: string): void {
      const url = new URL(address, 'http://sandbox');
      if (url.pathname === '/v2/standard' || url.pathname === '/v1/payment') {
        res.writeHead(200, {
          'Content-Type': 'text/javascript; charset=utf-8',
          'Cross-Origin-Resource-Policy': 'cross-origin',
          'Cache-Control': 'no-cache',
        });
        res.end(script);
        return;
      }
      const reply = route(req.method ?? '', url, text, languageOf(url, req));
      deps.journal.whenWritten(() => {
        if ('location' in reply) res.writeHead(303, { Location: reply.location }).end();
        else res.writeHead(reply.status, pageHeaders).end(reply.html);
      });
    },
  };
};

const languageOf = (url: URL, req: IncomingMessage): Language => {
  const asked = url.searchParams.get('lang') ?? req.headers['accept-language'] ?? 'ko';
  return asked.startsWith('en') ? 'en' : 'ko';
};

const otherLanguage = (url: URL, language: Language): string => {
  const other = new URL(url);
  other.searchParams.set('lang', language === 'ko' ? 'en' : 'ko');
  return `${other.pathname}${other.search}`;
};

const nothing = (language: Language): Reply => ({
  status: 404,
  html: noticePage(language, 'NOT_FOUND', []),
});

const open = (
  deps: Deps,
  windows: Map<string, Window>,
  query: URLSearchParams,
  language: Language,
): Reply => {
  const parsed = openSchema.safeParse(Object.fromEntries(query));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    return { status: 400, html: noticePage(language, 'INVALID_REQUEST', faults) };
  }
  const asked = parsed.data;
  if (asked.clientKey !== deps.clientKey) {
    return { status: 401, html: noticePage(language, 'UNAUTHORIZED_KEY', ['clientKey']) };
  }
  // Reloading the page, or opening it in the other language, is the same window.
  const earlier = deps.payments.byOrder(asked.orderId);
  const isSame = earlier?.status === 'READY' && earlier.totalAmount === asked.amount;
  const opened: Decision = isSame
    ? { outcome: 'accepted', payment: earlier }
    : deps.payments.open(newPayment(asked));
  if (opened.outcome === 'refused') {
    return { location: failed(asked.failUrl, opened.code, language, asked.orderId) };
  }
  const { payment } = opened;
  windows.set(payment.paymentKey, { successUrl: asked.successUrl, failUrl: asked.failUrl });
  if (windows.size > windowsMax) windows.delete(windows.keys().next().value!);
  const other = otherLanguage(new URL(`/checkout?${query}`, 'http://sandbox'), language);
  return { status: 200, html: checkoutPage(payment, language, other) };
};

const newPayment = (asked: z.infer<typeof openSchema>): NewPayment => ({
  orderId: asked.orderId,
  orderName: asked.orderName,
  amount: asked.amount,
  currency: asked.currency,
  method: asked.method,
  outcome: 'approve',
  taxFreeAmount: 0,
  isPartialCancelable: true,
  customerKey: asked.customerKey ?? null,
  customerName: asked.customerName ?? null,
});

/** The button that the buyer pressed. All end at one of the merchant's two addresses. */
const answer = (
  { payments, settings, random }: Deps,
  windows: Map<string, Window>,
  payment: Payment,
  form: URLSearchParams,
  language: Language,
): Reply => {
  const window = windows.get(payment.paymentKey);
  const parsed = answerSchema.safeParse(Object.fromEntries(form));
  if (window === undefined || !parsed.success) return nothing(language);
  const { action, method, outcome } = parsed.data;
  const { orderId, paymentKey } = payment;
  if (payment.status !== 'READY') {
    return { location: failed(window.failUrl, 'PAY_PROCESS_ABORTED', language, orderId) };
  }
  windows.delete(paymentKey);
  if (action === 'cancel') {
    // The buyer's own cancel is the only failure that does not name the order.
    return { location: failed(window.failUrl, 'PAY_PROCESS_CANCELED', language, null) };
  }
  if (action === 'reject') {
    payments.rejectInWindow(payment, 'REJECT_CARD_COMPANY');
    return { location: failed(window.failUrl, 'REJECT_CARD_COMPANY', language, orderId) };
  }
  const chosen = outcome === 'chance' ? chanceOutcome(settings, random) : outcome;
  payments.authenticate(payment, method, chosen);
  const success = new URL(window.successUrl);
  const told = { paymentType: 'NORMAL', orderId, paymentKey, amount: String(payment.totalAmount) };
  for (const [name, value] of Object.entries(told)) success.searchParams.set(name, value);
  return { location: success.href };
};

const failed = (failUrl: string, code: ErrorCode, language: Language, orderId: string | null) => {
  const url = new URL(failUrl);
  url.searchParams.set('code', code);
  url.searchParams.set('message', errorMessage(code, language === 'en'));
  if (orderId !== null) url.searchParams.set('orderId', orderId);
  return url.href;
};

import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Calls } from './calls.ts';
import {
  type CallName,
  documentedCodes,
  type ErrorCode,
  errorMessage,
  errors,
  isErrorCode,
} from './errors.ts';
import type { Action, Faults } from './faults.ts';
import type { Idempotency } from './idempotency.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import {
  type CardOutcome,
  type Decision,
  methods,
  type NewPayment,
  type Payment,
} from './payment.ts';
import { paymentObject, seoulTime, viewNow } from './payment-json.ts';
import type { Payments } from './payments.ts';
import { orderIdPattern } from './requests.ts';
import { chanceOutcome, type Settings, settingsSchema } from './settings.ts';
import type { Time } from './time.ts';
import type { Webhooks } from './webhooks.ts';

type Deps = {
  payments: Payments;
  ledger: Ledger;
  idempotency: Idempotency;
  faults: Faults;
  calls: Calls;
  time: Time;
  settings: Settings;
  webhooks: Webhooks;
  webhookTarget: { url: URL | null };
  random: () => number;
  journal: Journal;
};

type Reply = { status: number; body: unknown };
type Call = { path: string; query: URLSearchParams; input: unknown };
type Handler = (deps: Deps, call: Call) => Reply;

const ok = (body: unknown): Reply => ({ status: 200, body });
const no = (status: number, code: string, message: string): Reply => ({
  status,
  body: { code, message },
});
const noCode = (code: ErrorCode): Reply => no(errors[code].status, code, errorMessage(code, true));

const callNames = Object.keys(documentedCodes) as [CallName, ...CallName[]];
const outcomeSchema = z.union([
  z.enum(['approve', 'decline', 'timeout', 'lost']),
  z.custom<ErrorCode>(
    (text) => typeof text === 'string' && isErrorCode(text) && documentedCodes.confirm.has(text),
    'must be approve, decline, timeout, lost or an error code of confirm',
  ),
]);

const authenticateSchema = z.strictObject({
  orderId: z.string().regex(orderIdPattern),
  amount: z.int().min(1).max(1_000_000_000),
  orderName: z.string().min(1).max(100).default('sandbox order'),
  method: z.enum(methods).default('CARD'),
  outcome: outcomeSchema.optional(),
  taxFreeAmount: z.int().min(0).default(0),
  isPartialCancelable: z.boolean().default(true),
  customerKey: z.string().min(2).max(300).nullable().default(null),
  customerName: z.string().max(100).nullable().default(null),
});
const batchSchema = z.strictObject({ payments: z.array(authenticateSchema).max(10_000) });

const newPayment = (
  { settings, random }: Deps,
  { outcome, ...asked }: z.infer<typeof authenticateSchema>,
): NewPayment => ({
  ...asked,
  taxFreeAmount: Math.min(asked.taxFreeAmount, asked.amount),
  currency: 'KRW',
  outcome: outcome ?? (chanceOutcome(settings, random) satisfies CardOutcome),
});

/** What a buyer does in the window, in one cheap call; many at once as `{payments: […]}`. */
const authenticate = (deps: Deps, { input }: Call): Reply => {
  if (typeof input === 'object' && input !== null && 'payments' in input) {
    const batch = batchSchema.parse(input);
    return ok({
      payments: batch.payments.map((asked) => {
        const made = deps.payments.openAuthenticated(newPayment(deps, asked));
        return made.outcome === 'refused'
          ? { orderId: asked.orderId, code: made.code }
          : { orderId: asked.orderId, paymentKey: made.payment.paymentKey };
      }),
    });
  }
  const made = deps.payments.openAuthenticated(newPayment(deps, authenticateSchema.parse(input)));
  return made.outcome === 'refused'
    ? noCode(made.code)
    : ok({ paymentKey: made.payment.paymentKey });
};

const settingsNow = ({ settings, webhookTarget }: Deps): Reply =>
  ok({ ...settings, webhookUrl: webhookTarget.url?.href ?? null });

const changeSchema = settingsSchema.partial().extend({
  webhookUrl: z
    .url({ protocol: /^http$/ })
    .nullable()
    .optional(),
});

const changeSettings = (deps: Deps, { input }: Call): Reply => {
  const { webhookUrl, ...changes } = changeSchema.parse(input);
  Object.assign(deps.settings, changes);
  if (webhookUrl !== undefined) {
    deps.webhookTarget.url = webhookUrl === null ? null : new URL(webhookUrl);
  }
  return settingsNow(deps);
};

const phase = z.enum(['before-commit', 'after-commit']).default('before-commit');
const status = z.int().min(200).max(599);
const ruleBase = {
  match: z
    .strictObject({
      call: z.enum(['any', ...callNames]).default('any'),
      orderId: z.string().nullable().default(null),
      paymentKey: z.string().nullable().default(null),
    })
    .prefault({}),
  times: z.int().min(1).nullable().default(null),
  phase,
};
const ruleSchema = z.discriminatedUnion('action', [
  z.strictObject({
    ...ruleBase,
    action: z.literal('delay'),
    delayMs: z.number().min(1).max(86_400_000),
  }),
  z.strictObject({ ...ruleBase, action: z.literal('hang') }),
  z.strictObject({ ...ruleBase, action: z.literal('reset') }),
  z.strictObject({ ...ruleBase, action: z.literal('truncate') }),
  z.strictObject({
    ...ruleBase,
    action: z.literal('answer'),
    code: z.string().min(1).max(100),
    status: status.optional(),
    message: z.string().max(510).optional(),
  }),
  z.strictObject({ ...ruleBase, action: z.literal('html'), status: status.default(502) }),
]);

const actionOf = (rule: z.infer<typeof ruleSchema>): Action => {
  switch (rule.action) {
    case 'delay':
      return { action: 'delay', delayMs: rule.delayMs };
    case 'html':
      return { action: 'html', status: rule.status };
    case 'answer': {
      const { code } = rule;
      const known = isErrorCode(code);
      return {
        action: 'answer',
        code,
        status: rule.status ?? (known ? errors[code].status : 500),
        message: rule.message ?? (known ? errorMessage(code, false) : code),
      };
    }
    default:
      return { action: rule.action };
  }
};

const addRule = ({ faults }: Deps, { input }: Call): Reply => {
  const rule = ruleSchema.parse(input);
  return ok(faults.add(rule.match, rule.times, { ...actionOf(rule), phase: rule.phase }));
};

const orderSchema = z.strictObject({ orderId: z.string() });

const onOrder = (deps: Deps, input: unknown, act: (payment: Payment) => Decision): Reply => {
  const payment = deps.payments.byOrder(orderSchema.parse(input).orderId);
  if (payment === undefined) return noCode('NOT_FOUND_PAYMENT');
  return told(act(payment));
};

const told = (decision: Decision): Reply =>
  decision.outcome === 'refused'
    ? noCode(decision.code)
    : ok({ paymentKey: decision.payment.paymentKey, status: decision.payment.status });

const operatorCancelSchema = z.strictObject({
  orderId: z.string(),
  cancelAmount: z.int().min(1).nullable().default(null),
  cancelReason: z.string().min(1).max(200).default('cancelled in the dashboard'),
});

/**
 * A cancel in the provider's dashboard, so that the merchant learns about it only afterwards.
 */
const operatorCancel = ({ payments }: Deps, { input }: Call): Reply => {
  const { orderId, cancelAmount, cancelReason } = operatorCancelSchema.parse(input);
  const payment = payments.byOrder(orderId);
  if (payment === undefined) return noCode('NOT_FOUND_PAYMENT');
  const request = { cancelReason, cancelAmount, taxFreeAmount: null, refundableAmount: null };
  return told(
    payments.cancel(payment.paymentKey, { ...request, currency: null, hasRefundAccount: true }),
  );
};

const forgeSchema = z.strictObject({
  orderId: z.string(),
  status: z.enum(['DONE', 'CANCELED', 'PARTIAL_CANCELED', 'ABORTED', 'EXPIRED']),
  paymentKey: z.string().optional(),
  amount: z.int().min(0).optional(),
  secret: z.string().optional(),
});

/** A webhook without a payment behind it: the real payment's shape with a guessed secret. */
const forge = ({ payments, webhooks, webhookTarget, time }: Deps, { input }: Call): Reply => {
  const asked = forgeSchema.parse(input);
  if (webhookTarget.url === null) return no(409, 'NO_WEBHOOK_URL', 'set webhookUrl first');
  const payment = payments.byOrder(asked.orderId);
  const data = {
    ...(payment === undefined ? {} : paymentObject(viewNow(payment, false), '')),
    orderId: asked.orderId,
    status: asked.status,
    paymentKey: asked.paymentKey ?? payment?.paymentKey ?? 'sbx0_forged',
    secret: asked.secret ?? 'ps_forged',
    ...(asked.amount === undefined ? {} : { totalAmount: asked.amount }),
  };
  const createdAt = `${seoulTime(time.nowMs()).slice(0, 19)}.000000`;
  const body = JSON.stringify({ eventType: 'PAYMENT_STATUS_CHANGED', createdAt, data });
  return ok({ id: webhooks.forge(asked.orderId, asked.status, body).id });
};

const limitOf = (query: URLSearchParams): number =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .parse(query.get('limit') ?? 1000);

const listLedger = ({ ledger }: Deps, { query }: Call): Reply => {
  const from = z.coerce
    .number()
    .int()
    .min(0)
    .parse(query.get('from') ?? 0);
  return ok({ size: ledger.size(), entries: ledger.page(from, limitOf(query)) });
};

const listCalls = ({ calls }: Deps, { query }: Call): Reply => {
  const orderId = query.get('orderId');
  const paymentKey = query.get('paymentKey');
  const call = query.get('call');
  const found = calls.find(
    (record) =>
      (orderId === null || record.orderId === orderId) &&
      (paymentKey === null || record.paymentKey === paymentKey) &&
      (call === null || record.call === call),
  );
  const made = { made: calls.made(), overwritten: calls.overwritten() };
  return ok({ ...made, found: found.length, calls: found.slice(-limitOf(query)) });
};

const listWebhooks = ({ webhooks }: Deps, { query }: Call): Reply => {
  const orderId = query.get('orderId');
  const found = webhooks.list().filter((each) => orderId === null || each.orderId === orderId);
  const shown = found.slice(-limitOf(query)).map(({ body, followedBy, ...delivery }) => delivery);
  return ok({ overflowed: webhooks.overflowed(), found: found.length, webhooks: shown });
};

const assertNoDoubleCharge = ({ ledger, calls }: Deps): Reply => {
  const report = ledger.assertNoDoubleCharge();
  // 409, so that `curl --fail` in a script fails with it.
  return { status: report.ok ? 200 : 409, body: { ...report, changedKeys: calls.changedKeys() } };
};

const stats = ({ payments, idempotency, ledger, calls, time }: Deps): Reply => {
  const { user, system } = process.cpuUsage();
  return ok({
    cpuMicros: user + system,
    rssBytes: process.memoryUsage.rss(),
    payments: payments.size(),
    idempotencyKeys: idempotency.size(),
    ledgerEntries: ledger.size(),
    calls: calls.made(),
    now: new Date(time.nowMs()).toISOString(),
  });
};

const advanceSchema = z.strictObject({
  ms: z
    .number()
    .min(0)
    .max(400 * 86_400_000),
});
const clockNow = ({ time }: Deps): Reply => ok({ now: new Date(time.nowMs()).toISOString() });

const advance = (deps: Deps, byMs: number): void => {
  deps.time.advance(byMs);
  deps.payments.expireDue();
};

const reset = (deps: Deps): Reply => {
  const { payments, ledger, idempotency, faults, calls, webhooks, journal } = deps;
  for (const store of [payments, ledger, idempotency, faults, calls, webhooks, journal]) {
    store.clear();
  }
  return ok({ empty: true });
};

const routes: Record<string, Handler> = {
  'POST /__ctl/authenticate': authenticate,
  'GET /__ctl/settings': settingsNow,
  'PATCH /__ctl/settings': changeSettings,
  'GET /__ctl/rules': ({ faults }) => ok({ rules: faults.list() }),
  'POST /__ctl/rules': addRule,
  'DELETE /__ctl/rules': ({ faults }) => {
    faults.clear();
    return ok({ rules: [] });
  },
  'POST /__ctl/deposit': (deps, { input }) => onOrder(deps, input, deps.payments.deposit),
  'POST /__ctl/reverse-deposit': (deps, { input }) =>
    onOrder(deps, input, deps.payments.reverseDeposit),
  'POST /__ctl/operator-cancel': operatorCancel,
  'GET /__ctl/clock': clockNow,
  'POST /__ctl/clock/advance': (deps, { input }) => {
    advance(deps, advanceSchema.parse(input).ms);
    return clockNow(deps);
  },
  'GET /__ctl/ledger': listLedger,
  'GET /__ctl/ledger/orders': ({ ledger }) => ok({ orders: ledger.orders() }),
  'GET /__ctl/assert-no-double-charge': assertNoDoubleCharge,
  'GET /__ctl/calls': listCalls,
  'GET /__ctl/webhooks': listWebhooks,
  'POST /__ctl/webhooks/forge': forge,
  'POST /__ctl/webhooks/flush': ({ webhooks }) => ok({ sent: webhooks.flush() }),
  'GET /__ctl/stats': stats,
  'POST /__ctl/reset': reset,
};

/** The control calls that the provider does not have: see README.md for each. */
export const makeControl = (deps: Deps) => {
  const answer = (method: string, url: string, text: string): Reply => {
    const { pathname, searchParams } = new URL(url, 'http://sandbox');
    const rule = /^\/__ctl\/rules\/(\w+)$/.exec(pathname)?.[1];
    if (rule !== undefined && method === 'DELETE') {
      return deps.faults.remove(rule)
        ? ok({ removed: rule })
        : no(404, 'NOT_FOUND', 'no such rule');
    }
    const handler = routes[`${method} ${pathname}`];
    if (handler === undefined) {
      return {
        status: 404,
        body: { code: 'NOT_FOUND', message: 'there are these calls', calls: Object.keys(routes) },
      };
    }
    const input: unknown = text === '' ? undefined : JSON.parse(text);
    return handler(deps, { path: pathname, query: searchParams, input });
  };

  return {
    handle(req: IncomingMessage, res: ServerResponse, url: string, text: string): void {
      let reply: Reply;
      try {
        reply = answer(req.method ?? '', url, text);
      } catch (failure) {
        if (failure instanceof z.ZodError) {
          reply = no(400, 'BAD_CONTROL_CALL', z.prettifyError(failure));
        } else if (failure instanceof SyntaxError) {
          reply = no(400, 'BAD_CONTROL_CALL', `the body is not JSON: ${failure.message}`);
        } else {
          throw failure;
        }
      }
      const body = JSON.stringify(reply.body);
      const length = Buffer.byteLength(body);
      const headers = { 'Content-Type': 'application/json', 'Content-Length': length };
      deps.journal.whenWritten(() => res.writeHead(reply.status, headers).end(body));
    },
    advance: (byMs: number): void => advance(deps, byMs),
  };
};

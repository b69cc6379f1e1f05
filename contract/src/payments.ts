import { attemptIdPattern } from '@usher/domain/ids.ts';
import { attemptOutcomes, attemptStates } from '@usher/domain/order-states.ts';
import { z } from 'zod';
import { idOf, instant, money } from './primitives.ts';
import { defineRoute } from './route.ts';

/** OPEN: the buyer may pay, and the payment has not begun. */
const attemptState = z.enum(['OPEN', ...attemptStates]);
const attemptOutcome = z.enum(attemptOutcomes);

/** The order's id with the number of the attempt. */
const attemptId = z
  .string()
  .regex(new RegExp(`^${attemptIdPattern}$`), 'must be an attempt id')
  .meta({ example: 'att_01jd8zk3v7q2m4x6t9w1y5b0ce-1' });

/** What the buyer's browser needs to open the payment window of the provider. */
export const checkout = z
  .strictObject({
    attemptId: attemptId.meta({ description: 'The payment provider’s order id, too' }),
    provider: z.enum(['toss']),
    clientKey: z.string(),
    amount: money,
    orderName: z.string(),
    checkoutUrl: z
      .string()
      .nullable()
      .meta({ description: 'The sandbox’s payment page; null with a real provider' }),
    successUrl: z.string(),
    failUrl: z.string(),
  })
  .meta({ id: 'Checkout' });
export type Checkout = z.infer<typeof checkout>;

export const attempt = z
  .strictObject({
    id: attemptId,
    orderId: idOf('order'),
    state: attemptState,
    outcome: attemptOutcome.nullable(),
    amount: money,
    providerCode: z.string().nullable(),
    createdAt: instant,
    settledAt: instant.nullable(),
  })
  .meta({ id: 'Attempt' });

const tag = 'Payments';
const paying = { perMinute: 60, burst: 20 };
const attemptParams = z.strictObject({ attemptId });

export const openAttempt = defineRoute({
  name: 'openAttempt',
  method: 'POST',
  path: '/api/v1/orders/{orderId}/payments',
  tag,
  summary: 'Start a new payment attempt after the payment window was closed or failed',
  auth: 'account',
  rate: paying,
  idempotency: 'required',
  params: z.strictObject({ orderId: idOf('order') }),
  responses: { 201: checkout },
  problems: ['NOT_FOUND', 'ORDER_NOT_PAYABLE', 'HOLD_ENDED'],
});

export const confirmPayment = defineRoute({
  name: 'confirmPayment',
  method: 'POST',
  path: '/api/v1/payments/{attemptId}/confirm',
  tag,
  summary:
    'Capture the payment: 200 with the paid order, or 202 if the outcome is not known within 8 s (then read the order)',
  auth: 'account',
  rate: paying,
  idempotency: 'by-id',
  params: attemptParams,
  body: z.strictObject({
    paymentKey: z.string().min(1).max(200),
    amount: z.int().min(1),
  }),
  responses: {
    200: z.strictObject({ orderId: idOf('order'), orderState: z.literal('PAID') }),
    202: z.strictObject({ orderId: idOf('order'), orderState: z.enum(['PAYING', 'UNKNOWN']) }),
  },
  problems: [
    'NOT_FOUND',
    'AMOUNT_MISMATCH',
    'HOLD_ENDED',
    'ORDER_NOT_PAYABLE',
    'PAYMENT_DECLINED',
    'PAYMENT_PROVIDER_REFUSED',
    'PROVIDER_UNAVAILABLE',
  ],
});

export const readAttempt = defineRoute({
  name: 'readAttempt',
  method: 'GET',
  path: '/api/v1/payments/{attemptId}',
  tag,
  summary: 'Read your payment attempt',
  auth: 'account',
  rate: { perMinute: 300, burst: 60 },
  params: attemptParams,
  responses: { 200: attempt },
  problems: ['NOT_FOUND'],
});

export const tossWebhook = defineRoute({
  name: 'tossWebhook',
  method: 'POST',
  path: '/api/v1/webhooks/toss',
  tag,
  summary:
    'Webhook: the provider reports a changed payment; the report is verified with the provider',
  auth: 'public',
  rate: { perMinute: 60_000, burst: 5000 },
  bodyLimitBytes: 64 * 1024,
  body: z.looseObject({
    eventType: z.string().max(64).optional(),
    data: z
      .looseObject({
        orderId: z.string().max(64).optional(),
        paymentKey: z.string().max(200).optional(),
        secret: z.string().max(50).nullish(),
      })
      .optional(),
  }),
  responses: { 200: z.strictObject({ received: z.literal(true) }) },
  problems: [],
});

export const paymentsRoutes = [openAttempt, confirmPayment, readAttempt, tossWebhook];

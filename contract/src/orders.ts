import { orderStates } from '@usher/domain/order-states.ts';
import { z } from 'zod';
import { ladderName } from './catalogue.ts';
import { checkout } from './payments.ts';
import {
  givenInstant,
  gradeCode,
  idOf,
  instant,
  localText,
  money,
  pageOf,
  pageQuery,
} from './primitives.ts';
import { defineRoute } from './route.ts';
import { seatView } from './seats.ts';

const orderState = z.enum(orderStates);

const orderItem = z
  .strictObject({
    seat: seatView,
    grade: gradeCode,
    price: money,
    bookingFee: money,
  })
  .meta({ id: 'OrderItem' });

export const order = z
  .strictObject({
    id: idOf('order'),
    state: orderState,
    holdId: idOf('hold'),
    showId: idOf('show'),
    performanceId: idOf('performance'),
    showTitle: localText,
    venueName: localText,
    startsAt: instant,
    timeZone: z.string(),
    items: z.array(orderItem),
    total: money,
    ladder: ladderName,
    createdAt: instant,
    deadline: instant.meta({ description: 'Pay by then; the seats are held until then' }),
    paidAt: instant.nullable(),
    failureCode: z.string().nullable(),
    linkToken: z.string().nullable().meta({
      description: 'Secret part of the order’s address; shown only to its owner',
    }),
  })
  .meta({ id: 'Order' });
export type Order = z.infer<typeof order>;

const tag = 'Orders';
const orderParams = z.strictObject({ orderId: idOf('order') });

export const placeOrder = defineRoute({
  name: 'placeOrder',
  method: 'POST',
  path: '/api/v1/orders',
  tag,
  summary: 'Create an order from a hold at the server’s prices; restarts the hold once',
  auth: 'account',
  confirmed: 'required',
  rate: { perMinute: 60, burst: 20 },
  idempotency: 'by-id',
  pass: 'required',
  body: z.strictObject({ holdId: idOf('hold') }),
  responses: { 201: z.strictObject({ order, checkout }) },
  problems: ['NOT_FOUND', 'PASS_REQUIRED', 'PASS_ENDED', 'HOLD_ENDED', 'HOLD_HAS_ORDER'],
});

export const listOrders = defineRoute({
  name: 'listOrders',
  method: 'GET',
  path: '/api/v1/orders',
  tag,
  summary: 'List your orders, newest first, by period',
  auth: 'account',
  rate: { perMinute: 300, burst: 60 },
  query: z.strictObject({
    ...pageQuery,
    from: givenInstant.optional(),
    to: givenInstant.optional(),
  }),
  responses: { 200: pageOf(order) },
  problems: [],
});

export const readOrder = defineRoute({
  name: 'readOrder',
  method: 'GET',
  path: '/api/v1/orders/{orderId}',
  tag,
  summary: 'Read your order',
  auth: 'account',
  rate: { perMinute: 600, burst: 120 },
  params: orderParams,
  responses: { 200: order },
  problems: ['NOT_FOUND'],
});

export const cancelOrder = defineRoute({
  name: 'cancelOrder',
  method: 'POST',
  path: '/api/v1/orders/{orderId}/cancel',
  tag,
  summary: 'Cancel an order that is waiting for payment; its seats are on sale again at once',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  idempotency: 'required',
  params: orderParams,
  responses: { 200: order },
  problems: ['NOT_FOUND', 'ORDER_NOT_CANCELLABLE'],
});

export const readOrderByLink = defineRoute({
  name: 'readOrderByLink',
  method: 'GET',
  path: '/api/v1/order-links/{linkToken}',
  tag,
  summary: 'Read an order by the secret address in its mail, without signing in',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: z.strictObject({ linkToken: z.string().min(20).max(120) }),
  responses: { 200: order },
  problems: ['NOT_FOUND'],
});

export const sendTicketsAgain = defineRoute({
  name: 'sendTicketsAgain',
  method: 'POST',
  path: '/api/v1/order-links/{linkToken}/mail',
  tag,
  summary: 'Mail the tickets of a paid order to its buyer again',
  auth: 'public',
  rate: { perMinute: 6, burst: 5 },
  params: z.strictObject({ linkToken: z.string().min(20).max(120) }),
  responses: {
    200: z.strictObject({
      state: z.enum(['QUEUED', 'ON_ITS_WAY', 'TOO_SOON']).meta({
        description:
          'QUEUED: it is sent now; ON_ITS_WAY: the mail before has not been sent yet; TOO_SOON: it was sent a moment ago. The pause doubles each time, from a minute to a day',
      }),
    }),
  },
  problems: ['NOT_FOUND'],
});

export const ordersRoutes = [
  placeOrder,
  listOrders,
  readOrder,
  cancelOrder,
  readOrderByLink,
  sendTicketsAgain,
];

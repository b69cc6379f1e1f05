import { type SeatView, seatMarkKinds } from '@usher/domain/layout.ts';
import { holdStates } from '@usher/domain/order-states.ts';
import { z } from 'zod';
import { gradeCode, idOf, instant, localText, seatNo } from './primitives.ts';
import { defineRoute } from './route.ts';

const tag = 'Seats';
const performanceParams = z.strictObject({ performanceId: idOf('performance') });
const holdParams = z.strictObject({ holdId: idOf('hold') });

/** Most seats in one hold. */
const holdSeatsMax = 4;

export const seatView = z
  .strictObject({
    seatNo,
    section: localText,
    row: z.string(),
    label: z.string().meta({ description: 'As it is printed on the seat', example: 'A12' }),
    mark: z.enum(seatMarkKinds).nullable(),
    grade: gradeCode,
    gradeName: localText,
  })
  .meta({ id: 'Seat' }) satisfies z.ZodType<SeatView>;

const holdState = z.enum(holdStates);
export const hold = z
  .strictObject({
    id: idOf('hold'),
    performanceId: idOf('performance'),
    state: holdState,
    seats: z.array(seatView),
    deadline: instant.meta({
      description: 'The seats are yours until then, by the server’s clock',
    }),
    endsBy: instant.meta({ description: 'The hold cannot be extended beyond this' }),
    extendable: z.boolean(),
    orderId: idOf('order').nullable().meta({
      description: 'The order that was placed with it last; null: none was',
    }),
    now: instant.meta({ description: 'The server’s clock when the response was made' }),
  })
  .meta({ id: 'Hold' });

export const readSeats = defineRoute({
  name: 'readSeats',
  method: 'GET',
  path: '/api/v1/performances/{performanceId}/seats',
  tag,
  summary:
    '2 bits a seat in seatNo order, 4 seats a byte, lowest bits first: 0 free, 1 held, 2 sold, 3 blocked. ETag is the version',
  auth: 'public',
  rate: { perMinute: 600, burst: 120 },
  params: performanceParams,
  responses: {
    200: { contentType: 'application/octet-stream', description: '2 bits a seat' },
    304: null,
  },
  problems: ['NOT_FOUND'],
});

export const watchSeats = defineRoute({
  name: 'watchSeats',
  method: 'GET',
  path: '/api/v1/performances/{performanceId}/seats/stream',
  tag,
  summary:
    'Server-sent events: `state` first, then `delta`; the id is the version, the data is base64 of varints: gap to the previous seat × 4 + state. After a gap in the versions, read the seats again',
  auth: 'public',
  rate: { perMinute: 3000, burst: 600 },
  rateBy: 'address',
  params: performanceParams,
  responses: { 200: { contentType: 'text/event-stream', description: 'state and delta events' } },
  problems: ['NOT_FOUND'],
});

export const takeHold = defineRoute({
  name: 'takeHold',
  method: 'POST',
  path: '/api/v1/performances/{performanceId}/holds',
  tag,
  summary:
    'Hold one to four seats, all or none: chosen seats, or the best adjacent ones of a grade',
  auth: 'account',
  confirmed: 'required',
  rate: { perMinute: 120, burst: 30 },
  idempotency: 'by-id',
  pass: 'required',
  params: performanceParams,
  body: z.union([
    z.strictObject({
      seats: z
        .array(seatNo)
        .min(1)
        .max(holdSeatsMax, `a hold has at most ${holdSeatsMax} seats`)
        .refine((seats) => new Set(seats).size === seats.length, 'lists a seat twice'),
    }),
    z.strictObject({
      bestAvailable: z.strictObject({
        grade: gradeCode,
        count: z.int().min(1).max(holdSeatsMax, `a hold has at most ${holdSeatsMax} seats`),
      }),
    }),
  ]),
  responses: { 201: hold },
  problems: [
    'NOT_FOUND',
    'SALE_NOT_OPEN',
    'SALE_CLOSED',
    'PASS_REQUIRED',
    'PASS_ENDED',
    'SEATS_TAKEN',
    'SEATS_ALREADY_YOURS',
    'SEATS_BLOCKED',
    'NO_SEATS_FREE',
    'NO_ADJACENT_SEATS',
    'SEAT_LEFT_STRANDED',
    'BUYER_LIMIT_REACHED',
    'SHOW_SOLD_OUT',
  ],
});

export const listHolds = defineRoute({
  name: 'listHolds',
  method: 'GET',
  path: '/api/v1/holds',
  tag,
  summary:
    'List what you hold now, newest first, with its orders: for a client that lost the response to its call',
  auth: 'account',
  rate: { perMinute: 300, burst: 60 },
  query: z.strictObject({ performanceId: idOf('performance').optional() }),
  responses: { 200: z.strictObject({ items: z.array(hold) }) },
  problems: [],
});

export const readHold = defineRoute({
  name: 'readHold',
  method: 'GET',
  path: '/api/v1/holds/{holdId}',
  tag,
  summary: 'Read your hold',
  auth: 'account',
  rate: { perMinute: 600, burst: 120 },
  params: holdParams,
  responses: { 200: hold },
  problems: ['NOT_FOUND'],
});

export const extendHold = defineRoute({
  name: 'extendHold',
  method: 'POST',
  path: '/api/v1/holds/{holdId}/extend',
  tag,
  summary: 'Restart the hold’s timer, once; creating the order does the same if not used before',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  idempotency: 'required',
  params: holdParams,
  responses: { 200: hold },
  problems: ['NOT_FOUND', 'HOLD_ENDED', 'HOLD_EXTENDED_ALREADY'],
});

export const releaseHold = defineRoute({
  name: 'releaseHold',
  method: 'DELETE',
  path: '/api/v1/holds/{holdId}',
  tag,
  summary: 'Release the seats at once; this also cancels an order that is waiting for payment',
  auth: 'account',
  rate: { perMinute: 120, burst: 30 },
  params: holdParams,
  responses: { 204: null },
  problems: ['NOT_FOUND', 'HOLD_ENDED'],
});

export const seatsRoutes = [
  readSeats,
  watchSeats,
  takeHold,
  listHolds,
  readHold,
  extendHold,
  releaseHold,
];

import { z } from 'zod';
import { attempt } from './payments.ts';
import { idOf, instant } from './primitives.ts';
import { defineRoute } from './route.ts';

const tag = 'Operations';
const probing = { perMinute: 6000, burst: 1000 };
const operating = { perMinute: 120, burst: 60 };

export const healthz = defineRoute({
  name: 'healthz',
  method: 'GET',
  path: '/healthz',
  tag,
  summary: 'Liveness: the process is running',
  auth: 'public',
  rate: probing,
  responses: { 200: z.strictObject({ alive: z.literal(true) }) },
  problems: [],
});

export const readyz = defineRoute({
  name: 'readyz',
  method: 'GET',
  path: '/readyz',
  tag,
  summary:
    'Readiness: the database responds, this process can serve the waiting rooms, and it is not shutting down',
  auth: 'public',
  rate: probing,
  responses: {
    200: z.strictObject({ ready: z.literal(true) }),
    503: z.strictObject({ ready: z.literal(false), missing: z.array(z.string()) }),
  },
  problems: [],
});

export const readMetrics = defineRoute({
  name: 'readMetrics',
  method: 'GET',
  path: '/metrics',
  tag,
  summary: 'Read metrics in Prometheus text format',
  auth: 'public',
  rate: operating,
  rateBy: 'address',
  responses: { 200: { contentType: 'text/plain', description: 'Prometheus metrics' } },
  problems: [],
});

export const deadLetter = z
  .strictObject({
    consumer: z.string(),
    eventId: idOf('event'),
    showId: z.string(),
    type: z.string(),
    payload: z.unknown(),
    tries: z.int(),
    error: z.string(),
    diedAt: instant,
  })
  .meta({ id: 'DeadLetter' });

export const listDeadLetters = defineRoute({
  name: 'listDeadLetters',
  method: 'GET',
  path: '/api/v1/operator/dead-letters',
  tag,
  summary: 'List events that a consumer failed to handle after all retries, oldest first',
  auth: 'operator',
  rate: operating,
  responses: { 200: z.strictObject({ items: z.array(deadLetter) }) },
  problems: [],
});

export const replayDeadLetter = defineRoute({
  name: 'replayDeadLetter',
  method: 'POST',
  path: '/api/v1/operator/dead-letters/{consumer}/{eventId}/replay',
  tag,
  summary: 'Redeliver a dead letter to its consumer',
  auth: 'operator',
  rate: operating,
  idempotency: 'optional',
  params: z.strictObject({ consumer: z.string().max(64), eventId: idOf('event') }),
  responses: { 204: null },
  problems: ['NOT_FOUND'],
});

export const listOpenPayments = defineRoute({
  name: 'listOpenPayments',
  method: 'GET',
  path: '/api/v1/operator/payments',
  tag,
  summary: 'List payments whose outcome is unknown, oldest first',
  auth: 'operator',
  rate: operating,
  responses: { 200: z.strictObject({ items: z.array(attempt) }) },
  problems: [],
});

const composed = {
  description: 'Null until the mail is composed; a mail with a code is not kept',
};

export const mail = z
  .strictObject({
    id: idOf('mail'),
    kind: z.enum(['order-paid', 'order-failed', 'order-unknown', 'sale-opened', 'account-code']),
    aboutId: z.string().meta({ description: 'The order, the show or the code' }),
    recipientId: idOf('account'),
    to: z.string().nullable().meta(composed),
    subject: z.string().nullable().meta(composed),
    text: z.string().nullable().meta(composed),
    writtenAt: instant,
    sentAt: instant.nullable(),
    givenUpAt: instant.nullable(),
    tries: z.int().min(0),
    error: z.string().nullable().meta({ description: 'Why the last try failed' }),
  })
  .meta({ id: 'Mail' });

export const listMails = defineRoute({
  name: 'listMails',
  method: 'GET',
  path: '/api/v1/operator/mails',
  tag,
  summary: 'List the newest mails of the ticket office, also those that it failed to compose',
  auth: 'operator',
  rate: operating,
  query: z.strictObject({
    only: z.enum(['failing']).optional().meta({
      description: '`failing`: only mails whose last try failed, and those that were given up',
    }),
  }),
  responses: { 200: z.strictObject({ items: z.array(mail) }) },
  problems: [],
});

export const operationsRoutes = [
  healthz,
  readyz,
  readMetrics,
  listDeadLetters,
  replayDeadLetter,
  listOpenPayments,
  listMails,
];

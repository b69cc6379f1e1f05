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
  summary: 'The process is alive',
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
  summary: 'The process can serve: its database answers and it is not closing',
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
  summary: 'Meters in Prometheus’ text format',
  auth: 'public',
  rate: probing,
  responses: { 200: { contentType: 'text/plain', description: 'Prometheus metrics' } },
  problems: [],
});

export const deadLetter = z.strictObject({
  consumer: z.string(),
  eventId: idOf('event'),
  showId: z.string(),
  type: z.string(),
  payload: z.unknown(),
  tries: z.int(),
  error: z.string(),
  diedAt: instant,
});

export const listDeadLetters = defineRoute({
  name: 'listDeadLetters',
  method: 'GET',
  path: '/api/v1/operator/dead-letters',
  tag,
  summary: 'Events that a consumer could not take after all tries, oldest first',
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
  summary: 'Hands a dead letter to its consumer again',
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
  summary: 'Payments whose outcome is not known, oldest first',
  auth: 'operator',
  rate: operating,
  responses: { 200: z.strictObject({ items: z.array(attempt) }) },
  problems: [],
});

export const mail = z.strictObject({
  id: idOf('mail'),
  to: z.string(),
  subject: z.string(),
  writtenAt: instant,
  sentAt: instant.nullable(),
  givenUpAt: instant.nullable(),
  error: z.string().nullable(),
  text: z.string(),
});

export const listMails = defineRoute({
  name: 'listMails',
  method: 'GET',
  path: '/api/v1/operator/mails',
  tag,
  summary: 'The newest mails that the ticket office wrote',
  auth: 'operator',
  rate: operating,
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

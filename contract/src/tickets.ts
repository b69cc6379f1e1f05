import { ticketStates } from '@usher/domain/order-states.ts';
import { z } from 'zod';
import { idOf, instant, localText } from './primitives.ts';
import { defineRoute } from './route.ts';
import { seatView } from './seats.ts';

const ticketState = z.enum(ticketStates);

export const ticket = z
  .strictObject({
    id: idOf('ticket'),
    orderId: idOf('order'),
    performanceId: idOf('performance'),
    state: ticketState,
    showTitle: localText,
    venueName: localText,
    startsAt: instant,
    timeZone: z.string(),
    buyerName: z.string().nullable().meta({
      description: 'Null where the show does not want it, or the account is gone',
    }),
    seat: seatView,
    code: z.string().meta({ description: 'The signed code shown as QR' }),
    issuedAt: instant,
  })
  .meta({ id: 'Ticket' });

const tag = 'Tickets';
const reading = { perMinute: 300, burst: 60 };
// A PDF costs about 10 ms of the side thread.
const drawing = { perMinute: 60, burst: 20 };
const orderParams = z.strictObject({ orderId: idOf('order') });
const ticketParams = z.strictObject({ ticketId: idOf('ticket') });

export const listTickets = defineRoute({
  name: 'listTickets',
  method: 'GET',
  path: '/api/v1/orders/{orderId}/tickets',
  tag,
  summary: 'List the tickets of your order',
  auth: 'account',
  rate: reading,
  params: orderParams,
  responses: { 200: z.strictObject({ items: z.array(ticket) }) },
  problems: ['NOT_FOUND'],
});

export const readTicket = defineRoute({
  name: 'readTicket',
  method: 'GET',
  path: '/api/v1/tickets/{ticketId}',
  tag,
  summary: 'Read your ticket',
  auth: 'account',
  rate: reading,
  params: ticketParams,
  responses: { 200: ticket },
  problems: ['NOT_FOUND'],
});

export const readTicketQr = defineRoute({
  name: 'readTicketQr',
  method: 'GET',
  path: '/api/v1/tickets/{ticketId}/qr.svg',
  tag,
  summary: 'Read the ticket’s code as a QR image',
  auth: 'account',
  rate: reading,
  params: ticketParams,
  responses: { 200: { contentType: 'image/svg+xml', description: 'QR code' } },
  problems: ['NOT_FOUND'],
});

export const readTicketPdf = defineRoute({
  name: 'readTicketPdf',
  method: 'GET',
  path: '/api/v1/tickets/{ticketId}/ticket.pdf',
  tag,
  summary: 'Download the ticket as a PDF',
  auth: 'account',
  rate: drawing,
  params: ticketParams,
  responses: { 200: { contentType: 'application/pdf', description: 'One ticket' } },
  problems: ['NOT_FOUND'],
});

export const readOrderPdf = defineRoute({
  name: 'readOrderPdf',
  method: 'GET',
  path: '/api/v1/orders/{orderId}/tickets.pdf',
  tag,
  summary: 'Download all tickets of an order as a PDF, one per page',
  auth: 'account',
  rate: drawing,
  params: orderParams,
  responses: { 200: { contentType: 'application/pdf', description: 'One page per ticket' } },
  problems: ['NOT_FOUND'],
});

export const readCalendar = defineRoute({
  name: 'readCalendar',
  method: 'GET',
  path: '/api/v1/orders/{orderId}/calendar.ics',
  tag,
  summary: 'Download the performance as a calendar entry',
  auth: 'account',
  rate: reading,
  params: orderParams,
  responses: { 200: { contentType: 'text/calendar', description: 'iCalendar' } },
  problems: ['NOT_FOUND'],
});

const linkToken = z.string().min(20).max(120);
const linkParams = z.strictObject({ linkToken });

export const listTicketsByLink = defineRoute({
  name: 'listTicketsByLink',
  method: 'GET',
  path: '/api/v1/order-links/{linkToken}/tickets',
  tag,
  summary: 'List the tickets of an order by the secret address in its mail, without signing in',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: linkParams,
  responses: { 200: z.strictObject({ items: z.array(ticket) }) },
  problems: ['NOT_FOUND'],
});

export const readTicketQrByLink = defineRoute({
  name: 'readTicketQrByLink',
  method: 'GET',
  path: '/api/v1/order-links/{linkToken}/tickets/{ticketId}/qr.svg',
  tag,
  summary: 'Read a ticket’s code as a QR image by the secret address of its order',
  auth: 'public',
  rate: { perMinute: 120, burst: 60 },
  params: z.strictObject({ linkToken, ticketId: idOf('ticket') }),
  responses: { 200: { contentType: 'image/svg+xml', description: 'QR code' } },
  problems: ['NOT_FOUND'],
});

export const readOrderPdfByLink = defineRoute({
  name: 'readOrderPdfByLink',
  method: 'GET',
  path: '/api/v1/order-links/{linkToken}/tickets.pdf',
  tag,
  summary: 'Download all tickets of an order as a PDF by its secret address',
  auth: 'public',
  rate: drawing,
  params: linkParams,
  responses: { 200: { contentType: 'application/pdf', description: 'One page per ticket' } },
  problems: ['NOT_FOUND'],
});

export const checkPrinting = defineRoute({
  name: 'checkPrinting',
  method: 'POST',
  path: '/api/v1/organiser/printing',
  tag,
  summary: 'List the characters of texts that no font of the tickets has: they become boxes',
  auth: 'organiser',
  rate: drawing,
  body: z.strictObject({ texts: z.array(z.string().max(2000)).min(1).max(20) }),
  responses: { 200: z.strictObject({ unprintable: z.array(z.string()) }) },
  problems: [],
});

export const ticketsRoutes = [
  listTickets,
  readTicket,
  readTicketQr,
  readTicketPdf,
  readOrderPdf,
  readCalendar,
  listTicketsByLink,
  readTicketQrByLink,
  readOrderPdfByLink,
  checkPrinting,
];

import {
  checkPrinting,
  listTickets,
  listTicketsByLink,
  readCalendar,
  readOrderPdf,
  readOrderPdfByLink,
  readTicket,
  readTicketPdf,
  readTicketQr,
  readTicketQrByLink,
} from '@usher/contract/tickets.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, type Route, rawAnswer, route } from '../../platform/http/route.ts';
import type { Drawn, TicketsService } from './service.ts';

/** A ticket admits anyone who shows it: no cache may store it. */
const fileAnswer = (drawn: Drawn<Buffer | string>, type: string, disposition: string) => {
  switch (drawn.outcome) {
    case 'unknown':
      return refuse('NOT_FOUND');
    case 'cancelled':
      return refuse('NOT_FOUND', { detail: 'The ticket was cancelled and is no longer valid.' });
    case 'drawn':
      return rawAnswer(200, drawn.document, {
        'content-type': type,
        'content-disposition': disposition,
        'cache-control': 'private, no-store',
      });
  }
};

export const makeTicketsRoutes = (tickets: TicketsService): Route[] => [
  route(listTickets, async ({ caller, params }) => {
    const items = await tickets.ofOrder(caller.accountId, params.orderId);
    return items === null ? refuse('NOT_FOUND') : answer(200, { items });
  }),
  route(readTicket, async ({ caller, params }) => {
    const ticket = await tickets.ticket(caller.accountId, params.ticketId);
    return ticket === null ? refuse('NOT_FOUND') : answer(200, ticket);
  }),
  route(readTicketQr, async ({ caller, params: { ticketId } }) => {
    const drawn = await tickets.ticketQr(caller.accountId, ticketId);
    return fileAnswer(drawn, 'image/svg+xml', `inline; filename="${ticketId}.svg"`);
  }),
  route(readTicketPdf, async ({ caller, params: { ticketId } }) => {
    const drawn = await tickets.ticketPdf(caller.accountId, ticketId);
    return fileAnswer(drawn, 'application/pdf', `inline; filename="${ticketId}.pdf"`);
  }),
  route(readOrderPdf, async ({ caller, params: { orderId } }) => {
    const drawn = await tickets.orderPdf(caller.accountId, orderId);
    return fileAnswer(drawn, 'application/pdf', `inline; filename="${orderId}.pdf"`);
  }),
  route(readCalendar, async ({ caller, params: { orderId } }) => {
    const drawn = await tickets.orderCalendar(caller.accountId, orderId);
    const disposition = `attachment; filename="${orderId}.ics"`;
    return fileAnswer(drawn, 'text/calendar; charset=utf-8', disposition);
  }),
  route(listTicketsByLink, async ({ params }) => {
    const items = await tickets.listByLink(params.linkToken);
    return items === null
      ? refuse('NOT_FOUND')
      : answer(200, { items }, { 'cache-control': 'private, no-store' });
  }),
  route(readTicketQrByLink, async ({ params: { linkToken, ticketId } }) => {
    const drawn = await tickets.qrByLink(linkToken, ticketId);
    return fileAnswer(drawn, 'image/svg+xml', `inline; filename="${ticketId}.svg"`);
  }),
  route(readOrderPdfByLink, async ({ params }) => {
    const drawn = await tickets.pdfByLink(params.linkToken);
    return fileAnswer(drawn, 'application/pdf', 'inline; filename="tickets.pdf"');
  }),
  route(checkPrinting, async ({ body }) =>
    answer(200, { unprintable: await tickets.findUnprintable(body.texts) }),
  ),
];

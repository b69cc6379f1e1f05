export { openTickets } from './module.ts';
export { formatStart } from './render.ts';
export type { TicketsDoors, TicketsService } from './service.ts';

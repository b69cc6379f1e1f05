export { openTickets } from './module.ts';
export { formatStart, oneLine } from './render.ts';
export type { TicketsDoors, TicketsService } from './service.ts';

// Beside the roles: texts.ts, names on one line.
// Beside the roles: zone.ts, the clock of the venue.
// Beside the roles: calendar.ts, the performance as a calendar entry.
export { openTickets } from './module.ts';
export type { TicketsDoors, TicketsService } from './service.ts';
export { oneLine } from './texts.ts';
export { formatStart } from './zone.ts';

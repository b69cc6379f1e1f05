// Beside the roles: texts.ts, names on one line.
// Beside the roles: zone.ts, the clock of the venue.
// Beside the roles: calendar.ts, the performance as a calendar entry.
// Beside the roles: fonts.ts, which font has which character of a ticket.
// Beside the roles: outlines.ts, the file of an embedded font.
export { openTickets } from './module.ts';
export type { TicketsDoors, TicketsService } from './service.ts';
export { oneLine } from './texts.ts';
export { formatStart } from './zone.ts';

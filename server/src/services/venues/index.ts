export { openVenues } from './module.ts';
export { venueBody } from './routes.ts';
export type { Maker, VenuesService } from './service.ts';
export type { SeatingPlan, Venue } from './store.ts';

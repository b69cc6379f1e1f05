export { openVenues, type VenuesContext } from './module.ts';
export { venueBody } from './routes.ts';
export type { House, Maker, PlanLayout, VenuesService } from './service.ts';
export type { Venue } from './store.ts';

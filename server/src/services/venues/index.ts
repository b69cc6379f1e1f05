export { openVenues, type VenuesContext } from './module.ts';
export { venueBody } from './routes.ts';
export type { House, Maker, NewPlan, PlanLayout, VenuesService } from './service.ts';
export type { SeatingPlan, Venue } from './store.ts';

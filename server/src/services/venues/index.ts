export { openVenues, type VenuesContext } from './module.ts';
export { venueBody } from './routes.ts';
export type { Maker, NewPlan, PlanLayout, VenueFacts, VenuesService } from './service.ts';
export type { SeatingPlan, Venue } from './store.ts';

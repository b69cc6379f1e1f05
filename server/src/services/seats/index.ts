export type { SeatsSettings } from './config.ts';
export { openSeats } from './module.ts';
export type { HoldFacts, Seats, SeatsCatalogue } from './service.ts';
export { type Deltas, makeSeatStock } from './store.ts';

export { openSeats } from './module.ts';
export type { HoldFacts, SeatLine, Seats, SeatsCatalogue } from './service.ts';
export {
  makeSeatStock,
  type PerformanceDelta,
  type SeatStock,
  type StockOpening,
} from './store.ts';

export { openOperations } from './module.ts';
export { probeRoutes } from './routes.ts';
export type { Levers, RoomRefused, Rooms } from './service.ts';

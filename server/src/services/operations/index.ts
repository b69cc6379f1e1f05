export { openLevers } from './module.ts';
export { operationsRoutes } from './routes.ts';
export type { Levers, RoomChanged, RoomRefused, Rooms } from './service.ts';

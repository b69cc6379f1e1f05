import { catalogueRoutes } from './catalogue.ts';
import { identityRoutes } from './identity.ts';
import { operationsRoutes } from './operations.ts';
import { ordersRoutes } from './orders.ts';
import { organiserRoutes } from './organiser.ts';
import { paymentsRoutes } from './payments.ts';
import type { RouteSpec } from './route.ts';
import { seatsRoutes } from './seats.ts';
import { ticketsRoutes } from './tickets.ts';
import { waitingRoomRoutes } from './waiting-room.ts';

/** Every route of the program: the OpenAPI document and the tests that walk all routes use it. */
export const allRoutes: readonly RouteSpec[] = [
  ...identityRoutes,
  ...catalogueRoutes,
  ...organiserRoutes,
  ...waitingRoomRoutes,
  ...seatsRoutes,
  ...ordersRoutes,
  ...paymentsRoutes,
  ...ticketsRoutes,
  ...operationsRoutes,
];

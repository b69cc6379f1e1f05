import type { Context } from '../../platform/context.ts';
import type { Relay } from '../../platform/journal/relay.ts';
import type { Module } from '../../platform/module.ts';
import { idleWorker } from '../../platform/worker.ts';
import type { UnknownPayments } from '../payments/index.ts';
import { leverRoutes, troubleRoutes } from './routes.ts';
import { type Levers, makeLevers, type Rooms } from './service.ts';
import { makeLeverAudit } from './store.ts';

/**
 * The levers of the waiting rooms, and what needs an operator's attention. Nothing here runs by
 * itself.
 */
export const openOperations = (
  { db, ids }: Pick<Context, 'db' | 'ids'>,
  doors: {
    rooms: Rooms;
    relay: Pick<Relay, 'deadLetters' | 'replay'>;
    payments: UnknownPayments;
  },
): Module<Levers> => {
  const levers = makeLevers({ audit: makeLeverAudit(db), rooms: doors.rooms, ids });
  return {
    service: levers,
    routes: [...leverRoutes(levers), ...troubleRoutes(doors)],
    start: () => idleWorker,
    close: async () => undefined,
  };
};

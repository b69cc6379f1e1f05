import type { Clock } from '../../platform/clock.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { idleWorker } from '../../platform/worker.ts';
import { makeVenuesRoutes } from './routes.ts';
import { makeVenues, type VenuesService } from './service.ts';

type VenuesContext = { db: Database; clock: Clock; ids: Ids; log: Log };

export const openVenues = (context: VenuesContext): Module<VenuesService> => {
  const { db, clock, ids, log } = context;
  const venues = makeVenues({ db, clock, ids, log });
  return {
    service: venues,
    routes: makeVenuesRoutes(venues),
    start: () => idleWorker,
    close: async () => undefined,
  };
};

import type { Clock } from '../../platform/clock.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { VenuesService } from '../venues/index.ts';
import { catalogueChannel, makeSoldOutConsumer, openCounts } from './events.ts';
import { makeCheckSoldOut, makeTellOpenings, type Tell } from './jobs.ts';
import { makeCatalogueRoutes } from './routes.ts';
import { type CatalogueService, makeCatalogue, type Stock } from './service.ts';
import { readCounts } from './store.ts';

export type CatalogueContext = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  /**
   * Names a LISTEN channel and who hears it. An empty message says that some may have been missed:
   * when the listener was opened, and when it was interrupted.
   */
  listen(channel: string, onMessage: (payload: string) => void): void;
};

export const openCatalogue = async (
  context: CatalogueContext,
  doors: { venues: VenuesService; stock: Stock; tell: Tell },
): Promise<Module<CatalogueService>> => {
  const { db, clock, ids, log, listen } = context;
  const { venues, stock, tell } = doors;
  const counts = await openCounts({ clock, log, read: (sinceMs) => readCounts(db, sinceMs) });
  const catalogue = makeCatalogue({ db, clock, ids, log, venues, stock, counts });
  listen(catalogueChannel, (showId) => {
    if (showId === '') catalogue.forgetAll();
    else catalogue.forget(showId);
  });
  return {
    service: catalogue,
    routes: makeCatalogueRoutes(catalogue),
    consumers: [makeSoldOutConsumer(catalogue.checkSoldOut)],
    jobs: [
      makeTellOpenings({ db, clock, log, tell }),
      makeCheckSoldOut({ db, clock, checkSoldOut: catalogue.checkSoldOut }),
    ],
    close: () => counts.close(),
  };
};

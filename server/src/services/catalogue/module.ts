import type { Context } from '../../platform/context.ts';
import type { Module } from '../../platform/module.ts';
import type { VenuesService } from '../venues/index.ts';
import { makeCounts } from './counts.ts';
import { catalogueChannel, makeSoldOutConsumer } from './events.ts';
import { makeCheckSoldOut, makeOpeningJobs } from './jobs.ts';
import { makeCatalogueRoutes } from './routes.ts';
import { type CatalogueService, makeCatalogue } from './service.ts';
import type { Stock } from './stock.ts';
import { readCounts } from './store.ts';

type CatalogueContext = Pick<Context, 'db' | 'clock' | 'ids' | 'log' | 'listen' | 'relayWake'>;

export const openCatalogue = async (
  context: CatalogueContext,
  doors: { venues: VenuesService; stock: Stock },
): Promise<Module<CatalogueService>> => {
  const { db, clock, ids, log, listen, relayWake } = context;
  const { venues, stock } = doors;
  const counts = await makeCounts({ clock, log, read: (sinceMs) => readCounts(db, sinceMs) });
  const catalogue = makeCatalogue({ db, clock, ids, log, venues, stock, counts });
  // Holds and orders read these facts, so every process that opens the catalogue listens for edits.
  listen(catalogueChannel, (showId) => {
    if (showId === '') catalogue.forgetAll();
    else catalogue.forget(showId);
  });
  return {
    service: catalogue,
    routes: makeCatalogueRoutes(catalogue),
    consumers: [makeSoldOutConsumer(catalogue.checkSoldOut)],
    jobs: [
      ...makeOpeningJobs({ db, clock, log, relayWake }),
      makeCheckSoldOut({ db, clock, checkSoldOut: catalogue.checkSoldOut }),
    ],
    // Only lists and pages of shows contain likes and sold out.
    start: counts.start,
    close: async () => undefined,
  };
};

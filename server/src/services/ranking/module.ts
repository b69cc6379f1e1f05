import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { CatalogueService } from '../catalogue/index.ts';
import { makeRankingConsumer } from './events.ts';
import { makeRankingRoutes } from './routes.ts';
import { makeSnapshots, type Ranking } from './service.ts';

type RankingContext = { db: Database; clock: Clock; log: Log };

export const openRanking = async (
  context: RankingContext,
  doors: { catalogue: Pick<CatalogueService, 'show' | 'summaries'> },
): Promise<Module<Ranking>> => {
  const { catalogue } = doors;
  const ranking = await makeSnapshots({ ...context, catalogue });
  return {
    service: ranking,
    routes: makeRankingRoutes(ranking),
    consumers: [
      makeRankingConsumer(async (showId) => (await catalogue.show(showId))?.timeZone ?? null),
    ],
    start: ranking.start,
    close: async () => undefined,
  };
};

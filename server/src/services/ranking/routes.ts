import { readRanking } from '@usher/contract/catalogue.ts';
import { answer, type Route, route } from '../../platform/http/route.ts';
import type { Ranking } from './service.ts';

export const makeRankingRoutes = (ranking: Ranking): Route[] => [
  route(readRanking, async ({ query }) => {
    const category = query.category ?? null;
    const { startsAtMs, asOfMs, items } = ranking.read(category, query.period, query.limit);
    const body = {
      category,
      period: query.period,
      startsAt: new Date(startsAtMs).toISOString(),
      asOf: new Date(asOfMs).toISOString(),
      items: items.map((item, i) => ({ rank: i + 1, ...item })),
    };
    return answer(200, body, { 'cache-control': 'public, max-age=1' });
  }),
];

import type { Category } from '@usher/domain/categories.ts';
import { periodOf, type RankingPeriod } from '@usher/domain/ranking-period.ts';
import type { Clock } from '../../platform/clock.ts';
import { makeLoop } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Worker } from '../../platform/worker.ts';
import type { CatalogueService, SummaryBody } from '../catalogue/index.ts';
import { listedMax, readEveryMs, siteTimeZone } from './limits.ts';
import { type PeriodStarts, readTotals, type Totals } from './store.ts';

type RankingList = {
  readonly startsAtMs: number;
  readonly asOfMs: number;
  readonly items: readonly { ticketsSold: number; show: SummaryBody }[];
};
export type Ranking = {
  /** The best sellers, best first. From memory, without I/O. */
  read(category: Category | null, period: RankingPeriod, limit: number): RankingList;
  /** Reads the totals periodically from now on. */
  start(): Worker;
};

type Entry = { readonly tickets: number; readonly showAt: (nowMs: number) => SummaryBody };
type Snapshot = {
  readonly asOfMs: number;
  /** By category and period. */
  readonly lists: ReadonlyMap<string, readonly Entry[]>;
};

const periods: readonly [RankingPeriod, 'day' | 'week' | 'month'][] = [
  ['DAY', 'day'],
  ['WEEK', 'week'],
  ['MONTH', 'month'],
];
const keyOf = (category: Category | null, period: RankingPeriod): string =>
  `${category ?? 'ALL'} ${period}`;

const startsOf = (nowMs: number, timeZone: string): PeriodStarts => {
  const dayOf = (period: RankingPeriod): string =>
    periodOf(nowMs, period, timeZone).key.slice(period.length + 1);
  return { timeZone, day: dayOf('DAY'), week: dayOf('WEEK'), month: `${dayOf('MONTH')}-01` };
};

/** The shows of every list, best first; with equal tickets the order of ids decides. */
const rank = (totals: readonly Totals[]): Map<string, { showId: string; tickets: number }[]> => {
  const lists = new Map<string, Map<string, number>>();
  for (const total of totals)
    for (const [period, field] of periods)
      for (const category of [total.category, null]) {
        const list = lists.get(keyOf(category, period)) ?? new Map<string, number>();
        lists.set(keyOf(category, period), list);
        list.set(total.showId, (list.get(total.showId) ?? 0) + total[field]);
      }
  const best = (list: ReadonlyMap<string, number>) =>
    [...list]
      .map(([showId, tickets]) => ({ showId, tickets }))
      .filter(({ tickets }) => tickets > 0)
      .sort((a, b) => b.tickets - a.tickets || (a.showId < b.showId ? -1 : 1))
      .slice(0, listedMax);
  return new Map([...lists].map(([key, list]) => [key, best(list)]));
};

export const makeSnapshots = async (deps: {
  db: Sql;
  clock: Clock;
  log: Log;
  catalogue: Pick<CatalogueService, 'summaries'>;
}): Promise<Ranking> => {
  const { db, clock, log, catalogue } = deps;
  const timeZones = new Set([siteTimeZone]);

  const totalsAt = async (nowMs: number): Promise<Totals[]> => {
    for (;;) {
      const starts = [...timeZones].map((timeZone) => startsOf(nowMs, timeZone));
      const { totals, unknownTimeZones } = await readTotals(db, starts);
      if (unknownTimeZones.length === 0) return totals;
      for (const timeZone of unknownTimeZones) timeZones.add(timeZone);
    }
  };
  const read = async (): Promise<Snapshot> => {
    const asOfMs = clock.nowMs();
    const ranked = rank(await totalsAt(asOfMs));
    const showIds = new Set([...ranked.values()].flat().map(({ showId }) => showId));
    const shows = await catalogue.summaries([...showIds]);
    const lists = [...ranked].map(([key, list]) => {
      const entries = list.flatMap(({ showId, tickets }) => {
        const showAt = shows.get(showId);
        return showAt === undefined ? [] : [{ tickets, showAt }];
      });
      return [key, entries] as const;
    });
    return { asOfMs, lists: new Map(lists) };
  };

  let snapshot = await read();
  return {
    read: (category, period, limit) => {
      const { asOfMs, lists } = snapshot;
      const nowMs = clock.nowMs();
      const entries = lists.get(keyOf(category, period)) ?? [];
      return {
        startsAtMs: periodOf(asOfMs, period, siteTimeZone).startAtMs,
        asOfMs,
        items: entries
          .slice(0, limit)
          .map(({ tickets, showAt }) => ({ ticketsSold: tickets, show: showAt(nowMs) })),
      };
    },
    start: () =>
      makeLoop({
        clock,
        everyMs: readEveryMs,
        run: async () => {
          snapshot = await read();
        },
        onError: (error) => log.warn({ err: error }, 'reading the ranking failed'),
      }),
  };
};

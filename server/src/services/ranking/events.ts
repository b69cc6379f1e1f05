import { events } from '@usher/contract/events.ts';
import { periodOf } from '../../domain/ranking-period.ts';
import type { Consumer } from '../../platform/outbox/relay.ts';
import { siteTimeZone } from './config.ts';
import { addSales, type DaySales } from './store.ts';

/** Counts paid tickets on the day that the venue's clock showed when they were paid. */
export const makeRankingConsumer = (
  timeZoneOf: (showId: string) => Promise<string | null>,
): Consumer => ({
  name: 'ranking',
  types: ['order.paid'],
  handle: async (tx, paid) => {
    const sales = new Map<string, DaySales>();
    for (const { showId, payload } of paid) {
      const { at, category, seats } = events['order.paid'].parse(payload);
      const timeZone = (await timeZoneOf(showId)) ?? siteTimeZone;
      const day = periodOf(Date.parse(at), 'DAY', timeZone).key.slice('DAY:'.length);
      const key = `${day} ${showId} ${category}`;
      const tickets = (sales.get(key)?.tickets ?? 0) + seats;
      sales.set(key, { day, showId, category, timeZone, tickets });
    }
    await addSales(tx, [...sales.values()]);
  },
});

import { events } from '@usher/contract/events.ts';
import { type PeriodBounds, periodOf } from '@usher/domain/ranking-period.ts';
import type { Consumer } from '../../platform/journal/relay.ts';
import { siteTimeZone } from './limits.ts';
import { addSales, type DaySales } from './store.ts';

/**
 * The local date of an instant; caches the last day of each zone, because computing one takes 50
 * us.
 */
const makeDays = () => {
  const days = new Map<string, PeriodBounds>();
  return (atMs: number, timeZone: string): string => {
    let day = days.get(timeZone);
    if (day === undefined || atMs < day.startAtMs || atMs >= day.endAtMs) {
      day = periodOf(atMs, 'DAY', timeZone);
      days.set(timeZone, day);
    }
    return day.key.slice('DAY:'.length);
  };
};

/** Counts paid tickets on the venue's local day at the time of payment. */
export const makeRankingConsumer = (
  timeZoneOf: (showId: string) => Promise<string | null>,
): Consumer => {
  const dayOf = makeDays();
  const handle: Consumer['handle'] = async (tx, paid) => {
    const sales = new Map<string, DaySales>();
    for (const { showId, payload } of paid) {
      const { at, category, seats } = events['order.paid'].parse(payload);
      const timeZone = (await timeZoneOf(showId)) ?? siteTimeZone;
      const day = dayOf(Date.parse(at), timeZone);
      const key = `${day} ${showId} ${category}`;
      const tickets = (sales.get(key)?.tickets ?? 0) + seats;
      sales.set(key, { day, showId, category, timeZone, tickets });
    }
    await addSales(tx, [...sales.values()]);
  };
  return { name: 'ranking', types: ['order.paid'], handle };
};

import { searchNeedles } from '@usher/domain/search-text.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Memory } from './cache.ts';
import type { AllCounts } from './counts.ts';
import * as store from './store.ts';
import * as render from './view.ts';

type ListQuery = Omit<store.ShowQuery, 'search'> & { readonly words: string | null };

/** What everybody may read of shows and performances, and likes; answered from memory. */
export const makeReading = (deps: { db: Sql; clock: Clock; counts: AllCounts }, memory: Memory) => {
  const { db, clock, counts } = deps;

  const renderSummary = async (summary: store.Summary) => {
    const venue = await memory.venueOf(summary.venueId);
    return (nowMs: number) => render.summaryBody(summary, venue, counts.of(summary.id), nowMs);
  };
  const renderSummaries = async (summaries: readonly store.Summary[]) => {
    const rendered = await Promise.all(summaries.map(renderSummary));
    const nowMs = clock.nowMs();
    return rendered.map((at) => at(nowMs));
  };

  const readPainting = async ({ paintingVersion }: store.Performance) => {
    const painting = await memory.painting(paintingVersion);
    assert(painting, 'the painting of a performance exists');
    return painting;
  };

  return {
    show: async (showId: string) => (await memory.known(showId))?.facts ?? null,
    performance: async (performanceId: string) => (await memory.find(performanceId))?.facts ?? null,
    layout: memory.layout,
    painting: memory.painting,
    summaries: async (showIds: readonly string[]) => {
      const found = await store.findSummaries(db, showIds);
      const rendered = await Promise.all(found.map(renderSummary));
      return new Map(found.map((each, i) => [each.id, rendered[i] as (typeof rendered)[number]]));
    },

    readShow: async (showId: string) => {
      const entry = await memory.known(showId);
      if (entry === null) return null;
      return render.showBody(entry.show, entry.venue, counts.of(showId), clock.nowMs());
    },
    poster: memory.poster,
    /** Reads one more than the page, to know whether there is another page. */
    listShows: async ({ words, ...query }: ListQuery) => {
      const search = words === null ? null : searchNeedles(words);
      if (search !== null && search.needles.length === 0) return { items: [], last: null };
      const found = await memory.page({ ...query, search, limit: query.limit + 1 });
      const page = found.slice(0, query.limit);
      const items = (await renderSummaries(page)).filter(
        // A sale may have opened or ended since the page was read, which can be two seconds ago.
        (item) => query.sale === 'NOT_CLOSED' || item.saleState === query.sale,
      );
      return { items, last: found.length > page.length ? (page.at(-1) ?? null) : null };
    },
    /** The performances of a show that have not begun and whose sale has not closed, by start. */
    listPerformances: async (
      showId: string,
      after: readonly [number, string] | null,
      limit: number,
    ) => {
      const entry = await memory.known(showId);
      if (entry === null) return null;
      const nowMs = clock.nowMs();
      const all = entry.show.saleClosesAtMs <= nowMs ? [] : await memory.performances(showId);
      const from = after === null ? nowMs : Math.max(nowMs, after[0]);
      const later = all.filter(
        ({ startsAtMs, id }) =>
          startsAtMs > from ||
          (after !== null && startsAtMs === after[0] && startsAtMs > nowMs && id > after[1]),
      );
      const page = later.slice(0, limit);
      const taken = page.length === 0 ? new Map() : await memory.taken(showId);
      const items = await Promise.all(
        page.map(async (each) =>
          render.performanceBody(
            each,
            entry.show,
            await readPainting(each),
            taken.get(each.id),
            nowMs,
          ),
        ),
      );
      return { items, last: later.length > page.length ? (page.at(-1) ?? null) : null };
    },
    performanceIdsOnSale: async (showId: string) => {
      const show = (await memory.known(showId))?.show;
      const nowMs = clock.nowMs();
      if (show === undefined || show.saleClosesAtMs <= nowMs) return [];
      const all = await memory.performances(showId);
      return all.flatMap(({ id, startsAtMs }) => (startsAtMs > nowMs ? [id] : []));
    },
    readPerformance: async (performanceId: string) => {
      const found = await memory.find(performanceId);
      if (found === null) return null;
      const { show, performance } = found;
      const taken = (await memory.taken(show.id)).get(performanceId);
      const painting = await readPainting(performance);
      return render.performanceBody(performance, show, painting, taken, clock.nowMs());
    },
    like: async (accountId: string, showId: string, isLiked: boolean) => {
      if ((await memory.known(showId)) === null) return 'not-found';
      const nowMs = clock.nowMs();
      const changed = await store.writeLike(db, { accountId, showId, isLiked }, nowMs);
      if (changed !== null) counts.set(showId, changed);
      return 'done';
    },
    listLikes: async (
      accountId: string,
      after: readonly [number, string] | null,
      limit: number,
    ) => {
      const found = await store.listLikes(db, accountId, after, limit + 1);
      const page = found.slice(0, limit);
      const items = await renderSummaries(page.map((like) => like.summary));
      return { items, last: found.length > page.length ? (page.at(-1) ?? null) : null };
    },
  };
};

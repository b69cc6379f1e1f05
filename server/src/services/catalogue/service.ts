import { searchIndex, searchNeedles } from '@usher/domain/search-text.ts';
import {
  blockFaults,
  performanceFaults,
  type RuleFault,
  showFaults,
  withRounds,
} from '@usher/domain/show-rules.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import type { Maker, PlanLayout, Venue, VenuesService } from '../venues/index.ts';
import {
  type KnownPerformance,
  makeMemory,
  type PerformanceFacts,
  type ShowFacts,
  type TakenSeats,
  versionOfPoster,
} from './cache.ts';
import type { AllCounts } from './counts.ts';
import { findPosterFaults } from './poster-svg.ts';
import { makeSoldOutCheck } from './sold-out.ts';
import * as store from './store.ts';
import * as render from './view.ts';

/** What the catalogue asks of the seats; they are another service's. */
export type Stock = {
  /** Opens performances for sale, or changes their window, limit and rule. */
  open(
    tx: Sql,
    performances: readonly {
      showId: string;
      performanceId: string;
      seatCount: number;
      saleOpensAt: Date;
      saleClosesAt: Date;
      buyerLimit: number;
      refusesStranding: boolean;
    }[],
  ): Promise<void>;
  taken(showId: string): Promise<TakenSeats>;
  full(showIds: readonly string[]): Promise<ReadonlySet<string>>;
  block(
    tx: Sql,
    change: {
      showId: string;
      performanceId: string;
      block: readonly { seatNo: number; gradeIndex: number }[];
      unblock: readonly number[];
    },
  ): Promise<{ outcome: 'done' } | { outcome: 'taken'; seatNos: number[] }>;
};

/**
 * What other services may ask. Answers come from memory; what is not there is read once. An edit by
 * any process is seen by all within a second.
 */
export type CatalogueService = {
  show(showId: string): Promise<ShowFacts | null>;
  performance(performanceId: string): Promise<PerformanceFacts | null>;
  /** Those of a show that can still be bought. */
  performanceIdsOnSale(showId: string): Promise<string[]>;
  layout(seatingPlanId: string): Promise<PlanLayout | null>;
  /** Summaries as they are to be sent at an instant, of those shows that exist. One query. */
  summaries(
    showIds: readonly string[],
  ): Promise<Map<string, (nowMs: number) => render.SummaryBody>>;
  /** For demonstration data: makes a show with its performances, once for a key. */
  addShow(
    editor: Editor & { readonly key: string },
    input: NewShow & { readonly startsAtMs: readonly number[] },
  ): Promise<{ showId: string; performanceIds: string[] }>;
  isSeeded(name: string): Promise<boolean>;
  noteSeeded(name: string): Promise<void>;
};

/** Who edits; an operator may edit every show, an organiser their own. */
export type Editor = Maker & { readonly isOperator: boolean };
export type NewShow = store.ShowFields & {
  readonly venueId: string;
  readonly posterSvg: string | null;
};
export type ShowEdit = {
  readonly [Field in keyof store.ShowFields]?: store.ShowFields[Field] | undefined;
} & { readonly posterSvg?: string | undefined };

type Broken = { outcome: 'broken'; faults: RuleFault[] };
type NotFound = { outcome: 'not-found' };
export type ListQuery = Omit<store.ShowQuery, 'search'> & { readonly words: string | null };

export type CatalogueDeps = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  venues: VenuesService;
  stock: Stock;
  counts: AllCounts;
};

export const makeCatalogue = (deps: CatalogueDeps) => {
  const { db, clock, venues, stock, counts } = deps;
  const memory = makeMemory({ ...deps, taken: stock.taken });

  const summaryAt = async (summary: store.Summary) => {
    const { name } = await memory.venueOf(summary.venueId);
    return (nowMs: number) => render.summaryBody(summary, name, counts.of(summary.id), nowMs);
  };
  const summariesNow = async (summaries: readonly store.Summary[]) => {
    const rendered = await Promise.all(summaries.map(summaryAt));
    const nowMs = clock.nowMs();
    return rendered.map((at) => at(nowMs));
  };

  const checkSoldOut = makeSoldOutCheck({ memory, stock, clock });
  const service = {
    show: async (showId: string) => (await memory.known(showId))?.facts ?? null,
    performance: async (performanceId: string) => (await memory.find(performanceId))?.facts ?? null,
    layout: venues.layout,
    summaries: async (showIds: readonly string[]) => {
      const found = await store.findSummaries(db, showIds);
      const rendered = await Promise.all(found.map(summaryAt));
      return new Map(found.map((each, i) => [each.id, rendered[i] as (typeof rendered)[number]]));
    },
    isSeeded: (name: string) => store.isSeeded(db, name),
    noteSeeded: (name: string) => store.noteSeeded(db, name),

    readShow: async (showId: string) => {
      const entry = await memory.known(showId);
      if (entry === null) return null;
      return render.showBody(entry.show, entry.venue, counts.of(showId), clock.nowMs());
    },
    poster: memory.poster,
    /** One more than the page is read, to know whether there is another. */
    listShows: async ({ words, ...query }: ListQuery) => {
      const search = words === null ? null : searchNeedles(words);
      if (search !== null && search.needles.length === 0) return { items: [], last: null };
      const found = await memory.page({ ...query, search, limit: query.limit + 1 });
      const page = found.slice(0, query.limit);
      const items = (await summariesNow(page)).filter(
        // A sale may have opened or ended since the page was read, up to two seconds ago.
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
      const items = page.map((each) =>
        render.performanceBody(each, entry.show, entry.venue, taken.get(each.id), nowMs),
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
      const { show, venue, performance } = found;
      const taken = (await memory.taken(show.id)).get(performanceId);
      return render.performanceBody(performance, show, venue, taken, clock.nowMs());
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
      const items = await summariesNow(page.map((like) => like.summary));
      return { items, last: found.length > page.length ? (page.at(-1) ?? null) : null };
    },
    checkSoldOut,
    find: memory.find,
    forget: memory.forget,
    forgetAll: memory.forgetAll,
  };
  return { ...service, ...makeEditing(deps, service) };
};
export type Catalogue = ReturnType<typeof makeCatalogue>;

const extrasOf = (fields: store.ShowFields, venue: Venue, posterSvg: string | null) => {
  const names = [fields.title.ko, fields.title.en, venue.name.ko, venue.name.en];
  const index = searchIndex(names, [fields.synopsis.ko, fields.synopsis.en]);
  const posterVersion = versionOfPoster(posterSvg ?? render.drawPoster(fields, venue.name));
  return { posterSvg, posterVersion, searchText: index.text, searchGrams: index.grams };
};
const faultsOf = (
  show: NewShow,
  planGrades: readonly string[] | null,
  performancesStartAtMs: readonly number[],
): RuleFault[] => [
  ...showFaults({ ...show, planGrades, performancesStartAtMs }),
  ...(show.posterSvg === null ? [] : findPosterFaults(show.posterSvg)).map((message) => ({
    path: 'posterSvg',
    message,
  })),
];
const openings = (
  show: store.ShowFields & { id: string },
  seatCount: number,
  performances: readonly { id: string; startsAtMs: number }[],
) =>
  performances.map(({ id, startsAtMs }) => ({
    showId: show.id,
    performanceId: id,
    seatCount,
    saleOpensAt: new Date(show.saleOpensAtMs),
    saleClosesAt: new Date(Math.min(show.saleClosesAtMs, startsAtMs)),
    buyerLimit: show.buyerLimit,
    refusesStranding: show.refusesStranding,
  }));

/** Edits are decided on the show as it is while locked; all broken rules are told at once. */
const makeEditing = (
  { db, clock, ids, venues, stock }: CatalogueDeps,
  catalogue: {
    find(performanceId: string): Promise<KnownPerformance | null>;
    forget(showId: string): void;
    checkSoldOut(sql: Sql, showIds: readonly string[]): Promise<void>;
  },
) => {
  /** The show for an edit, locked, with its venue; null when it is not the editor's to edit. */
  const lock = async (tx: Sql, editor: Editor, showId: string) => {
    const show = await store.findShow(tx, showId, 'lock');
    if (show === null || (show.ownerId !== editor.accountId && !editor.isOperator)) return null;
    const venue = await venues.venue(show.venueId);
    assert(venue, 'the venue of a show exists');
    return { show, venue };
  };

  const createShow = async (
    editor: Editor,
    input: NewShow,
  ): Promise<Broken | { outcome: 'made'; showId: string }> => {
    const venue = await venues.venue(input.venueId);
    const faults = faultsOf(input, venue?.grades ?? null, []);
    if (venue === null) faults.unshift({ path: 'venueId', message: 'there is no such venue' });
    if (venue === null || faults.length > 0) return { outcome: 'broken', faults };
    const { accountId, key } = editor;
    const id = key === null ? ids.make('show') : ids.fromParts('show', accountId, key);
    await db.transaction(async (tx) => {
      // A repeat leaves the show as it is by now.
      if (key !== null && (await store.findShow(tx, id)) !== null) return;
      const extras = extrasOf(input, venue, input.posterSvg);
      await store.writeShow(tx, { ...input, id, ownerId: accountId }, extras, clock.nowMs());
      await store.noteChange(tx, editor, 'show-created', id, { ...input, posterSvg: undefined });
    });
    catalogue.forget(id);
    return { outcome: 'made', showId: id };
  };

  const editShow = async (
    editor: Editor,
    showId: string,
    edit: ShowEdit,
  ): Promise<Broken | NotFound | { outcome: 'edited' }> => {
    const nowMs = clock.nowMs();
    const result = await db.transaction(async (tx) => {
      const locked = await lock(tx, editor, showId);
      if (locked === null) return { outcome: 'not-found' as const };
      const { show, venue } = locked;
      const given = Object.fromEntries(Object.entries(edit).filter(([, v]) => v !== undefined));
      const posterSvg = edit.posterSvg ?? (await store.findPosterSvg(tx, showId));
      const next = { ...show, ...given, posterSvg };
      const performances = await store.listPerformances(tx, showId);
      const faults = faultsOf(
        next,
        venue.grades,
        performances.map((each) => each.startsAtMs),
      );
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      await store.writeShow(tx, next, extrasOf(next, venue, posterSvg), nowMs);
      const later = performances.filter((each) => each.startsAtMs > nowMs);
      if (later.length > 0) await stock.open(tx, openings(next, venue.seatCount, later));
      const details = {
        ...given,
        ...(edit.posterSvg === undefined ? {} : { posterSvg: 'changed' }),
      };
      await store.noteChange(tx, editor, 'show-edited', showId, details);
      return { outcome: 'edited' as const };
    });
    catalogue.forget(showId);
    return result;
  };

  const addPerformances = async (
    editor: Editor,
    showId: string,
    startsAtMs: readonly number[],
  ): Promise<Broken | NotFound | { outcome: 'added'; performanceIds: string[] }> => {
    const { accountId, key } = editor;
    const performanceIds = startsAtMs.map((_, i) =>
      key === null
        ? ids.make('performance')
        : ids.fromParts('performance', accountId, key, showId, String(i)),
    );
    const result = await db.transaction(async (tx) => {
      const locked = await lock(tx, editor, showId);
      if (locked === null) return { outcome: 'not-found' as const };
      const { show, venue } = locked;
      const existing = await store.listPerformances(tx, showId);
      const isRepeat = existing.some((each) => performanceIds.includes(each.id));
      if (isRepeat) return { outcome: 'added' as const, performanceIds };
      const faults = performanceFaults({
        startsAtMs,
        existingStartAtMs: existing.map((each) => each.startsAtMs),
        saleOpensAtMs: show.saleOpensAtMs,
        nowMs: clock.nowMs(),
      });
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      const added = performanceIds.map((id, i) => ({ id, startsAtMs: startsAtMs[i] ?? 0 }));
      const all = withRounds([...existing, ...added], venue.timeZone);
      const { seatingPlanId, layoutVersion } = venue;
      await store.writePerformances(tx, { id: showId, seatingPlanId, layoutVersion }, all);
      await stock.open(tx, openings(show, venue.seatCount, added));
      await store.noteChange(tx, editor, 'performances-added', showId, { performances: added });
      return { outcome: 'added' as const, performanceIds };
    });
    catalogue.forget(showId);
    return result;
  };

  const blockSeats = async (
    editor: Editor,
    performanceId: string,
    change: { block: readonly number[]; unblock: readonly number[] },
  ): Promise<
    Broken | NotFound | { outcome: 'done' } | { outcome: 'taken'; seatNos: readonly number[] }
  > => {
    const found = await catalogue.find(performanceId);
    const plan = found === null ? null : await venues.layout(found.performance.seatingPlanId);
    if (found === null || plan === null) return { outcome: 'not-found' };
    const faults = blockFaults(change, plan.layout.seatCount);
    const result = await db.transaction(async (tx) => {
      const locked = await lock(tx, editor, found.show.id);
      if (locked === null) return { outcome: 'not-found' as const };
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      const showId = found.show.id;
      const block = change.block.map((seatNo) => ({
        seatNo,
        gradeIndex: plan.layout.grade[seatNo] ?? 0,
      }));
      const blocked = await stock.block(tx, {
        showId,
        performanceId,
        block,
        unblock: change.unblock,
      });
      if (blocked.outcome === 'done')
        await store.noteChange(tx, editor, 'seats-blocked', showId, { performanceId, ...change });
      return blocked;
    });
    catalogue.forget(found.show.id);
    if (result.outcome === 'done') await catalogue.checkSoldOut(db, [found.show.id]);
    return result;
  };

  return {
    createShow,
    editShow,
    addPerformances,
    blockSeats,
    addShow: async (
      editor: Editor & { readonly key: string },
      { startsAtMs, ...show }: NewShow & { readonly startsAtMs: readonly number[] },
    ) => {
      const made = await createShow(editor, show);
      assert(made.outcome === 'made', `a sound show: ${JSON.stringify(made)}`);
      const added = await addPerformances(editor, made.showId, startsAtMs);
      assert(added.outcome === 'added', `sound performances: ${JSON.stringify(added)}`);
      return { showId: made.showId, performanceIds: added.performanceIds };
    },
  };
};

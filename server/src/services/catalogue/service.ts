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
import type { Venue, VenuesService } from '../venues/index.ts';
import {
  type KnownPerformance,
  makeMemory,
  type PaintedLayout,
  type PerformanceFacts,
  type ShowFacts,
  versionOfPoster,
} from './cache.ts';
import type { AllCounts } from './counts.ts';
import { listPaintedGrades, paintPlans, type ShowPainting } from './painting.ts';
import { listPaintingsInUse, listShowPaintings, writeShowPaintings } from './painting-store.ts';
import { findPosterFaults } from './poster-svg.ts';
import {
  type Editor,
  type GivenGrade,
  makePainting,
  mayEdit,
  nameGrades,
} from './service.painting.ts';
import { makeSoldOutCheck } from './sold-out.ts';
import type { Stock } from './stock.ts';
import * as store from './store.ts';
import * as render from './view.ts';

/**
 * What other services may ask. Answers come from memory; what is not there is read once. An edit by
 * any process is seen by all within a second.
 */
export type CatalogueService = {
  show(showId: string): Promise<ShowFacts | null>;
  performance(performanceId: string): Promise<PerformanceFacts | null>;
  /** Those of a show that can still be bought. */
  performanceIdsOnSale(showId: string): Promise<string[]>;
  /** The seats of a performance with the grades that they are sold at. */
  layout(performance: {
    readonly seatingPlanId: string;
    readonly paintingVersion: string;
  }): Promise<PaintedLayout | null>;
  /** Reads a show again: somebody knows better than what is in memory. */
  forget(showId: string): void;
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

type NewShow = Omit<store.ShowFields, 'grades'> & {
  readonly venueId: string;
  readonly posterSvg: string | null;
  readonly grades: readonly GivenGrade[];
  /** Plans that are not named are painted as they suggest. */
  readonly paintings: readonly ShowPainting[];
};
type ShowEdit = {
  readonly [Field in Exclude<keyof store.ShowFields, 'grades'>]?:
    | store.ShowFields[Field]
    | undefined;
} & {
  readonly posterSvg?: string | undefined;
  readonly grades?: readonly GivenGrade[] | undefined;
};

type Broken = { outcome: 'broken'; faults: RuleFault[] };
type NotFound = { outcome: 'not-found' };
type ListQuery = Omit<store.ShowQuery, 'search'> & { readonly words: string | null };

type CatalogueDeps = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  venues: VenuesService;
  stock: Stock;
  counts: AllCounts;
};

export const makeCatalogue = (deps: CatalogueDeps) => {
  const { db, clock, stock, counts } = deps;
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

  const paintingOf = async ({ paintingVersion }: store.Performance) => {
    const painting = await memory.painting(paintingVersion);
    assert(painting, 'the painting of a performance exists');
    return painting;
  };

  const checkSoldOut = makeSoldOutCheck({ memory, stock, clock });
  const service = {
    show: async (showId: string) => (await memory.known(showId))?.facts ?? null,
    performance: async (performanceId: string) => (await memory.find(performanceId))?.facts ?? null,
    layout: memory.layout,
    painting: memory.painting,
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
      const items = await Promise.all(
        page.map(async (each) =>
          render.performanceBody(
            each,
            entry.show,
            await paintingOf(each),
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
      const painting = await paintingOf(performance);
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
  show: store.ShowFields & { readonly posterSvg: string | null },
  paintedGrades: readonly string[] | null,
  performancesStartAtMs: readonly number[],
): RuleFault[] => [
  ...showFaults({ ...show, paintedGrades, performancesStartAtMs }),
  ...(show.posterSvg === null ? [] : findPosterFaults(show.posterSvg)).map((message) => ({
    path: 'posterSvg',
    message,
  })),
];
const openings = (
  show: store.ShowFields & { id: string },
  performances: readonly {
    id: string;
    startsAtMs: number;
    paintingVersion: string;
    seatCount: number;
  }[],
) =>
  performances.map(({ id, startsAtMs, paintingVersion, seatCount }) => ({
    showId: show.id,
    performanceId: id,
    seatCount,
    saleOpensAt: new Date(show.saleOpensAtMs),
    saleClosesAt: new Date(Math.min(show.saleClosesAtMs, startsAtMs)),
    buyerLimit: show.buyerLimit,
    refusesStranding: show.refusesStranding,
    paintingVersion,
  }));

/** Edits are decided on the show as it is while locked; all broken rules are told at once. */
const makeEditing = (
  deps: CatalogueDeps,
  catalogue: {
    find(performanceId: string): Promise<KnownPerformance | null>;
    forget(showId: string): void;
    layout: CatalogueService['layout'];
    checkSoldOut(sql: Sql, showIds: readonly string[]): Promise<void>;
  },
) => {
  const { db, clock, ids, venues, stock } = deps;
  /** The show for an edit, locked, with its venue; null when it is not the editor's to edit. */
  const lock = async (tx: Sql, editor: Editor, showId: string) => {
    const show = await store.findShow(tx, showId, 'lock');
    if (show === null || !mayEdit(editor, show)) return null;
    const venue = await venues.venue(show.venueId);
    assert(venue, 'the venue of a show exists');
    return { show, venue };
  };

  /** The painting of performances to come in a plan, which is made where it is the first there. */
  const findPaintingFor = async (
    tx: Sql,
    show: store.Show,
    seatingPlanId: string,
  ): Promise<{ version: string | null; faults: RuleFault[] }> => {
    const known = await listShowPaintings(tx, show.id);
    const own = known.find((each) => each.seatingPlanId === seatingPlanId);
    if (own !== undefined) return { version: own.painting.version, faults: [] };
    const asked = [{ seatingPlanId, rules: [] }];
    const painted = await paintPlans(venues, show.venueId, show.grades, asked);
    const [made] = painted.paintings;
    if (made !== undefined) await writeShowPaintings(tx, show.id, [made]);
    const faults = painted.faults.map(({ message }) => ({ path: 'seatingPlanId', message }));
    return { version: made?.painting.version ?? null, faults };
  };
  const withSeatCounts = (performances: readonly store.Performance[]) =>
    Promise.all(
      performances.map(async (each) => {
        const plan = await venues.plan(each.seatingPlanId);
        assert(plan, 'the plan of a performance exists');
        return { ...each, seatCount: plan.seatCount };
      }),
    );

  const createShow = async (
    editor: Editor,
    input: NewShow,
  ): Promise<Broken | { outcome: 'made'; showId: string }> => {
    const venue = await venues.venue(input.venueId);
    const { paintings, ...fields } = input;
    const show = { ...fields, grades: nameGrades(fields.grades, []) };
    if (venue === null) {
      const unknown = { path: 'venueId', message: 'there is no such venue' };
      return { outcome: 'broken', faults: [unknown, ...faultsOf(show, null, [])] };
    }
    const asked =
      paintings.length > 0 ? paintings : [{ seatingPlanId: venue.seatingPlanId, rules: [] }];
    const painted = await paintPlans(venues, venue.id, show.grades, asked);
    const paintedGrades =
      painted.faults.length > 0
        ? null
        : listPaintedGrades(painted.paintings.map(({ painting }) => painting));
    const faults = [...faultsOf(show, paintedGrades, []), ...painted.faults];
    if (faults.length > 0) return { outcome: 'broken', faults };
    const { accountId, key } = editor;
    const id = key === null ? ids.make('show') : ids.fromParts('show', accountId, key);
    await db.transaction(async (tx) => {
      // A repeat leaves the show as it is by now.
      if (key !== null && (await store.findShow(tx, id)) !== null) return;
      const extras = extrasOf(show, venue, show.posterSvg);
      await store.writeShow(tx, { ...show, id, ownerId: accountId }, extras, clock.nowMs());
      await writeShowPaintings(tx, id, painted.paintings);
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
      const grades = edit.grades === undefined ? show.grades : nameGrades(edit.grades, show.grades);
      const next = { ...show, ...given, grades, posterSvg };
      const performances = await store.listPerformances(tx, showId);
      const painted = await listShowPaintings(tx, showId);
      const inUse = await listPaintingsInUse(tx, showId, nowMs);
      const faults = faultsOf(
        next,
        listPaintedGrades([...painted.map(({ painting }) => painting), ...inUse]),
        performances.map((each) => each.startsAtMs),
      );
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      await store.writeShow(tx, next, extrasOf(next, venue, posterSvg), nowMs);
      const later = performances.filter((each) => each.startsAtMs > nowMs);
      if (later.length > 0) await stock.open(tx, openings(next, await withSeatCounts(later)));
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
    given: { readonly startsAtMs: readonly number[]; readonly seatingPlanId?: string | undefined },
  ): Promise<Broken | NotFound | { outcome: 'added'; performanceIds: string[] }> => {
    const { accountId, key } = editor;
    const { startsAtMs } = given;
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
      const planId = given.seatingPlanId ?? venue.seatingPlanId;
      const painted = await findPaintingFor(tx, show, planId);
      faults.push(...painted.faults);
      const plan = await venues.plan(planId);
      if (faults.length > 0 || painted.version === null || plan === null)
        return { outcome: 'broken' as const, faults };
      const { layoutVersion, seatCount } = plan;
      const paintingVersion = painted.version;
      const added = performanceIds.map((id, i) => ({
        id,
        startsAtMs: startsAtMs[i] ?? 0,
        paintingVersion,
        seatCount,
      }));
      const all = withRounds([...existing, ...added], venue.timeZone);
      const placed = { id: showId, seatingPlanId: planId, layoutVersion, paintingVersion };
      await store.writePerformances(tx, placed, all);
      await stock.open(tx, openings(show, added));
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
    if (found === null) return { outcome: 'not-found' };
    const result = await db.transaction(async (tx) => {
      const locked = await lock(tx, editor, found.show.id);
      if (locked === null) return { outcome: 'not-found' as const };
      // As it is painted now: what is in memory may be from before.
      const performances = await store.listPerformances(tx, found.show.id);
      const performance = performances.find(({ id }) => id === performanceId);
      const plan = performance === undefined ? null : await catalogue.layout(performance);
      assert(plan, 'a performance has a plan');
      const faults = blockFaults(change, plan.layout.seatCount);
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

  const painting = makePainting(deps, {
    lock,
    forget: catalogue.forget,
    extrasFor: async (tx, show, venue) =>
      extrasOf(show, venue, await store.findPosterSvg(tx, show.id)),
    findFaults: (show, paintedGrades) => faultsOf({ ...show, posterSvg: null }, paintedGrades, []),
  });

  return {
    ...painting,
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
      const added = await addPerformances(editor, made.showId, { startsAtMs });
      assert(added.outcome === 'added', `sound performances: ${JSON.stringify(added)}`);
      return { showId: made.showId, performanceIds: added.performanceIds };
    },
  };
};

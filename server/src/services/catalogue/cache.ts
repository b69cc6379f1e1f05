import { createHash } from 'node:crypto';
import type { Category } from '@usher/domain/categories.ts';
import type { LadderName } from '@usher/domain/fee-ladder.ts';
import type { Layout } from '@usher/domain/layout.ts';
import { bookingFee } from '@usher/domain/money.ts';
import { applyPainting, type Painting, suggestPainting } from '@usher/domain/painting.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { makeCache } from '../../platform/cache.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Venue, VenuesService } from '../venues/index.ts';
import * as numbers from './limits.ts';
import type { StoredPainting } from './painting.ts';
import { findPainting } from './painting-store.ts';
import * as store from './store.ts';
import { drawPoster } from './view.ts';

export type ShowFacts = {
  readonly id: string;
  readonly title: LocalText;
  readonly category: Category;
  readonly venueName: LocalText;
  readonly venueAddress: LocalText;
  readonly timeZone: string;
  readonly runningTimeMinutes: number;
  readonly namesBuyer: boolean;
  /** Won, by the code of the grade. */
  readonly prices: ReadonlyMap<string, number>;
  /** What the organiser calls each grade, by its code. */
  readonly gradeNames: ReadonlyMap<string, LocalText>;
  /** For each ticket. */
  readonly bookingFeeMinor: number;
  readonly ladder: LadderName;
  readonly currency: 'KRW';
};

export type PerformanceFacts = {
  readonly id: string;
  readonly showId: string;
  readonly seatingPlanId: string;
  readonly layoutVersion: string;
  readonly paintingVersion: string;
  readonly round: number;
  readonly startsAtMs: number;
  readonly saleOpensAtMs: number;
  /** The closing of the show's sale, or the start of the performance if that is earlier. */
  readonly saleClosesAtMs: number;
  readonly buyerLimit: number;
  readonly refusesStranding: boolean;
  /** What the organiser calls each grade, by its code. */
  readonly gradeNames: ReadonlyMap<string, LocalText>;
};

/** Seats that are not free, by performance and by the grade's index in its painting. */
export type TakenSeats = ReadonlyMap<string, ReadonlyMap<number, number>>;

export const versionOfPoster = (svg: string): string =>
  createHash('sha256').update(svg).digest('base64url').slice(0, 16);

/** A painting with the grade of every seat, even if it is stored as the plan's suggestion. */
type KnownPainting = StoredPainting & Painting;
/** The seats of a plan with the grades of a show. */
export type PaintedLayout = { readonly layout: Layout };

/** A show with what belongs to it. */
type Known = { readonly show: store.Show; readonly venue: Venue; readonly facts: ShowFacts };

type KnownPerformance = {
  readonly show: store.Show;
  readonly venue: Venue;
  readonly performance: store.Performance;
  readonly facts: PerformanceFacts;
};

const makeShowFacts = (show: store.Show, venue: Venue): ShowFacts => ({
  id: show.id,
  title: show.title,
  category: show.category,
  venueName: venue.name,
  venueAddress: venue.address,
  timeZone: venue.timeZone,
  runningTimeMinutes: show.runningTimeMinutes,
  namesBuyer: show.namesBuyer,
  prices: new Map(show.grades.map((grade) => [grade.code, grade.priceMinor])),
  gradeNames: new Map(show.grades.map((grade) => [grade.code, grade.name])),
  bookingFeeMinor: bookingFee(show.category, 1).amount,
  ladder: show.ladder,
  currency: 'KRW',
});

const makePerformanceFacts = (
  performance: store.Performance,
  { show, facts }: Known,
): PerformanceFacts => ({
  ...performance,
  showId: show.id,
  saleOpensAtMs: show.saleOpensAtMs,
  saleClosesAtMs: Math.min(show.saleClosesAtMs, performance.startsAtMs),
  buyerLimit: show.buyerLimit,
  refusesStranding: show.refusesStranding,
  gradeNames: facts.gradeNames,
});

/** What the catalogue keeps in memory, and how it is loaded. */
export const makeMemory = (deps: {
  db: Sql;
  clock: Clock;
  log: Log;
  venues: VenuesService;
  taken: (showId: string) => Promise<TakenSeats>;
}) => {
  const { db, clock, log, venues } = deps;
  const onError = (error: unknown) => log.warn({ err: error }, 'loading the catalogue failed');
  const facts = { clock, onError, freshMs: numbers.factsFreshMs, staleMs: 0 };
  const shows = makeCache<Known | null>({ ...facts, weightMax: numbers.showsMax });
  const performances = makeCache<store.Performance[]>({
    ...facts,
    weightMax: numbers.performancesMax,
    weigh: (list) => list.length + 1,
  });
  const showsOfPerformances = makeCache<string | null>({
    ...facts,
    freshMs: Infinity,
    weightMax: numbers.performanceShowsMax,
  });
  const posters = makeCache<{ svg: Buffer; version: string } | null>({
    ...facts,
    weightMax: numbers.posterBytesMax,
    weigh: (poster) => poster?.svg.length ?? 0,
  });
  const pages = makeCache<store.Summary[]>({
    clock,
    onError,
    weightMax: numbers.pagesMax,
    freshMs: numbers.pagesFreshMs,
    staleMs: numbers.pagesStaleMs,
  });
  const taken = makeCache<TakenSeats>({
    clock,
    onError,
    weightMax: numbers.stockMax,
    freshMs: numbers.stockFreshMs,
    staleMs: numbers.stockStaleMs,
  });

  const paintings = makeCache<KnownPainting | null>({
    ...facts,
    freshMs: Infinity,
    weightMax: numbers.paintingsMax,
  });
  const layouts = makeCache<PaintedLayout | null>({
    ...facts,
    freshMs: Infinity,
    weightMax: numbers.paintedSeatsMax,
    weigh: (painted) => painted?.layout.seatCount ?? 0,
  });

  const readPainting = async (version: string): Promise<KnownPainting | null> => {
    const painting = await findPainting(db, version);
    if (painting === null) return null;
    if (painting.seats !== null) return { ...painting, seats: painting.seats };
    const plan = await venues.layout(painting.seatingPlanId);
    assert(plan, 'the plan of a painting exists');
    return { ...painting, seats: suggestPainting(plan.layout).seats };
  };
  const painting = (version: string) => paintings.get(version, () => readPainting(version));
  const readLayout = async (
    seatingPlanId: string,
    paintingVersion: string,
  ): Promise<PaintedLayout | null> => {
    const plan = await venues.layout(seatingPlanId);
    const painted = await painting(paintingVersion);
    if (plan === null || painted === null) return null;
    return { layout: applyPainting(plan.layout, painted) };
  };

  const findVenueOf = async (venueId: string): Promise<Venue> => {
    const venue = await venues.venue(venueId);
    assert(venue, 'the venue of a show exists');
    return venue;
  };
  const known = (showId: string) =>
    shows.get(showId, async () => {
      const show = await store.findShow(db, showId);
      if (show === null) return null;
      const venue = await findVenueOf(show.venueId);
      return { show, venue, facts: makeShowFacts(show, venue) };
    });
  const listPerformances = (showId: string) =>
    performances.get(showId, () => store.listPerformances(db, showId));
  /** A performance with its show; null if the performance does not exist. */
  const find = async (performanceId: string): Promise<KnownPerformance | null> => {
    const showId = await showsOfPerformances.get(performanceId, () =>
      store.findShowOfPerformance(db, performanceId),
    );
    const entry = showId === null ? null : await known(showId);
    if (entry === null) return null;
    const all = await listPerformances(entry.show.id);
    const performance = all.find((each) => each.id === performanceId);
    if (performance === undefined) return null;
    const { show, venue } = entry;
    return { show, venue, performance, facts: makePerformanceFacts(performance, entry) };
  };
  return {
    known,
    find,
    venueOf: findVenueOf,
    painting,
    /** The seats of a performance with their grades; one object is shared by all that are equal. */
    layout: (performance: { seatingPlanId: string; paintingVersion: string }) => {
      const { seatingPlanId, paintingVersion } = performance;
      return layouts.get(`${seatingPlanId} ${paintingVersion}`, () =>
        readLayout(seatingPlanId, paintingVersion),
      );
    },
    performances: listPerformances,
    poster: (showId: string) =>
      posters.get(showId, async () => {
        const entry = await known(showId);
        if (entry === null) return null;
        const own = await store.findPosterSvg(db, showId);
        const svg = own ?? drawPoster(entry.show, entry.venue.name);
        return { svg: Buffer.from(svg), version: versionOfPoster(svg) };
      }),
    page: (query: store.ShowQuery) =>
      pages.get(JSON.stringify(query), () => store.listShows(db, query, clock.nowMs())),
    taken: (showId: string) => taken.get(showId, () => deps.taken(showId)),
    forget: (showId: string) => {
      for (const cache of [shows, performances, posters, taken]) cache.drop(showId);
      pages.clear();
    },
    forgetAll: () => {
      for (const cache of [shows, performances, posters, taken, pages]) cache.clear();
    },
  };
};
export type Memory = ReturnType<typeof makeMemory>;

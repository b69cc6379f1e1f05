import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { VenuesService } from '../venues/index.ts';
import { makeMemory, type PaintedLayout, type PerformanceFacts, type ShowFacts } from './cache.ts';
import type { AllCounts } from './counts.ts';
import { makeEditing, type NewShow } from './service.editing.ts';
import { makePainting } from './service.painting.ts';
import { makePerformances } from './service.performances.ts';
import { makeReading } from './service.reading.ts';
import type { Editor } from './show-edit.ts';
import { makeSoldOutCheck } from './sold-out.ts';
import type { Stock } from './stock.ts';
import * as store from './store.ts';
import type { SummaryBody } from './view.ts';

/**
 * What other services may ask. Answers come from memory; what is not cached is read once. An edit
 * by any process is visible in all within a second.
 */
export type CatalogueService = {
  show(showId: string): Promise<ShowFacts | null>;
  performance(performanceId: string): Promise<PerformanceFacts | null>;
  /** The performances of a show that can still be bought. */
  performanceIdsOnSale(showId: string): Promise<string[]>;
  /** The seats of a performance with the grades at which they are sold. */
  layout(performance: {
    readonly seatingPlanId: string;
    readonly paintingVersion: string;
  }): Promise<PaintedLayout | null>;
  /** Reloads a show: the caller knows that the cached one is outdated. */
  forget(showId: string): void;
  /** Summaries, as of an instant, of those shows that exist. One query. */
  summaries(showIds: readonly string[]): Promise<Map<string, (nowMs: number) => SummaryBody>>;
  /** For demonstration data: creates a show with its performances, once per key. */
  addShow(
    editor: Editor & { readonly key: string },
    input: NewShow & { readonly startsAtMs: readonly number[] },
  ): Promise<{ showId: string; performanceIds: string[] }>;
  isSeeded(name: string): Promise<boolean>;
  noteSeeded(name: string): Promise<void>;
};

type CatalogueDeps = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  venues: VenuesService;
  stock: Stock;
  counts: AllCounts;
};

/** The catalogue: what it keeps in memory, and everything that can be done with a show. */
export const makeCatalogue = (deps: CatalogueDeps) => {
  const { db, clock, stock } = deps;
  const memory = makeMemory({ ...deps, taken: stock.taken });
  const checkSoldOut = makeSoldOutCheck({ memory, stock, clock });
  const editing = makeEditing(deps, memory);
  const performances = makePerformances(deps, memory, checkSoldOut);

  return {
    ...makeReading(deps, memory),
    ...editing,
    ...performances,
    ...makePainting(deps, memory),
    checkSoldOut,
    find: memory.find,
    forget: memory.forget,
    forgetAll: memory.forgetAll,
    isSeeded: (name: string) => store.isSeeded(db, name),
    noteSeeded: (name: string) => store.noteSeeded(db, name),
    addShow: async (
      editor: Editor & { readonly key: string },
      { startsAtMs, ...show }: NewShow & { readonly startsAtMs: readonly number[] },
    ) => {
      const made = await editing.createShow(editor, show);
      assert(made.outcome === 'made', `a sound show: ${JSON.stringify(made)}`);
      const added = await performances.addPerformances(editor, made.showId, { startsAtMs });
      assert(added.outcome === 'added', `sound performances: ${JSON.stringify(added)}`);
      return { showId: made.showId, performanceIds: added.performanceIds };
    },
  };
};
export type Catalogue = ReturnType<typeof makeCatalogue>;

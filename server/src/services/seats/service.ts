import { chooseForBatch, makeBestAvailableIndex } from '@usher/domain/best-available.ts';
import type { Layout, SeatView } from '@usher/domain/layout.ts';
import { seatLabel } from '@usher/domain/layout.ts';
import { countLeft, encodeDelta } from '@usher/domain/seat-bits.ts';
import { makeSeatMap, type SeatMap } from '@usher/domain/seat-map.ts';
import { strandedChecks } from '@usher/domain/stranded.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import { frameOf, type Streams } from '../../platform/http/sse.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type {
  Deltas,
  HoldRow,
  PerformanceDelta,
  SeatStore,
  TakeRequest,
  TakeResult,
} from './store.ts';

/** What seats need to know of a performance; the catalogue answers from memory. */
export type SeatsCatalogue = {
  performance(performanceId: string): Promise<{
    id: string;
    showId: string;
    seatingPlanId: string;
    saleOpensAtMs: number;
    buyerLimit: number;
    refusesStranding: boolean;
    gradeNames: ReadonlyMap<string, LocalText>;
  } | null>;
  layout(seatingPlanId: string): Promise<{ layout: Layout } | null>;
};

export type Wish =
  | { kind: 'seats'; seatNos: readonly number[] }
  | { kind: 'best'; grade: string; count: number };

export type TakeOutcome =
  | Extract<TakeResult, { outcome: 'held' }>
  | Extract<TakeResult, { conflicts: number[] }>
  | { outcome: 'unknown-performance' | 'closed' | 'none-free' | 'sold-out' }
  | { outcome: 'unknown-grade'; grades: readonly string[] }
  | { outcome: 'unknown-seats'; seatNos: number[] }
  | { outcome: 'limit'; limit: number }
  | { outcome: 'not-open'; opensAtMs: number };

/** What never changes about a hold. */
export type HoldFacts = {
  buyerId: string;
  showId: string;
  performanceId: string;
  seatNos: readonly number[];
  /** The database's clock. */
  takenAtMs: number;
};

type Pending = {
  holdId: string;
  buyerId: string;
  requestId: string;
  wish: Wish;
  sale: Sale;
};
type Sale = {
  performanceId: string;
  showId: string;
  refusesStranding: boolean;
  layout: Layout;
  map: SeatMap;
};

/** Maps kept in memory; one of 20,000 seats takes 0.4 MB. */
const mapsMax = 500;
/** Windows that a best-available request offers beside its first choice. */
const fallbackMax = 3;
/** A crowd can take all four; then the map is read anew and the best of what is left is offered. */
const bestTriesMax = 5;
/** Holds whose seats are remembered, so that ordering them needs no reading; about 10 MB. */
const holdFactsMax = 50_000;
/** A delta that has not come after this time is not waited for: the seats are read again. */
const gapMs = 200;

export const makeSeats = (deps: {
  store: SeatStore;
  catalogue: SeatsCatalogue;
  streams: Streams;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  holdTtlMs: number;
  holdTotalMaxMs: number;
  batchSizeMax: number;
}) => {
  const { store, catalogue, streams, clock, log, metrics } = deps;
  const maps = new Map<string, SeatMap>();
  const loading = new Map<string, Promise<SeatMap | null>>();
  const indexes = new WeakMap<Layout, ReturnType<typeof makeBestAvailableIndex>>();
  const factsOfHolds = new Map<string, HoldFacts>();
  const leftOfBits = new WeakMap<Uint8Array, ReadonlyMap<string, number>>();
  const holds = metrics.counter('usher_holds_total', 'Hold requests, by outcome', ['outcome']);
  const lapses = metrics.counter('usher_holds_lapsed_total', 'Holds whose time was over');
  const earlyRefusals = metrics.counter(
    'usher_holds_refused_early_total',
    'Lost races refused from memory, without the database',
  );

  const rememberHold = (holdId: string, facts: HoldFacts): HoldFacts => {
    if (factsOfHolds.size >= holdFactsMax) {
      const oldest = factsOfHolds.keys().next().value;
      if (oldest !== undefined) factsOfHolds.delete(oldest);
    }
    factsOfHolds.set(holdId, facts);
    return facts;
  };

  const indexOf = (layout: Layout) => {
    const index = indexes.get(layout) ?? makeBestAvailableIndex(layout);
    indexes.set(layout, index);
    return index;
  };

  const load = async (performanceId: string): Promise<SeatMap | null> => {
    const snapshot = await store.snapshot(performanceId);
    if (snapshot === null) return null;
    const known = maps.get(performanceId);
    // A delta may have moved the map on while the snapshot was being read.
    if (known !== undefined && !known.hasGap && known.version >= snapshot.version) return known;
    const map = makeSeatMap(snapshot.seatCount, snapshot);
    if (maps.size >= mapsMax && known === undefined) {
      const oldest = maps.keys().next().value;
      if (oldest !== undefined) maps.delete(oldest);
    }
    maps.set(performanceId, map);
    streams.send(performanceId, frameOf('state', String(map.version), ''));
    return map;
  };
  const reload = (performanceId: string): Promise<SeatMap | null> => {
    const running = loading.get(performanceId);
    if (running !== undefined) return running;
    const promise = load(performanceId).finally(() => loading.delete(performanceId));
    loading.set(performanceId, promise);
    return promise;
  };
  const mapOf = async (performanceId: string): Promise<SeatMap | null> =>
    maps.get(performanceId) ?? (await reload(performanceId));

  const waitForGap = async (performanceId: string): Promise<void> => {
    await clock.sleep(gapMs);
    if (maps.get(performanceId)?.hasGap) await reload(performanceId);
  };
  /** Moves the maps that this process keeps; called for its own changes and for others'. */
  const apply = (delta: PerformanceDelta): void => {
    const map = maps.get(delta.performanceId);
    if (map === undefined) return;
    if (delta.changes === undefined) {
      if (delta.version > map.version) reload(delta.performanceId).catch(noteReload);
      return;
    }
    const hadGap = map.hasGap;
    const outcome = map.apply(delta);
    if (outcome === 'early' && !hadGap) waitForGap(delta.performanceId).catch(noteReload);
    if (outcome !== 'applied') return;
    const data = Buffer.from(encodeDelta(delta.changes)).toString('base64');
    // Deltas that waited for this one are covered by a fresh state instead of a frame of their own.
    if (map.version === delta.version)
      streams.send(delta.performanceId, frameOf('delta', String(delta.version), data));
    else streams.send(delta.performanceId, frameOf('state', String(map.version), ''));
  };
  /** The same for all that one statement changed, whichever service ran it. */
  const applyAll = (deltas: Deltas): void => {
    for (const delta of deltas) apply(delta);
  };
  const noteReload = (error: unknown): void =>
    log.warn({ err: error }, 'a seat map could not be read again');

  const requestOf = (pending: Pending, windows: TakeRequest['windows']): TakeRequest => {
    const { sale, wish } = pending;
    const { layout } = sale;
    const grades =
      wish.kind === 'seats'
        ? wish.seatNos.map((seatNo) => layout.grade[seatNo] ?? 0)
        : new Array<number>(wish.count).fill(layout.document.grades.indexOf(wish.grade));
    return {
      holdId: pending.holdId,
      showId: sale.showId,
      performanceId: sale.performanceId,
      buyerId: pending.buyerId,
      windows,
      grades,
      checks: sale.refusesStranding
        ? windows.map((seatNos) => strandedChecks(layout, seatNos))
        : null,
      requestId: pending.requestId,
    };
  };

  /** Windows for the best-available requests of a batch, so that its members do not collide. */
  const chooseWindows = (batch: readonly Pending[]): Map<Pending, number[][]> => {
    const chosen = new Map<Pending, number[][]>();
    const nowMs = clock.nowMs();
    const bySale = Map.groupBy(
      batch.filter((pending) => pending.wish.kind === 'best'),
      (pending) => pending.sale.performanceId,
    );
    for (const members of bySale.values()) {
      const sale = members[0]?.sale;
      if (sale === undefined) continue;
      const map = maps.get(sale.performanceId) ?? sale.map;
      const wishes = members.map(({ wish }) => {
        assert(wish.kind === 'best', 'grouped by kind');
        return { grade: sale.layout.document.grades.indexOf(wish.grade), count: wish.count };
      });
      const isFree = (seatNo: number): boolean => map.mayBeFree(seatNo, nowMs);
      const windows = chooseForBatch(indexOf(sale.layout), isFree, wishes, fallbackMax);
      for (const [i, pending] of members.entries()) {
        const flat = [...(windows[i] ?? [])];
        const count = wishes[i]?.count ?? 1;
        const rows: number[][] = [];
        for (let at = 0; at < flat.length; at += count) rows.push(flat.slice(at, at + count));
        chosen.set(pending, rows);
      }
    }
    return chosen;
  };

  const takeBatch = async (batch: readonly Pending[]): Promise<TakeResult[]> => {
    const chosen = chooseWindows(batch);
    const results: TakeResult[] = batch.map(() => ({ outcome: 'none-free' }));
    const asked = batch.flatMap((pending, place) => {
      const windows =
        pending.wish.kind === 'seats' ? [pending.wish.seatNos] : (chosen.get(pending) ?? []);
      return windows.length === 0 ? [] : [{ place, request: requestOf(pending, windows) }];
    });
    if (asked.length === 0) return results;
    const took = await store.take(
      asked.map(({ request }) => request),
      { ttlMs: deps.holdTtlMs, totalMaxMs: deps.holdTotalMaxMs },
    );
    applyAll(took.deltas);
    for (const [i, { place }] of asked.entries()) {
      const result = took.results[i];
      assert(result, 'one result for each request');
      results[place] = result;
    }
    return results;
  };
  const releaseBatch = async (
    batch: readonly { holdId: string; buyerId: string; requestId: string }[],
  ) => {
    const { results, deltas } = await store.release(batch);
    applyAll(deltas);
    return results;
  };
  const batches = { sizes: metrics.batchSizes, sizeMax: deps.batchSizeMax };
  const taker = makeBatcher({ name: 'take-holds', ...batches, run: takeBatch });
  const releaser = makeBatcher({ name: 'release-holds', ...batches, run: releaseBatch });

  const judgeWish = (wish: Wish, sale: Sale): TakeOutcome | null => {
    if (wish.kind === 'best')
      return sale.layout.document.grades.includes(wish.grade)
        ? null
        : { outcome: 'unknown-grade', grades: sale.layout.document.grades };
    const unknown = wish.seatNos.filter((seatNo) => seatNo >= sale.map.seatCount);
    return unknown.length > 0 ? { outcome: 'unknown-seats', seatNos: unknown } : null;
  };

  const takeBest = async (pending: Pending): Promise<TakeResult> => {
    let result: TakeResult = { outcome: 'none-free' };
    for (let tries = 1; tries <= bestTriesMax; tries++) {
      result = await taker.add(pending);
      const wasOutrun = result.outcome === 'none-free' || result.outcome === 'taken';
      if (pending.wish.kind === 'seats' || !wasOutrun) return result;
      await reload(pending.sale.performanceId);
      // With a fresh map and still nothing to offer, nothing is left.
      if (chooseWindows([pending]).get(pending)?.length === 0) return { outcome: 'none-free' };
    }
    return result;
  };

  return {
    apply,
    applyAll,
    /** Some changes of other processes may have been missed: read every kept map again. */
    reloadAll: async (): Promise<void> => {
      for (const performanceId of [...maps.keys()]) await reload(performanceId);
    },
    mapOf,

    /**
     * A lost race told from memory; null when only the database can say. No I/O. A hold that was
     * taken here before is never refused by it: its repeat gets the first answer again.
     */
    refuseEarly: (
      performanceId: string,
      holdId: string,
      buyerId: string,
      seatNos: readonly number[],
    ): number[] | null => {
      const map = maps.get(performanceId);
      if (map === undefined || factsOfHolds.has(holdId)) return null;
      const taken = map.takenByOthers(seatNos, buyerId, clock.nowMs());
      if (taken.length === 0) return null;
      earlyRefusals.inc();
      return taken;
    },

    take: async (request: {
      performanceId: string;
      holdId: string;
      buyerId: string;
      requestId: string;
      wish: Wish;
    }): Promise<TakeOutcome> => {
      const facts = await catalogue.performance(request.performanceId);
      const plan = facts === null ? null : await catalogue.layout(facts.seatingPlanId);
      const map = plan === null ? null : await mapOf(request.performanceId);
      if (facts === null || plan === null || map === null)
        return { outcome: 'unknown-performance' };
      const sale: Sale = {
        performanceId: facts.id,
        showId: facts.showId,
        refusesStranding: facts.refusesStranding,
        layout: plan.layout,
        map,
      };
      const wrong = judgeWish(request.wish, sale);
      if (wrong !== null) return wrong;
      const result = await takeBest({ ...request, sale });
      holds.inc({ outcome: result.outcome });
      if (result.outcome === 'limit') return { outcome: 'limit', limit: facts.buyerLimit };
      if (result.outcome === 'not-open')
        return { outcome: 'not-open', opensAtMs: facts.saleOpensAtMs };
      if (result.outcome === 'none-free' && (maps.get(facts.id) ?? map).isSoldOut())
        return { outcome: 'sold-out' };
      if (result.outcome === 'held') {
        const { buyerId, holdId } = request;
        const { showId, performanceId } = sale;
        const takenAtMs = result.endsBy.getTime() - deps.holdTotalMaxMs;
        const { seatNos } = result;
        rememberHold(holdId, { buyerId, showId, performanceId, seatNos, takenAtMs });
      }
      return result;
    },

    /** Whether this process took the hold itself, so that its memory tells all about it. */
    knowsHold: (holdId: string): boolean => factsOfHolds.has(holdId),
    /** What was held, from memory when it was held here; null for another buyer's hold. */
    holdFacts: async (holdId: string, buyerId: string): Promise<HoldFacts | null> => {
      const known = factsOfHolds.get(holdId);
      if (known !== undefined) return known.buyerId === buyerId ? known : null;
      const hold = await store.hold(holdId, buyerId);
      return hold === null ? null : rememberHold(holdId, hold);
    },
    hold: (holdId: string, buyerId: string): Promise<HoldRow | null> => store.hold(holdId, buyerId),
    extend: (holdId: string, buyerId: string) => store.extend(holdId, buyerId, deps.holdTtlMs),
    release: (holdId: string, buyerId: string, requestId: string) =>
      releaser.add({ holdId, buyerId, requestId }),

    /** Seats neither sold nor kept back, by grade; null for a performance that there is not. */
    left: async (performanceId: string): Promise<ReadonlyMap<string, number> | null> => {
      const facts = await catalogue.performance(performanceId);
      const plan = facts === null ? null : await catalogue.layout(facts.seatingPlanId);
      const map = plan === null ? null : await mapOf(performanceId);
      if (plan === null || map === null) return null;
      // They stay the same object until their map changes.
      const bits = map.bits();
      const { grade, document } = plan.layout;
      const left = leftOfBits.get(bits) ?? countLeft(bits, grade, document.grades);
      leftOfBits.set(bits, left);
      return left;
    },

    /** Labels of seats, in the plan's words. */
    describe: async (performanceId: string, seatNos: readonly number[]): Promise<SeatView[]> => {
      const facts = await catalogue.performance(performanceId);
      const plan = facts === null ? null : await catalogue.layout(facts.seatingPlanId);
      assert(facts && plan, 'a hold’s performance has a plan');
      return seatNos.map((seatNo) => {
        const grade = plan.layout.document.grades[plan.layout.grade[seatNo] ?? 0] ?? '';
        const gradeName = facts.gradeNames.get(grade) ?? { ko: grade, en: grade };
        return { seatNo, ...seatLabel(plan.layout, seatNo), grade, gradeName };
      });
    },

    /** One round of the sweeper: lapsed holds' seats are on sale again. Answers how many lapsed. */
    sweep: async (): Promise<number> => {
      const { lapsed, deltas } = await store.lapse(2000);
      applyAll(deltas);
      lapses.inc(lapsed);
      return lapsed;
    },
    /** Ends the streams of those who watch; before the HTTP server closes, which waits for them. */
    endStreams: streams.close,
    close: async (): Promise<void> => {
      await taker.close();
      await releaser.close();
    },
  };
};
export type Seats = ReturnType<typeof makeSeats>;

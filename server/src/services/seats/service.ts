import { type Layout, type SeatView, seatLabel } from '@usher/domain/layout.ts';
import { countLeft } from '@usher/domain/seat-bits.ts';
import type { SeatMap } from '@usher/domain/seat-map.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import { makeRecentMap } from '../../platform/cache.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Cycle } from '../../platform/cycle.ts';
import { assert } from '../../platform/failure.ts';
import type { Streams } from '../../platform/http/sse.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { makeSeatMaps, type SeatMaps } from './service.maps.ts';
import { makeNotifier } from './service.notify.ts';
import { describeWish, makeTaker, type Sale, type Wish } from './service.take.ts';
import {
  type Deltas,
  type HoldRow,
  type ReleaseAnswer,
  type ReleaseOutcome,
  type ReleaseRequest,
  releaseKind,
  type SeatStore,
  type TakeResult,
} from './store.ts';

/** What seats need to know about a performance. */
type PerformanceOnSale = {
  id: string;
  showId: string;
  seatingPlanId: string;
  paintingVersion: string;
  saleOpensAtMs: number;
  buyerLimit: number;
  refusesStranding: boolean;
  gradeNames: ReadonlyMap<string, LocalText>;
};

/** What seats ask the catalogue, which answers from memory. */
export type SeatsCatalogue = {
  performance(performanceId: string): Promise<PerformanceOnSale | null>;
  /** The seats of a performance with the grades at which they are sold. */
  layout(performance: {
    seatingPlanId: string;
    paintingVersion: string;
  }): Promise<{ layout: Layout } | null>;
  /** Reloads a show: the caller knows that the cached one is outdated. */
  forget(showId: string): void;
};

export type TakeOutcome =
  | (Extract<TakeResult, { outcome: 'held' }> & { seats: SeatView[] })
  /** The hold of an earlier request with this id, as it is now. */
  | { outcome: 'repeated'; hold: HoldRow }
  /** The id has a hold that was taken for another wish. */
  | { outcome: 'reused' }
  | Extract<TakeResult, { conflicts: number[] }>
  | { outcome: 'unknown-performance' | 'closed' | 'none-adjacent' | 'sold-out' }
  /** `left`: seats of the grade that are held and not yet sold. */
  | { outcome: 'none-free'; left: number }
  /** Seats that the buyer has already, and their hold. */
  | { outcome: 'yours'; conflicts: number[]; holdId: string; orderId: string | null }
  | { outcome: 'unknown-grade'; grades: readonly string[] }
  | { outcome: 'unknown-seats'; seatNos: number[] }
  | { outcome: 'limit'; limit: number }
  | { outcome: 'not-open'; opensAtMs: number };

/** The immutable part of a hold. */
export type HoldFacts = {
  buyerId: string;
  showId: string;
  performanceId: string;
  seatNos: readonly number[];
  /** The database's clock. */
  takenAtMs: number;
};

type SeatsDeps = {
  store: SeatStore;
  cycle: Cycle;
  catalogue: SeatsCatalogue;
  streams: Streams;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** No other process has seat maps of this database. */
  isAlone: boolean;
  holdTtlMs: number;
  holdTotalMaxMs: number;
  batchSizeMax: number;
};

/** Holds whose seats are cached, so that ordering them needs no database read; about 10 MB. */
const holdFactsMax = 50_000;
/** Reloads of a performance that was repainted in the meantime; usually one is enough. */
const repaintTriesMax = 5;
/** Lapsed holds that one round of the sweeper frees: one statement of about 100 ms. */
const lapsedMax = 2000;

/** Holds taken by this process; the least recently used are forgotten first. */
const makeHoldMemory = () => {
  const factsById = makeRecentMap<HoldFacts>(holdFactsMax);
  return {
    recall: (holdId: string): HoldFacts | undefined => factsById.get(holdId),
    remember: (holdId: string, facts: HoldFacts): HoldFacts => {
      factsById.set(holdId, facts);
      return facts;
    },
  };
};

type Plan = { performance: PerformanceOnSale; layout: Layout };

/** The labels of seats, and their grades with what the organiser calls them. */
const labelSeats = ({ performance, layout }: Plan, seatNos: readonly number[]): SeatView[] =>
  seatNos.map((seatNo) => {
    const grade = layout.grades[layout.grade[seatNo] ?? 0] ?? '';
    const gradeName = performance.gradeNames.get(grade) ?? { ko: grade, en: grade };
    return { seatNo, ...seatLabel(layout, seatNo), grade, gradeName };
  });

/** The plan of a performance: the labels of its seats and which are left, by grade. */
const makePlanReader = (catalogue: SeatsCatalogue, maps: SeatMaps) => {
  /** The bits are the same object until the map changes, the grades until it is repainted. */
  const leftByBits = new WeakMap<
    Uint8Array,
    { grade: Uint8Array; left: ReadonlyMap<string, number> }
  >();
  const read = async (performanceId: string): Promise<Plan | null> => {
    const performance = await catalogue.performance(performanceId);
    const plan = performance === null ? null : await catalogue.layout(performance);
    return performance === null || plan === null ? null : { performance, layout: plan.layout };
  };
  return {
    /** Null for a performance that does not exist. */
    read,

    /** Seats neither sold nor blocked, by grade; null for a performance that does not exist. */
    countLeft: async (performanceId: string): Promise<ReadonlyMap<string, number> | null> => {
      const plan = await read(performanceId);
      const map = plan === null ? null : await maps.read(performanceId);
      if (plan === null || map === null) return null;
      const bits = map.bits();
      const { grade, grades } = plan.layout;
      const known = leftByBits.get(bits);
      if (known?.grade === grade) return known.left;
      const left = countLeft(bits, grade, grades);
      leftByBits.set(bits, { grade, left });
      return left;
    },

    /** Labels of seats from the plan, and the painting that their grades are from. */
    describe: async (
      performanceId: string,
      seatNos: readonly number[],
    ): Promise<{ paintingVersion: string; seats: SeatView[] }> => {
      const plan = await read(performanceId);
      assert(plan, 'a hold’s performance has a plan');
      const { paintingVersion } = plan.performance;
      return { paintingVersion, seats: labelSeats(plan, seatNos) };
    },
  };
};

/** Why nobody can get this, whatever is free; null: it can be requested. */
const judgeWish = (wish: Wish, sale: Sale): TakeOutcome | null => {
  const { grades } = sale.layout;
  if (wish.kind === 'best')
    return grades.includes(wish.grade) ? null : { outcome: 'unknown-grade', grades };
  const unknown = wish.seatNos.filter((seatNo) => seatNo >= sale.map.seatCount);
  return unknown.length > 0 ? { outcome: 'unknown-seats', seatNos: unknown } : null;
};

type TakeSeats = {
  performanceId: string;
  holdId: string;
  buyerId: string;
  requestId: string;
  wish: Wish;
};

type HoldingDeps = SeatsDeps & { publish: (deltas: Deltas) => void };

/** Takes seats at the performance's current grades, even if it was just repainted. */
const makePaintedTaker = (
  deps: HoldingDeps,
  maps: SeatMaps,
  plans: ReturnType<typeof makePlanReader>,
) => {
  const taker = makeTaker({ ...deps, maps });
  const take = async (request: TakeSeats) => {
    const { performanceId, wish } = request;
    for (let tries = 1; ; tries++) {
      const plan = await plans.read(performanceId);
      const map = plan === null ? null : await maps.read(performanceId);
      if (plan === null || map === null) return { outcome: 'unknown-performance' } as const;
      const { performance, layout } = plan;
      const { showId, refusesStranding, paintingVersion } = performance;
      const sale: Sale = { performanceId, showId, refusesStranding, layout, paintingVersion, map };
      const wrong = judgeWish(wish, sale);
      if (wrong !== null) return wrong;
      const result = await taker.take({ ...request, sale });
      if (result.outcome !== 'repainted') return { outcome: 'decided', plan, map, result } as const;
      assert(tries < repaintTriesMax, 'a performance is painted as the catalogue says');
      deps.catalogue.forget(showId);
    }
  };
  return { take };
};

/** Holds by id, read in batches; a buyer finds only their own. */
const makeHoldReader = ({ store, metrics, batchSizeMax }: SeatsDeps) => {
  const readHolds = makeBatcher<string, HoldRow | null>({
    name: 'read-holds',
    sizes: metrics.batchSizes,
    sizeMax: batchSizeMax,
    run: store.holds,
  });
  return {
    readOwn: async (holdId: string, buyerId: string): Promise<HoldRow | null> => {
      const hold = await readHolds.add(holdId);
      return hold?.buyerId === buyerId ? hold : null;
    },
    close: readHolds.close,
  };
};

/** A buyer's hold, from the request to its outcome. */
const makeHolding = (
  deps: HoldingDeps,
  maps: SeatMaps,
  plans: ReturnType<typeof makePlanReader>,
) => {
  const { store, clock, metrics } = deps;
  const taker = makePaintedTaker(deps, maps, plans);
  const memory = makeHoldMemory();
  const reader = makeHoldReader(deps);
  const outcomes = metrics.counter('usher_holds_total', 'Hold requests, by outcome', ['outcome']);
  const earlyRefusals = metrics.counter(
    'usher_holds_refused_early_total',
    'Lost races refused from memory, without the database',
  );
  const releaseHolds = deps.cycle.register<ReleaseRequest, ReleaseOutcome, ReleaseAnswer>({
    ...releaseKind,
    onCommit: ({ deltas }) => deps.publish(deltas),
  });

  /** The hold that an earlier request with this id took; null if none did. */
  const findRepeated = async (
    request: TakeSeats,
  ): Promise<Extract<TakeOutcome, { outcome: 'repeated' | 'reused' }> | null> => {
    const hold = await reader.readOwn(request.holdId, request.buyerId);
    if (hold === null) return null;
    memory.remember(hold.id, hold);
    const isSame = hold.fingerprint === null || hold.fingerprint === describeWish(request.wish);
    return isSame ? { outcome: 'repeated', hold } : { outcome: 'reused' };
  };

  /**
   * The buyer's own hold that stands in the way of all these seats; null: somebody else is. The map
   * is asked first, so that a lost race costs no read.
   */
  const findOwn = async (
    { performanceId, buyerId }: TakeSeats,
    seatNos: readonly number[],
  ): Promise<Extract<TakeOutcome, { outcome: 'yours' }> | null> => {
    const conflicts = maps.peek(performanceId)?.takenBy(seatNos, buyerId) ?? [];
    if (conflicts.length === 0 || conflicts.length < seatNos.length) return null;
    const hold = await store.holdOfSeats(buyerId, performanceId, conflicts);
    if (hold === null) return null;
    return { outcome: 'yours', conflicts, holdId: hold.id, orderId: hold.orderId };
  };

  /** Nothing fits the wish: all is sold, nothing of the grade is free, or nothing side by side. */
  const judgeNoneFree = async (
    { performanceId, wish }: TakeSeats,
    map: SeatMap,
  ): Promise<TakeOutcome> => {
    if (map.isSoldOut()) return { outcome: 'sold-out' };
    assert(wish.kind === 'best', 'named seats are taken or free');
    const left = (await plans.countLeft(performanceId))?.get(wish.grade) ?? 0;
    if (left === 0 || wish.count === 1) return { outcome: 'none-free', left };
    return { outcome: 'none-adjacent' };
  };

  const take = async (request: TakeSeats): Promise<TakeOutcome> => {
    const { performanceId, holdId, buyerId } = request;
    const known = memory.recall(holdId) === undefined ? null : await findRepeated(request);
    if (known !== null) return known;
    const decided = await taker.take(request);
    if (decided.outcome !== 'decided') return decided;
    const { plan, map, result } = decided;
    const { performance } = plan;
    switch (result.outcome) {
      case 'held': {
        const { seatNos, endsBy } = result;
        const takenAtMs = endsBy.getTime() - deps.holdTotalMaxMs;
        const { showId } = performance;
        memory.remember(holdId, { buyerId, showId, performanceId, seatNos, takenAtMs });
        return { ...result, seats: labelSeats(plan, seatNos) };
      }
      case 'repeated': {
        const repeated = await findRepeated(request);
        assert(repeated, 'a hold that was taken before exists');
        return repeated;
      }
      case 'none-free': {
        // The map had nothing to choose from: the database was not asked about the id.
        const repeated = await findRepeated(request);
        if (repeated !== null) return repeated;
        return judgeNoneFree(request, maps.peek(performanceId) ?? map);
      }
      case 'taken':
        return (await findOwn(request, result.conflicts)) ?? result;
      case 'limit': {
        const { wish } = request;
        const own = wish.kind === 'seats' ? await findOwn(request, wish.seatNos) : null;
        return own ?? { outcome: 'limit', limit: performance.buyerLimit };
      }
      case 'not-open':
        return { outcome: 'not-open', opensAtMs: performance.saleOpensAtMs };
      default:
        return result;
    }
  };

  /** What was held, from memory if this process took it; null for another buyer's hold. */
  const holdFacts = async (holdId: string, buyerId: string): Promise<HoldFacts | null> => {
    const known = memory.recall(holdId);
    if (known !== undefined) return known.buyerId === buyerId ? known : null;
    const hold = await reader.readOwn(holdId, buyerId);
    return hold === null ? null : memory.remember(holdId, hold);
  };

  return {
    take: async (request: TakeSeats): Promise<TakeOutcome> => {
      const result = await take(request);
      outcomes.inc({ outcome: result.outcome });
      return result;
    },

    /**
     * Detects a lost race from memory; null if only the database can decide. No I/O. `readHoldId`
     * is called only if somebody has a seat: a hold that was taken here is never refused, because
     * its repeat is told what it is now.
     */
    refuseEarly: (
      performanceId: string,
      buyerId: string,
      seatNos: readonly number[],
      readHoldId: () => string,
    ): number[] | null => {
      const map = maps.peek(performanceId);
      // A seat that does not exist is the handler's to refuse: nobody has it.
      if (map === undefined || seatNos.some((seatNo) => seatNo >= map.seatCount)) return null;
      const taken = map.takenByOthers(seatNos, buyerId, clock.nowMs());
      if (taken.length === 0 || memory.recall(readHoldId()) !== undefined) return null;
      earlyRefusals.inc();
      return taken;
    },

    /** Whether this process took the hold, so that all of it is in memory. */
    knowsHold: (holdId: string): boolean => memory.recall(holdId) !== undefined,
    holdFacts,
    hold: reader.readOwn,
    holdsInHand: store.holdsInHand,
    extend: (holdId: string, buyerId: string) => store.extend(holdId, buyerId, deps.holdTtlMs),
    release: async (
      holdId: string,
      buyerId: string,
      requestId: string,
    ): Promise<ReleaseOutcome> => {
      const facts = await holdFacts(holdId, buyerId);
      if (facts === null) return 'not-found';
      const { performanceId } = facts;
      return releaseHolds.add({ holdId, performanceId, buyerId, requestId });
    },
    close: reader.close,
  };
};

export const makeSeats = (deps: SeatsDeps) => {
  const { store, catalogue, streams, metrics } = deps;
  const maps = makeSeatMaps(deps);
  const notifier = makeNotifier(deps);
  /** Changes that this process has committed: for its own maps, and for the other processes. */
  const publish = (deltas: Deltas): void => {
    maps.applyAll(deltas);
    if (!deps.isAlone) notifier.notify(deltas);
  };
  const plans = makePlanReader(catalogue, maps);
  const holding = makeHolding({ ...deps, publish }, maps, plans);
  const lapses = metrics.counter('usher_holds_lapsed_total', 'Holds that expired');
  return {
    ...holding,
    readMap: maps.read,
    apply: maps.apply,
    publish,
    reloadAll: maps.reloadAll,
    reloadOutdated: maps.reloadOutdated,
    left: plans.countLeft,
    describe: plans.describe,

    /**
     * One round of the sweeper: puts lapsed holds' seats on sale again. Returns how many lapsed.
     */
    sweep: async (): Promise<number> => {
      const { lapsed, deltas } = await store.lapse(lapsedMax);
      publish(deltas);
      lapses.inc(lapsed);
      return lapsed;
    },
    /** Ends the open streams. Called before the HTTP server closes, because that waits for them. */
    endStreams: streams.close,
    close: async (): Promise<void> => {
      await holding.close();
      await notifier.close();
    },
  };
};
export type Seats = ReturnType<typeof makeSeats>;

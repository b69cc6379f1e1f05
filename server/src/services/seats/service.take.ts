import { chooseForBatch, makeBestAvailableIndex } from '@usher/domain/best-available.ts';
import type { Layout } from '@usher/domain/layout.ts';
import type { SeatMap } from '@usher/domain/seat-map.ts';
import { strandedChecks } from '@usher/domain/stranded.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { SeatMaps } from './service.maps.ts';
import type { SeatStore, TakeRequest, TakeResult } from './store.ts';

/** Seats by number, or the best `count` adjacent ones of a grade. */
export type Wish =
  | { kind: 'seats'; seatNos: readonly number[] }
  | { kind: 'best'; grade: string; count: number };

/**
 * A wish as a text that is stored with its hold: another text under the same key is another
 * request. Short, as every hold has one, and readable.
 */
export const describeWish = (wish: Wish): string =>
  wish.kind === 'seats' ? `seats ${wish.seatNos.join()}` : `best ${wish.grade} ${wish.count}`;

/** What decides a wish: the performance's rules, its plan and its map. */
export type Sale = {
  performanceId: string;
  showId: string;
  refusesStranding: boolean;
  layout: Layout;
  /** The grades of the layout. */
  paintingVersion: string;
  map: SeatMap;
};
type Pending = {
  holdId: string;
  buyerId: string;
  requestId: string;
  wish: Wish;
  sale: Sale;
};

/** Windows of seats, each of which would satisfy a wish; best first. */
type Windows = TakeRequest['windows'];

/** Windows that a best-available request offers in addition to its first choice. */
const fallbackMax = 3;
/** A crowd can take all four; then the map is reloaded and the best remaining seats are offered. */
const bestTriesMax = 5;

/** Chooses windows for the best-available requests of a batch, so that they do not collide. */
const makeBestAvailable = ({ maps, clock }: { maps: SeatMaps; clock: Clock }) => {
  const indexes = new WeakMap<Layout, ReturnType<typeof makeBestAvailableIndex>>();
  const readIndex = (layout: Layout) => {
    const index = indexes.get(layout) ?? makeBestAvailableIndex(layout);
    indexes.set(layout, index);
    return index;
  };

  const chooseForSale = (sale: Sale, members: readonly Pending[]): [Pending, Windows][] => {
    const map = maps.peek(sale.performanceId) ?? sale.map;
    const nowMs = clock.nowMs();
    const wishes = members.map(({ wish }) => {
      assert(wish.kind === 'best', 'grouped by kind');
      return { grade: sale.layout.grades.indexOf(wish.grade), count: wish.count };
    });
    const isFree = (seatNo: number): boolean => map.mayBeFree(seatNo, nowMs);
    const chosen = chooseForBatch(readIndex(sale.layout), isFree, wishes, fallbackMax);
    return members.map((pending, i) => {
      const seatNos = [...(chosen[i] ?? [])];
      const count = wishes[i]?.count ?? 1;
      const windows: number[][] = [];
      for (let at = 0; at < seatNos.length; at += count)
        windows.push(seatNos.slice(at, at + count));
      return [pending, windows];
    });
  };

  return (batch: readonly Pending[]): ReadonlyMap<Pending, Windows> => {
    const bySale = Map.groupBy(
      batch.filter((pending) => pending.wish.kind === 'best'),
      (pending) => pending.sale.performanceId,
    );
    const chosen = new Map<Pending, Windows>();
    for (const members of bySale.values()) {
      const sale = members[0]?.sale;
      if (sale === undefined) continue;
      for (const [pending, windows] of chooseForSale(sale, members)) chosen.set(pending, windows);
    }
    return chosen;
  };
};

/**
 * The input of the database's decision: the windows with their grades, and what each would strand.
 */
const toTakeRequest = (pending: Pending, windows: Windows): TakeRequest => {
  const { sale, wish } = pending;
  const { layout } = sale;
  const grades =
    wish.kind === 'seats'
      ? wish.seatNos.map((seatNo) => layout.grade[seatNo] ?? 0)
      : new Array<number>(wish.count).fill(layout.grades.indexOf(wish.grade));
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
    paintingVersion: sale.paintingVersion,
    fingerprint: describeWish(wish),
  };
};

/** Takes holds, in batches that the database decides in arrival order. */
export const makeTaker = (deps: {
  store: Pick<SeatStore, 'take'>;
  maps: SeatMaps;
  clock: Clock;
  metrics: Metrics;
  holdTtlMs: number;
  holdTotalMaxMs: number;
  batchSizeMax: number;
}) => {
  const { store, maps } = deps;
  const chooseBest = makeBestAvailable(deps);
  const times = { ttlMs: deps.holdTtlMs, totalMaxMs: deps.holdTotalMaxMs };

  const takeBatch = async (batch: readonly Pending[]): Promise<TakeResult[]> => {
    const chosen = chooseBest(batch);
    const results: TakeResult[] = batch.map(() => ({ outcome: 'none-free' }));
    const asked = batch.flatMap((pending, place) => {
      const windows =
        pending.wish.kind === 'seats' ? [pending.wish.seatNos] : (chosen.get(pending) ?? []);
      return windows.length === 0 ? [] : [{ place, request: toTakeRequest(pending, windows) }];
    });
    if (asked.length === 0) return results;
    const requests = asked.map(({ request }) => request);
    const took = await store.take(requests, times);
    maps.applyAll(took.deltas);
    for (const [i, { place }] of asked.entries()) {
      const result = took.results[i];
      assert(result, 'one result for each request');
      results[place] = result;
    }
    return results;
  };
  const takeHolds = makeBatcher({
    name: 'take-holds',
    sizes: deps.metrics.batchSizes,
    sizeMax: deps.batchSizeMax,
    run: takeBatch,
  });

  return {
    /** Best-available wishes that lost to a crowd are retried on a fresh map. */
    take: async (pending: Pending): Promise<TakeResult> => {
      let result: TakeResult = { outcome: 'none-free' };
      for (let tries = 1; tries <= bestTriesMax; tries++) {
        result = await takeHolds.add(pending);
        const wasOutrun = result.outcome === 'none-free' || result.outcome === 'taken';
        if (pending.wish.kind === 'seats' || !wasOutrun) return result;
        await maps.reload(pending.sale.performanceId);
        // If even a fresh map has nothing to offer, nothing is left.
        if (chooseBest([pending]).get(pending)?.length === 0) return { outcome: 'none-free' };
      }
      return result;
    },
    close: takeHolds.close,
  };
};

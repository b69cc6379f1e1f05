import { chooseForBatch, makeBestAvailableIndex } from '@usher/domain/best-available.ts';
import type { Layout } from '@usher/domain/layout.ts';
import type { SeatMap } from '@usher/domain/seat-map.ts';
import { strandedChecks } from '@usher/domain/stranded.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Cycle } from '../../platform/cycle.ts';
import { assert } from '../../platform/failure.ts';
import { milliseconds } from '../../platform/postgres/batch.ts';
import type { SeatMaps } from './service.maps.ts';
import {
  type Deltas,
  type TakeAnswer,
  type TakeRequest,
  type TakeResult,
  takeKind,
  writeTake,
} from './store.ts';

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
const makeTakeRequest = (pending: Pending, windows: Windows): TakeRequest => {
  const { sale, wish } = pending;
  const { layout } = sale;
  const grades =
    wish.kind === 'seats'
      ? wish.seatNos.map((seatNo) => layout.grade[seatNo] ?? 0)
      : new Array<number>(wish.count).fill(layout.grades.indexOf(wish.grade));
  return {
    holdId: pending.holdId,
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

/** Takes holds; the database decides them in arrival order. */
export const makeTaker = (deps: {
  cycle: Cycle;
  maps: SeatMaps;
  publish: (deltas: Deltas) => void;
  clock: Clock;
  holdTtlMs: number;
  holdTotalMaxMs: number;
}) => {
  const { maps } = deps;
  const chooseBest = makeBestAvailable(deps);
  const takeHolds = deps.cycle.register<Pending, TakeResult, TakeAnswer>({
    ...takeKind,
    constants: {
      ttl: milliseconds(deps.holdTtlMs),
      total: milliseconds(deps.holdTotalMaxMs),
    },
    encode: (batch) => {
      const chosen = chooseBest(batch);
      return batch.map((pending) => {
        const windows =
          pending.wish.kind === 'seats' ? [pending.wish.seatNos] : (chosen.get(pending) ?? []);
        return writeTake(makeTakeRequest(pending, windows));
      });
    },
    readLock: (pending) => pending.sale.performanceId,
    onCommit: ({ deltas }) => deps.publish(deltas),
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
  };
};

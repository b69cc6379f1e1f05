import type { Order } from '@usher/contract/orders.ts';
import type { Checkout } from '@usher/contract/payments.ts';
import type { LadderName } from '@usher/domain/fee-ladder.ts';
import { makeAttemptId } from '@usher/domain/ids.ts';
import type { SeatView } from '@usher/domain/layout.ts';
import type { Cycle } from '../../platform/cycle.ts';
import { assert } from '../../platform/failure.ts';
import { milliseconds } from '../../platform/postgres/batch.ts';
import type { Deltas, HoldFacts } from '../seats/index.ts';
import {
  type OrderItem,
  type OrderRow,
  type PlaceAnswer,
  type PlaceRequest,
  type PlaceResult,
  placeKind,
} from './store.ts';
import type { OrdersCatalogue, OrderViews } from './view.ts';

export type OrdersSeats = {
  holdFacts(holdId: string, buyerId: string): Promise<HoldFacts | null>;
  describe(
    performanceId: string,
    seatNos: readonly number[],
  ): Promise<{ paintingVersion: string; seats: readonly SeatView[] }>;
  publish(deltas: Deltas): void;
};
/** What an order does to the pass that it was placed with. */
export type OrdersPasses = {
  /** Keeps the pass alive while its order waits for payment. Never throws: the order is placed. */
  pin(showId: string, accountId: string, orderId: string, untilMs: number): Promise<void>;
};

type PlaceOutcome =
  /** `isRepeat`: by an earlier request with this id; the order is shown as it is now. */
  | { outcome: 'placed'; isRepeat: boolean; order: Order; checkout: Checkout }
  /** `reused`: the id has an order of another hold. */
  | { outcome: 'not-found' | 'ended' | 'reused' }
  | { outcome: 'has-order'; orderId: string | null };

type PlaceIds = {
  orderId: string;
  holdId: string;
  buyerId: string;
  requestId: string;
};

type DecidedPlacing = Exclude<PlaceResult, { outcome: 'repainted' }>;

type PlaceDeps = {
  cycle: Cycle;
  catalogue: OrdersCatalogue;
  seats: OrdersSeats;
  passes: OrdersPasses;
  relayWake: () => void;
  holdTtlMs: number;
};

type Show = NonNullable<Awaited<ReturnType<OrdersCatalogue['show']>>>;

/** Readings of a show that was repainted meanwhile; once is the rule. */
const repaintTriesMax = 5;

/** The order just placed, without reading it back. */
const makePlacedRow = (
  asked: PlaceRequest,
  hold: HoldFacts,
  ladder: LadderName,
  placed: { deadlineAt: Date; createdAt: Date },
): OrderRow => ({
  id: asked.orderId,
  showId: hold.showId,
  performanceId: hold.performanceId,
  buyerId: asked.buyerId,
  holdId: asked.holdId,
  state: 'PENDING',
  currency: 'KRW',
  ladder,
  totalMinor: asked.totalMinor,
  deadlineAt: placed.deadlineAt,
  createdAt: placed.createdAt,
  paidAt: null,
  failureCode: null,
  attemptNo: 1,
  items: [...asked.items],
});

/**
 * The server's prices for the seats of a hold; nothing that a client sends is used. Null when a
 * grade has no price: the show and the painting in memory are not from the same moment.
 */
const priceItems = (show: Show, seats: readonly SeatView[]): OrderItem[] | null => {
  const items: OrderItem[] = [];
  for (const seat of seats) {
    const { seatNo, grade } = seat;
    const priceMinor = show.prices.get(grade);
    if (priceMinor === undefined) return null;
    items.push({ seatNo, grade, seat, priceMinor, feeMinor: show.bookingFeeMinor });
  }
  return items;
};

/**
 * Places orders: a hold becomes an order with the server's prices and its first payment attempt.
 */
export const makePlacing = (
  deps: PlaceDeps,
  views: OrderViews,
  readRow: (orderId: string) => Promise<OrderRow | null>,
) => {
  const { catalogue, seats, passes } = deps;
  const placeOrders = deps.cycle.register<PlaceRequest, PlaceResult, PlaceAnswer>({
    ...placeKind,
    constants: { ttl: milliseconds(deps.holdTtlMs) },
    onCommit: () => deps.relayWake(),
  });

  /** What the order of a hold is by what is in memory; null when that does not fit together. */
  const priceOrder = async (request: PlaceIds, hold: HoldFacts) => {
    const show = await catalogue.show(hold.showId);
    assert(show, 'a hold’s show exists');
    const described = await seats.describe(hold.performanceId, hold.seatNos);
    const items = priceItems(show, described.seats);
    if (items === null) return null;
    const totalMinor = items.reduce((sum, item) => sum + item.priceMinor + item.feeMinor, 0);
    const { paintingVersion } = described;
    const { showId, performanceId } = hold;
    const { category, ladder } = show;
    const priced = { items, paintingVersion, totalMinor, currency: 'KRW' as const };
    return { ...request, ...priced, showId, performanceId, category, ladder };
  };

  /** Places at the grades at which the hold was taken, even if the cached ones are older. */
  const placeAsPainted = async (
    request: PlaceIds,
    hold: HoldFacts,
  ): Promise<{ asked: PlaceRequest; ladder: LadderName; result: DecidedPlacing }> => {
    for (let tries = 1; ; tries++) {
      const asked = await priceOrder(request, hold);
      const result = asked === null ? null : await placeOrders.add(asked);
      if (asked !== null && result !== null && result.outcome !== 'repainted')
        return { asked, ladder: asked.ladder, result };
      assert(tries < repaintTriesMax, 'a show is priced and painted as the catalogue says');
      catalogue.forget(hold.showId);
    }
  };

  return {
    place: async (request: PlaceIds): Promise<PlaceOutcome> => {
      const { orderId, buyerId } = request;
      const hold = await seats.holdFacts(request.holdId, buyerId);
      if (hold === null)
        return { outcome: (await readRow(orderId)) === null ? 'not-found' : 'reused' };
      const { asked, ladder, result } = await placeAsPainted(request, hold);
      switch (result.outcome) {
        case 'placed': {
          const row = result.isRepeat
            ? await readRow(orderId)
            : makePlacedRow(asked, hold, ladder, result);
          assert(row, 'an order that was placed exists');
          if (row.state === 'PENDING')
            await passes.pin(hold.showId, buyerId, orderId, row.deadlineAt.getTime());
          const checkout = await views.viewCheckout(makeAttemptId(orderId, row.attemptNo), row);
          const order = await views.viewOrder(row, true);
          return { outcome: 'placed', isRepeat: result.isRepeat, order, checkout };
        }
        case 'has-order':
          return { outcome: 'has-order', orderId: result.openOrder };
        case 'seats-differ':
          throw new Error('assertion failed: the seats of a hold never change');
        default:
          return { outcome: result.outcome };
      }
    },
  };
};

import type { Order } from '@usher/contract/orders.ts';
import type { Checkout } from '@usher/contract/payments.ts';
import type { SeatView } from '@usher/domain/layout.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Deltas, HoldFacts } from '../seats/index.ts';
import type { OrderItem, OrderRow, OrderStore, PlaceRequest, PlaceResult } from './store.ts';
import type { OrdersCatalogue, OrderViews } from './view.ts';

export type OrdersSeats = {
  holdFacts(holdId: string, buyerId: string): Promise<HoldFacts | null>;
  describe(performanceId: string, seatNos: readonly number[]): Promise<SeatView[]>;
  applyAll(deltas: Deltas): void;
};
/** What an order does to the pass that it was placed under. */
export type OrdersPasses = {
  /** The pass lives as long as its order waits for money. Never throws: the order is placed. */
  pin(showId: string, accountId: string, orderId: string, untilMs: number): Promise<void>;
};

export type PlaceOutcome =
  | { outcome: 'placed'; order: Order; checkout: Checkout }
  | { outcome: 'not-found' | 'ended' }
  | { outcome: 'has-order'; orderId: string | null };

type PlaceDeps = {
  store: Pick<OrderStore, 'place'>;
  catalogue: OrdersCatalogue;
  seats: OrdersSeats;
  passes: OrdersPasses;
  relayWake: () => void;
  ids: Ids;
  metrics: Metrics;
  holdTtlMs: number;
  batchSizeMax: number;
};

type Show = NonNullable<Awaited<ReturnType<OrdersCatalogue['show']>>>;

/** The order that was just placed, without reading it back. */
const makePlacedRow = (
  asked: PlaceRequest,
  hold: HoldFacts,
  ladder: OrderRow['ladder'],
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
  items: [...asked.items],
});

/** The server's prices for the seats of a hold; nothing that a client says counts. */
const priceItems = (show: Show, seats: readonly SeatView[]): OrderItem[] =>
  seats.map((seat) => {
    const priceMinor = show.prices.get(seat.grade);
    assert(priceMinor !== undefined, `grade ${seat.grade} has a price`);
    const { seatNo, grade } = seat;
    return { seatNo, grade, seat, priceMinor, feeMinor: show.bookingFeeMinor };
  });

/** Places orders: a hold becomes an order with the server's prices and its first attempt to pay. */
export const makePlacing = (
  deps: PlaceDeps,
  views: OrderViews,
  readRow: (orderId: string) => Promise<OrderRow | null>,
) => {
  const { store, catalogue, seats, passes, ids } = deps;
  const placeOrders = makeBatcher<PlaceRequest, PlaceResult>({
    name: 'place-orders',
    sizes: deps.metrics.batchSizes,
    sizeMax: deps.batchSizeMax,
    run: async (batch) => {
      const terms = { currency: 'KRW', provider: 'toss', ttlMs: deps.holdTtlMs };
      const results = await store.place(batch, terms);
      deps.relayWake();
      return results;
    },
  });

  return {
    place: async (request: {
      orderId: string;
      attemptId: string;
      holdId: string;
      buyerId: string;
      requestId: string;
    }): Promise<PlaceOutcome> => {
      const { orderId, buyerId } = request;
      const hold = await seats.holdFacts(request.holdId, buyerId);
      if (hold === null) return { outcome: 'not-found' };
      const show = await catalogue.show(hold.showId);
      assert(show, 'a hold’s show exists');
      const items = priceItems(show, await seats.describe(hold.performanceId, hold.seatNos));
      const totalMinor = items.reduce((sum, item) => sum + item.priceMinor + item.feeMinor, 0);
      const { category, ladder } = show;
      const asked = { ...request, attemptKey: ids.secret(), items, totalMinor, category, ladder };
      const result = await placeOrders.add(asked);
      switch (result.outcome) {
        case 'placed': {
          const row = result.isRepeat
            ? await readRow(orderId)
            : makePlacedRow(asked, hold, ladder, result);
          assert(row, 'an order that was placed exists');
          if (row.state === 'PENDING')
            await passes.pin(hold.showId, buyerId, orderId, row.deadlineAt.getTime());
          const checkout = await views.viewCheckout(request.attemptId, row);
          return { outcome: 'placed', order: await views.viewOrder(row, true), checkout };
        }
        case 'has-order':
          return { outcome: 'has-order', orderId: result.openOrder };
        case 'seats-differ':
          throw new Error('assertion failed: the seats of a hold never change');
        default:
          return { outcome: result.outcome };
      }
    },
    close: placeOrders.close,
  };
};

import type { Order } from '@usher/contract/orders.ts';
import type { Checkout } from '@usher/contract/payments.ts';
import type { LadderName } from '@usher/domain/fee-ladder.ts';
import type { SeatView } from '@usher/domain/layout.ts';
import { won } from '@usher/domain/money.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { makeTextSigner } from '../../platform/signed-token.ts';
import type { Deltas, HoldFacts } from '../seats/index.ts';
import type { OrderItem, OrderRow, OrderStore, PlaceRequest, PlaceResult } from './store.ts';

/** What orders need to know of a show and a performance; the catalogue answers from memory. */
export type OrdersCatalogue = {
  show(showId: string): Promise<{
    id: string;
    title: LocalText;
    category: string;
    venueName: LocalText;
    timeZone: string;
    prices: ReadonlyMap<string, number>;
    bookingFeeMinor: number;
    ladder: LadderName;
  } | null>;
  performance(performanceId: string): Promise<{ startsAtMs: number } | null>;
};
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

/** Where the buyer's browser pays and where it comes back to. */
export type PaymentWindow = {
  clientKey: string;
  /** The sandbox's page; null with the real provider, whose window is opened by its own script. */
  checkoutPageUrl: string | null;
  publicUrl: string;
};

type PlaceOutcome =
  | { outcome: 'placed'; order: Order; checkout: Checkout }
  | { outcome: 'not-found' | 'ended' }
  | { outcome: 'has-order'; orderId: string | null };

/** The order that was just placed, without reading it back. */
const newRow = (
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

export const makeOrders = (deps: {
  store: OrderStore;
  catalogue: OrdersCatalogue;
  seats: OrdersSeats;
  passes: OrdersPasses;
  relayWake: () => void;
  ids: Ids;
  metrics: Metrics;
  secret: string;
  holdTtlMs: number;
  batchSizeMax: number;
  /** Null where orders are read but not placed. */
  window: PaymentWindow | null;
}) => {
  const { store, catalogue, seats, passes, ids, window } = deps;
  const linkSigner = makeTextSigner(deps.secret, 'order-link');
  const sizes = deps.metrics.batchSizes;

  const placer = makeBatcher<PlaceRequest, PlaceResult>({
    name: 'place-orders',
    sizes,
    sizeMax: deps.batchSizeMax,
    run: async (batch) => {
      const terms = { currency: 'KRW', provider: 'toss', ttlMs: deps.holdTtlMs };
      const results = await store.place(batch, terms);
      deps.relayWake();
      return results;
    },
  });
  const reader = makeBatcher<string, OrderRow | null>({
    name: 'read-orders',
    sizes,
    sizeMax: deps.batchSizeMax,
    run: (orderIds) => store.read(orderIds),
  });

  const linkToken = (orderId: string): string => `${orderId}.${linkSigner.mac(orderId)}`;

  const view = async (row: OrderRow, withLink: boolean): Promise<Order> => {
    const show = await catalogue.show(row.showId);
    const performance = await catalogue.performance(row.performanceId);
    assert(show && performance, 'an order’s show and performance exist');
    return {
      id: row.id,
      state: row.state,
      holdId: row.holdId,
      showId: row.showId,
      performanceId: row.performanceId,
      showTitle: show.title,
      venueName: show.venueName,
      startsAt: new Date(performance.startsAtMs).toISOString(),
      timeZone: show.timeZone,
      items: row.items.map((item) => ({
        seat: item.seat,
        grade: item.grade,
        price: won(item.priceMinor),
        bookingFee: won(item.feeMinor),
      })),
      total: won(row.totalMinor),
      ladder: row.ladder,
      createdAt: row.createdAt.toISOString(),
      deadline: row.deadlineAt.toISOString(),
      paidAt: row.paidAt?.toISOString() ?? null,
      failureCode: row.failureCode,
      linkToken: withLink ? linkToken(row.id) : null,
    };
  };

  /** The server's prices for the seats of a hold; nothing that a client says counts. */
  const priceItems = async (hold: HoldFacts): Promise<{ items: OrderItem[]; show: Show }> => {
    const show = await catalogue.show(hold.showId);
    assert(show, 'a hold’s show exists');
    const lines = await seats.describe(hold.performanceId, hold.seatNos);
    const items = lines.map((seat) => {
      const priceMinor = show.prices.get(seat.grade);
      assert(priceMinor !== undefined, `grade ${seat.grade} has a price`);
      const { seatNo, grade } = seat;
      return { seatNo, grade, seat, priceMinor, feeMinor: show.bookingFeeMinor };
    });
    return { items, show };
  };
  type Show = NonNullable<Awaited<ReturnType<OrdersCatalogue['show']>>>;

  /** What the payment window of an attempt needs. */
  const checkoutFor = async (attemptId: string, row: OrderRow): Promise<Checkout> => {
    const show = await catalogue.show(row.showId);
    assert(show, 'an order’s show exists');
    assert(window, 'where orders are placed the payment window is known');
    const more = row.items.length > 1 ? ` 외 ${row.items.length - 1}매` : '';
    const orderName = `${show.title.ko.slice(0, 80)}${more}`;
    const successUrl = `${window.publicUrl}/pay/success`;
    const failUrl = `${window.publicUrl}/pay/fail?attempt=${attemptId}`;
    const query = new URLSearchParams({
      clientKey: window.clientKey,
      orderId: attemptId,
      orderName,
      amount: String(row.totalMinor),
      currency: row.currency,
      successUrl,
      failUrl,
    });
    return {
      attemptId,
      provider: 'toss' as const,
      clientKey: window.clientKey,
      amount: won(row.totalMinor),
      orderName,
      checkoutUrl: window.checkoutPageUrl === null ? null : `${window.checkoutPageUrl}?${query}`,
      successUrl,
      failUrl,
    };
  };

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
      const { items, show } = await priceItems(hold);
      const totalMinor = items.reduce((sum, item) => sum + item.priceMinor + item.feeMinor, 0);
      const { category, ladder } = show;
      const asked = { ...request, attemptKey: ids.secret(), items, totalMinor, category, ladder };
      const result = await placer.add(asked);
      switch (result.outcome) {
        case 'placed': {
          const row = result.isRepeat
            ? await reader.add(orderId)
            : newRow(asked, hold, ladder, result);
          assert(row, 'an order that was placed exists');
          if (row.state === 'PENDING')
            await passes.pin(hold.showId, buyerId, orderId, row.deadlineAt.getTime());
          const checkout = await checkoutFor(request.attemptId, row);
          return { outcome: 'placed', order: await view(row, true), checkout };
        }
        case 'has-order':
          return { outcome: 'has-order', orderId: result.openOrder };
        case 'seats-differ':
          throw new Error('assertion failed: the seats of a hold never change');
        default:
          return { outcome: result.outcome };
      }
    },

    /** Any buyer's order, for other services; null when there is none. */
    read: async (orderId: string): Promise<Order | null> => {
      const row = await reader.add(orderId);
      return row === null ? null : view(row, true);
    },
    readOwn: async (orderId: string, buyerId: string): Promise<Order | null> => {
      const row = await reader.add(orderId);
      return row === null || row.buyerId !== buyerId ? null : view(row, true);
    },
    buyerOf: async (orderId: string): Promise<string | null> =>
      (await reader.add(orderId))?.buyerId ?? null,

    list: async (query: Parameters<OrderStore['list']>[0]): Promise<Order[]> =>
      Promise.all((await store.list(query)).map((row) => view(row, true))),

    cancel: async (
      orderId: string,
      buyerId: string,
      requestId: string,
    ): Promise<'cancelled' | 'not-found' | 'not-cancellable'> => {
      const { outcome, deltas } = await store.cancel(orderId, buyerId, requestId);
      seats.applyAll(deltas);
      deps.relayWake();
      return outcome;
    },

    linkToken,
    /** The order behind a secret address; null for an address that we did not make. */
    readByLink: async (token: string): Promise<Order | null> => {
      const [orderId = '', mac = ''] = token.split('.');
      if (!linkSigner.matches(orderId, mac)) return null;
      const row = await reader.add(orderId);
      return row === null ? null : view(row, false);
    },
    checkoutOf: async (attemptId: string, orderId: string): Promise<Checkout> => {
      const row = await reader.add(orderId);
      assert(row, 'an attempt’s order exists');
      return checkoutFor(attemptId, row);
    },
    close: async (): Promise<void> => {
      await placer.close();
      await reader.close();
    },
  };
};
export type Orders = ReturnType<typeof makeOrders>;

import type { Order } from '@usher/contract/orders.ts';
import type { Checkout } from '@usher/contract/payments.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import type { Cycle } from '../../platform/cycle.ts';
import { assert } from '../../platform/failure.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { makeTextSigner } from '../../platform/signed-token.ts';
import { makePlacing, type OrdersPasses, type OrdersSeats } from './service.place.ts';
import type { OrderRow, OrderStore } from './store.ts';
import { makeOrderViews, type OrdersCatalogue, type PaymentWindow } from './view.ts';

export const makeOrders = (deps: {
  store: OrderStore;
  cycle: Cycle;
  catalogue: OrdersCatalogue;
  seats: OrdersSeats;
  passes: OrdersPasses;
  relayWake: () => void;
  metrics: Metrics;
  secret: string;
  holdTtlMs: number;
  batchSizeMax: number;
  /** Null in a process that reads orders but does not place them. */
  window: PaymentWindow | null;
}) => {
  const { store, catalogue, seats, window } = deps;
  const linkSigner = makeTextSigner(deps.secret, 'order-link');
  const makeLinkToken = (orderId: string): string => `${orderId}.${linkSigner.mac(orderId)}`;
  /** The id in a secret address; null for an address that we did not create. */
  const findByLink = (token: string): string | null => {
    const [orderId = '', mac = '', ...more] = token.split('.');
    return more.length === 0 && linkSigner.matches(orderId, mac) ? orderId : null;
  };
  const views = makeOrderViews({ catalogue, window, makeLinkToken });
  const readOrders = makeBatcher<string, OrderRow | null>({
    name: 'read-orders',
    sizes: deps.metrics.batchSizes,
    sizeMax: deps.batchSizeMax,
    run: (orderIds) => store.read(orderIds),
  });
  const placing = makePlacing(deps, views, readOrders.add);

  return {
    place: placing.place,

    /** Any buyer's order, for other services; null if there is none. */
    read: async (orderId: string): Promise<Order | null> => {
      const row = await readOrders.add(orderId);
      return row === null ? null : views.viewOrder(row, true);
    },
    readOwn: async (orderId: string, buyerId: string): Promise<Order | null> => {
      const row = await readOrders.add(orderId);
      return row === null || row.buyerId !== buyerId ? null : views.viewOrder(row, true);
    },
    readBuyer: async (orderId: string): Promise<string | null> =>
      (await readOrders.add(orderId))?.buyerId ?? null,

    list: async (query: Parameters<OrderStore['list']>[0]): Promise<Order[]> =>
      Promise.all((await store.list(query)).map((row) => views.viewOrder(row, true))),

    cancel: async (
      orderId: string,
      buyerId: string,
      requestId: string,
    ): Promise<'cancelled' | 'not-found' | 'not-cancellable'> => {
      const { outcome, deltas } = await store.cancel(orderId, buyerId, requestId);
      seats.publish(deltas);
      deps.relayWake();
      return outcome;
    },

    makeLinkToken,
    findByLink,
    /** The order at a secret address; null for an address that we did not create. */
    readByLink: async (token: string): Promise<Order | null> => {
      const orderId = findByLink(token);
      const row = orderId === null ? null : await readOrders.add(orderId);
      return row === null ? null : views.viewOrder(row, false);
    },
    readCheckout: async (attemptId: string, orderId: string): Promise<Checkout> => {
      const row = await readOrders.add(orderId);
      assert(row, 'an attempt’s order exists');
      return views.viewCheckout(attemptId, row);
    },
    close: async (): Promise<void> => {
      await readOrders.close();
    },
  };
};
export type Orders = ReturnType<typeof makeOrders>;

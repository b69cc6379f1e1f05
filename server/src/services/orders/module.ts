import type { Settings } from '../../platform/config.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { ordersRoutes } from './routes.ts';
import {
  makeOrders,
  type Orders,
  type OrdersCatalogue,
  type OrdersSeats,
  type PaymentWindow,
} from './service.ts';
import { makeOrderStore } from './store.ts';

export const openOrders = (
  context: {
    db: Database;
    ids: Ids;
    metrics: Metrics;
    config: Pick<Settings, 'HOLD_TTL_MS' | 'BATCH_SIZE_MAX'>;
    secret: string;
    relayWake: () => void;
  },
  doors: { catalogue: OrdersCatalogue; seats: OrdersSeats; window: PaymentWindow },
): Module<Orders> => {
  const { db, ids, metrics, config, secret, relayWake } = context;
  const orders = makeOrders({
    store: makeOrderStore(db),
    catalogue: doors.catalogue,
    seats: doors.seats,
    relayWake,
    ids,
    metrics,
    secret,
    holdTtlMs: config.HOLD_TTL_MS,
    batchSizeMax: config.BATCH_SIZE_MAX,
    window: doors.window,
  });
  return { service: orders, routes: ordersRoutes({ orders, ids }), close: orders.close };
};

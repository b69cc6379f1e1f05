import type { PlatformSettings } from '../../platform/config.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { SeatsSettings } from '../seats/index.ts';
import { ordersRoutes } from './routes.ts';
import {
  makeOrders,
  type Orders,
  type OrdersCatalogue,
  type OrdersGate,
  type OrdersSeats,
  type PaymentWindow,
} from './service.ts';
import { makeOrderStore } from './store.ts';

export const openOrders = (
  context: {
    db: Database;
    ids: Ids;
    metrics: Metrics;
    config: Pick<SeatsSettings, 'HOLD_TTL_MS'> & Pick<PlatformSettings, 'BATCH_SIZE_MAX'>;
    secret: string;
    relayWake: () => void;
  },
  doors: {
    catalogue: OrdersCatalogue;
    seats: OrdersSeats;
    gate: OrdersGate;
    window: PaymentWindow;
  },
): Module<Orders> => {
  const { db, ids, metrics, config, secret, relayWake } = context;
  const orders = makeOrders({
    store: makeOrderStore(db),
    ...doors,
    relayWake,
    ids,
    metrics,
    secret,
    holdTtlMs: config.HOLD_TTL_MS,
    batchSizeMax: config.BATCH_SIZE_MAX,
  });
  return { service: orders, routes: ordersRoutes({ orders, ids }), close: orders.close };
};

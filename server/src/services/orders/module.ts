import type { PlatformSettings } from '../../platform/config.ts';
import type { Context } from '../../platform/context.ts';
import type { Module } from '../../platform/module.ts';
import { idleWorker } from '../../platform/worker.ts';
import type { SeatsSettings } from '../seats/index.ts';
import { ordersRoutes } from './routes.ts';
import type { OrdersPasses, OrdersSeats } from './service.place.ts';
import { makeOrders, type Orders } from './service.ts';
import { makeOrderStore } from './store.ts';
import type { OrdersCatalogue, PaymentWindow } from './view.ts';

export const openOrders = (
  context: Pick<Context, 'db' | 'cycle' | 'ids' | 'metrics' | 'secret' | 'relayWake'> & {
    config: Pick<SeatsSettings, 'HOLD_TTL_MS'> & Pick<PlatformSettings, 'BATCH_SIZE_MAX'>;
  },
  doors: {
    catalogue: OrdersCatalogue;
    seats: OrdersSeats;
    passes: OrdersPasses;
    window: PaymentWindow | null;
  },
): Module<Orders> => {
  const { db, cycle, ids, metrics, config, secret, relayWake } = context;
  const orders = makeOrders({
    store: makeOrderStore(db),
    cycle,
    ...doors,
    relayWake,
    metrics,
    secret,
    holdTtlMs: config.HOLD_TTL_MS,
    batchSizeMax: config.BATCH_SIZE_MAX,
  });
  return {
    service: orders,
    routes: ordersRoutes({ orders, seats: doors.seats, ids }),
    start: () => idleWorker,
    close: orders.close,
  };
};

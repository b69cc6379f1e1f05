import { makeLoop } from '../../platform/clock.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Context } from '../../platform/context.ts';
import type { Module } from '../../platform/module.ts';
import type { Seats } from '../seats/index.ts';
import type { PaymentsSettings } from './config.ts';
import { makeTossProvider } from './provider.toss.ts';
import type { FailPoint } from './provider-call.ts';
import { paymentsRoutes, type ReadCheckout, type ReadOrder } from './routes.ts';
import { makeCapture } from './service.capture.ts';
import { makePayments, type Payments } from './service.ts';
import { makePaymentStore } from './store.ts';

/** Between rounds that resume abandoned attempts and ask about unknown payments. */
const recoverMs = 1000;

export const openPayments = (
  context: Pick<Context, 'db' | 'cycle' | 'clock' | 'ids' | 'log' | 'metrics' | 'relayWake'> & {
    config: Pick<PaymentsSettings, 'PAYMENT_WAIT_MS' | 'PAYMENT_TIMEOUT_MS'> &
      Pick<PlatformSettings, 'BATCH_SIZE_MAX'>;
  },
  doors: {
    toss: { url: string; secretKey: string };
    seats: Pick<Seats, 'publish'>;
    readCheckout: ReadCheckout;
    readOrder: ReadOrder;
    isAlone: boolean;
    failPoint?: (point: FailPoint) => Promise<void>;
  },
): Module<Payments> => {
  const { db, cycle, clock, ids, log, metrics, config } = context;
  const store = makePaymentStore(db);
  const provider = makeTossProvider({ ...doors.toss, timeoutMs: config.PAYMENT_TIMEOUT_MS });
  const { relayWake } = context;
  const payments = makePayments({
    store,
    capture: makeCapture({ store, cycle, provider, seats: doors.seats, relayWake }),
    provider,
    clock,
    ids,
    log,
    metrics,
    waitMs: config.PAYMENT_WAIT_MS,
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    isAlone: doors.isAlone,
    batchSizeMax: config.BATCH_SIZE_MAX,
    ...(doors.failPoint === undefined ? {} : { failPoint: doors.failPoint }),
  });
  let isStart = true;
  return {
    service: payments,
    routes: paymentsRoutes({
      payments,
      readCheckout: doors.readCheckout,
      readOrder: doors.readOrder,
      log,
    }),
    start: () =>
      makeLoop({
        clock,
        everyMs: recoverMs,
        run: async () => {
          await payments.recover(isStart);
          isStart = false;
        },
        onError: (error) => log.warn({ err: error }, 'payment recovery failed'),
      }),
    close: payments.close,
  };
};

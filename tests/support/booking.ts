import { sampleHouse } from '../../server/src/domain/layout.samples.ts';
import { compileLayout } from '../../server/src/domain/layout.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeStreams } from '../../server/src/platform/http/sse.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeOrders } from '../../server/src/services/orders/service.ts';
import { makeOrderStore } from '../../server/src/services/orders/store.ts';
import type {
  Provider,
  ProviderRequest,
} from '../../server/src/services/payments/provider.toss.ts';
import { type FailPoint, makePayments } from '../../server/src/services/payments/service.ts';
import { makePaymentStore } from '../../server/src/services/payments/store.ts';
import { makeSeats } from '../../server/src/services/seats/service.ts';
import { makeSeatStock, makeSeatStore } from '../../server/src/services/seats/store.ts';
import { afterThisFile } from './after-file.ts';

/** A provider in memory that keeps its own ledger: the truth about the money. */
export const makeFakeProvider = () => {
  const charged = new Map<string, ProviderRequest>();
  const calls: ProviderRequest[] = [];
  let behaviour: (request: ProviderRequest) => Promise<Awaited<ReturnType<Provider['confirm']>>> =
    async (request) => approve(request);
  const approve = (request: ProviderRequest) => {
    charged.set(request.key, request);
    return { kind: 'approved' as const, transaction: `tx-${request.key}`, secret: null };
  };
  const provider: Provider = {
    confirm: async (request) => {
      calls.push(request);
      return behaviour(request);
    },
    query: async (request) =>
      charged.has(request.key) ? approve(request) : { kind: 'unknown', code: 'STILL_PENDING' },
    close: async () => undefined,
  };
  return {
    provider,
    charged,
    calls,
    approve,
    behave: (next: typeof behaviour): void => {
      behaviour = next;
    },
  };
};

export type BookingOptions = {
  url: string;
  /** The sale of another program on the same database; default: one of its own. */
  sale?: { showId: string; performanceId: string };
  rows?: readonly (readonly number[])[];
  holdTtlMs?: number;
  holdTotalMaxMs?: number;
  buyerLimit?: number;
  refusesStranding?: boolean;
  saleOpensAt?: Date;
  saleClosesAt?: Date;
  waitMs?: number;
  failPoint?: (point: FailPoint) => Promise<void>;
};

/**
 * Seats, orders and payments on a real database, with one show of one performance, a small house
 * and a provider in memory: what the tests of the booking core stand on.
 */
export const openBooking = async (options: BookingOptions) => {
  const clock = systemClock;
  const ids = makeIds(clock);
  const metrics = makeMetrics();
  const log = silentLog;
  const db: Database = openDatabase({ url: options.url, name: 'test', log, poolMax: 8 });
  const layout = compileLayout(sampleHouse(options.rows ?? [[10], [10], [4, 6]], (row) => row % 3));
  const showId = options.sale?.showId ?? ids.make('show');
  const performanceId = options.sale?.performanceId ?? ids.make('performance');
  const dayMs = 86_400_000;
  const opening = {
    showId,
    performanceId,
    seatCount: layout.seatCount,
    saleOpensAt: options.saleOpensAt ?? new Date(clock.nowMs() - dayMs),
    saleClosesAt: options.saleClosesAt ?? new Date(clock.nowMs() + dayMs),
    buyerLimit: options.buyerLimit ?? 4,
    refusesStranding: options.refusesStranding ?? false,
  };
  const stock = makeSeatStock(db);
  await stock.open(db, [opening]);
  const catalogue = {
    performance: async (id: string) =>
      id === performanceId
        ? {
            id,
            showId,
            seatingPlanId: 'plan',
            saleOpensAtMs: opening.saleOpensAt.getTime(),
            startsAtMs: clock.nowMs() + 7 * dayMs,
            buyerLimit: opening.buyerLimit,
            refusesStranding: opening.refusesStranding,
          }
        : null,
    layout: async () => ({ layout }),
    show: async (id: string) => ({
      id,
      title: { ko: '오페라의 밤', en: 'Night at the Opera' },
      category: 'MUSICAL',
      venueName: { ko: '소극장', en: 'Small House' },
      timeZone: 'Asia/Seoul',
      prices: new Map([
        ['VIP', 150_000],
        ['R', 120_000],
        ['S', 90_000],
      ]),
      bookingFeeMinor: 2000,
      ladder: 'operator' as const,
    }),
  };
  const streams = makeStreams(clock);
  const seats = makeSeats({
    store: makeSeatStore(db),
    catalogue,
    streams,
    clock,
    log,
    metrics,
    holdTtlMs: options.holdTtlMs ?? 60_000,
    holdTotalMaxMs: options.holdTotalMaxMs ?? 120_000,
    batchSizeMax: 256,
  });
  const orders = makeOrders({
    store: makeOrderStore(db),
    catalogue,
    seats,
    relayWake: () => undefined,
    ids,
    metrics,
    secret: 'a secret of the tests, long enough for them',
    holdTtlMs: options.holdTtlMs ?? 60_000,
    batchSizeMax: 256,
    window: { clientKey: 'sandbox_ck', checkoutPageUrl: null, publicUrl: 'http://127.0.0.1' },
  });
  const bank = makeFakeProvider();
  const payments = makePayments({
    store: makePaymentStore(db),
    provider: bank.provider,
    applyDeltas: (deltas) => {
      for (const delta of deltas) seats.apply(delta as never);
    },
    relayWake: () => undefined,
    clock,
    ids,
    log,
    metrics,
    waitMs: options.waitMs ?? 5000,
    timeoutMs: 5000,
    isAlone: true,
    batchSizeMax: 256,
    ...(options.failPoint === undefined ? {} : { failPoint: options.failPoint }),
  });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await payments.close();
    await orders.close();
    await seats.close();
    await streams.close();
    await db.close();
    metrics.close();
  };
  afterThisFile(close);

  const takeSeats = (buyerId: string, seatNos: readonly number[], holdId = ids.make('hold')) =>
    seats.take({
      performanceId,
      holdId,
      buyerId,
      requestId: 'test',
      wish: { kind: 'seats', seatNos },
    });
  /** A buyer's way up to the payment window. */
  const order = async (buyerId: string, seatNos: readonly number[]) => {
    const holdId = ids.make('hold');
    const held = await takeSeats(buyerId, seatNos, holdId);
    if (held.outcome !== 'held') throw new Error(`not held: ${held.outcome}`);
    const attemptId = ids.make('attempt');
    const orderId = ids.make('order');
    const request = { orderId, attemptId, holdId, buyerId, requestId: 'test' };
    const placed = await orders.place(request);
    if (placed.outcome !== 'placed') throw new Error(`not placed: ${placed.outcome}`);
    return { ...request, total: placed.order.total.amount, order: placed.order };
  };
  const pay = (buyerId: string, attemptId: string, amountMinor: number, paymentKey?: string) =>
    payments.confirm({
      attemptId,
      buyerId,
      amountMinor,
      paymentKey: paymentKey ?? `pay-${attemptId}`,
      requestId: 'test',
    });
  return {
    db,
    ids,
    layout,
    showId,
    performanceId,
    stock,
    seats,
    orders,
    payments,
    bank,
    takeSeats,
    order,
    pay,
    close,
  };
};
export type Booking = Awaited<ReturnType<typeof openBooking>>;

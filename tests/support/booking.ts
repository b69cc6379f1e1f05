import { makeAttemptId } from '@usher/domain/ids.ts';
import { compileLayout } from '@usher/domain/layout.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeCycle } from '../../server/src/platform/cycle.ts';
import { makeStreams } from '../../server/src/platform/http/sse.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeOrders } from '../../server/src/services/orders/service.ts';
import { makeOrderStore } from '../../server/src/services/orders/store.ts';
import type { Provider, ProviderRequest } from '../../server/src/services/payments/provider.ts';
import type { FailPoint } from '../../server/src/services/payments/provider-call.ts';
import { type Capture, makeCapture } from '../../server/src/services/payments/service.capture.ts';
import { makePayments } from '../../server/src/services/payments/service.ts';
import { makePaymentStore } from '../../server/src/services/payments/store.ts';
import { makeSeats } from '../../server/src/services/seats/service.ts';
import { makeSeatStock, makeSeatStore } from '../../server/src/services/seats/store.ts';
import { afterThisFile } from './after-file.ts';
import { sampleHouse } from './sample-house.ts';

/** A provider in memory that keeps its own ledger: the truth about the money. */
const makeFakeProvider = () => {
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
  /** Won, by grade, as this program remembers them until it reads the show again. */
  prices?: Readonly<Record<string, number>>;
  saleOpensAt?: Date;
  saleClosesAt?: Date;
  waitMs?: number;
  /** Default: the bank in memory. */
  provider?: Provider;
  /** The steps of a payment, changed by the test. */
  disturb?: (capture: Capture, program: { provider: Provider; db: Database }) => Capture;
  failPoint?: (point: FailPoint) => Promise<void>;
};

const dayMs = 86_400_000;
const clock = systemClock;
const ids = makeIds(clock);

/** One show with one performance in a small house, as the catalogue would describe it. */
const makeSale = (options: BookingOptions) => {
  const layout = compileLayout(sampleHouse(options.rows ?? [[10], [10], [4, 6]], (row) => row % 3));
  const opening = {
    showId: options.sale?.showId ?? ids.make('show'),
    performanceId: options.sale?.performanceId ?? ids.make('performance'),
    seatCount: layout.seatCount,
    saleOpensAt: options.saleOpensAt ?? new Date(clock.nowMs() - dayMs),
    saleClosesAt: options.saleClosesAt ?? new Date(clock.nowMs() + dayMs),
    buyerLimit: options.buyerLimit ?? 4,
    refusesStranding: options.refusesStranding ?? false,
    // As the migration leaves performances that are not in the catalogue.
    paintingVersion: '',
  };
  const facts = {
    ...opening,
    id: opening.performanceId,
    seatingPlanId: 'plan',
    saleOpensAtMs: opening.saleOpensAt.getTime(),
    startsAtMs: clock.nowMs() + 7 * dayMs,
    gradeNames: new Map(['VIP', 'R', 'S'].map((code) => [code, { ko: `${code}석`, en: code }])),
  };
  let sold = layout;
  let next = { layout, version: opening.paintingVersion };
  const usualPrices = { VIP: 150_000, R: 120_000, S: 90_000 };
  let prices = new Map(Object.entries(options.prices ?? usualPrices));
  let nextPrices = prices;
  const catalogue = {
    performance: async (id: string) => (id === opening.performanceId ? facts : null),
    layout: async () => ({ layout: sold }),
    /** What was repainted or has another price is seen when it is read again. */
    forget: () => {
      sold = next.layout;
      facts.paintingVersion = next.version;
      prices = nextPrices;
    },
    show: async (id: string) => ({
      id,
      title: { ko: '오페라의 밤', en: 'Night at the Opera' },
      category: 'MUSICAL',
      venueName: { ko: '소극장', en: 'Small House' },
      timeZone: 'Asia/Seoul',
      prices,
      bookingFeeMinor: 2000,
      ladder: 'operator' as const,
    }),
  };
  /** As if another process painted it: every seat gets one grade. */
  const repaintTo = (version: string, grade: number): void => {
    const grades = new Uint8Array(layout.seatCount).fill(grade);
    next = { version, layout: { ...layout, grade: grades } };
  };
  /** As another process edits them. */
  const editPrices = (edited: Readonly<Record<string, number>>): void => {
    nextPrices = new Map(Object.entries(edited));
  };
  return { layout, opening, catalogue, repaintTo, editPrices };
};

const makeServices = (options: BookingOptions, db: Database, sale: ReturnType<typeof makeSale>) => {
  const metrics = makeMetrics();
  const streams = makeStreams(clock);
  const tools = { clock, ids, log: silentLog, metrics, relayWake: () => undefined };
  const cycle = makeCycle({
    db,
    clock,
    metrics,
    batchSizeMax: 256,
    lockFunction: 'seats.lock_performances',
  });
  const common = { ...tools, cycle, catalogue: sale.catalogue, batchSizeMax: 256 };
  const holdTtlMs = options.holdTtlMs ?? 60_000;
  const seats = makeSeats({
    ...common,
    store: makeSeatStore(db),
    streams,
    isAlone: true,
    holdTtlMs,
    holdTotalMaxMs: options.holdTotalMaxMs ?? 120_000,
  });
  const orders = makeOrders({
    ...common,
    store: makeOrderStore(db),
    seats,
    passes: { pin: async () => undefined },
    secret: 'a secret of the tests, long enough for them',
    holdTtlMs,
    window: { clientKey: 'sandbox_ck', checkoutPageUrl: null, publicUrl: 'http://127.0.0.1' },
  });
  const bank = makeFakeProvider();
  const provider = options.provider ?? bank.provider;
  const store = makePaymentStore(db);
  const capture = makeCapture({ ...common, store, provider, seats });
  const payments = makePayments({
    ...common,
    store,
    provider,
    capture: options.disturb?.(capture, { provider, db }) ?? capture,
    waitMs: options.waitMs ?? 5000,
    timeoutMs: 5000,
    isAlone: true,
    ...(options.failPoint === undefined ? {} : { failPoint: options.failPoint }),
  });
  const close = async (): Promise<void> => {
    await payments.close();
    await orders.close();
    await seats.close();
    await cycle.close();
    await streams.close();
    await db.close();
    metrics.close();
  };
  return { seats, orders, bank, payments, close };
};

/**
 * Seats, orders and payments on a real database, with one show of one performance, a small house
 * and a provider in memory: the basis for the tests of the booking core.
 */
export const openBooking = async (options: BookingOptions) => {
  const db = openDatabase({ url: options.url, name: 'test', log: silentLog, poolMax: 8 });
  const sale = makeSale(options);
  const stock = makeSeatStock(db);
  await stock.open(db, [sale.opening]);
  const services = makeServices(options, db, sale);
  const { seats, orders, payments } = services;
  const { showId, performanceId } = sale.opening;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= services.close();
    return closing;
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
  /** All steps of a buyer up to the payment window. */
  const order = async (buyerId: string, seatNos: readonly number[]) => {
    const holdId = ids.make('hold');
    const held = await takeSeats(buyerId, seatNos, holdId);
    if (held.outcome !== 'held') throw new Error(`not held: ${held.outcome}`);
    const orderId = ids.make('order');
    const request = { orderId, holdId, buyerId, requestId: 'test' };
    const placed = await orders.place(request);
    if (placed.outcome !== 'placed') throw new Error(`not placed: ${placed.outcome}`);
    const attemptId = makeAttemptId(orderId, 1);
    return { ...request, attemptId, total: placed.order.total.amount, order: placed.order };
  };
  const pay = (buyerId: string, attemptId: string, amountMinor: number, paymentKey?: string) =>
    payments.confirm({
      attemptId,
      buyerId,
      amountMinor,
      requestId: 'test',
      paymentKey: paymentKey ?? `pay-${attemptId}`,
    });
  return {
    db,
    ids,
    showId,
    performanceId,
    stock,
    repaintTo: sale.repaintTo,
    editPrices: sale.editPrices,
    forgetShow: sale.catalogue.forget,
    takeSeats,
    order,
    pay,
    layout: sale.layout,
    ...services,
    close,
  };
};
export type Booking = Awaited<ReturnType<typeof openBooking>>;

import type { AddressInfo } from 'node:net';
import { allRoutes } from '@usher/contract/routes.ts';
import type { FastifyInstance } from 'fastify';
import { makePages } from './pages.ts';
import type { Clock } from './platform/clock.ts';
import type { ServiceName, Settings } from './platform/config.ts';
import { makeIdempotency } from './platform/http/idempotency.ts';
import type { Route } from './platform/http/route.ts';
import { makeHttpServer } from './platform/http/server.ts';
import { makeIds } from './platform/ids.ts';
import { openJobs } from './platform/jobs.ts';
import { type Lifecycle, makeLifecycle } from './platform/lifecycle.ts';
import type { Log } from './platform/log.ts';
import { makeMetrics } from './platform/metrics.ts';
import type { Module } from './platform/module.ts';
import { openRelay, type Relay } from './platform/outbox/relay.ts';
import { openListener } from './platform/postgres/listen.ts';
import { openDatabase } from './platform/postgres/sql.ts';
import { openTracing } from './platform/tracing.ts';
import { openCatalogue } from './services/catalogue/index.ts';
import { openIdentity } from './services/identity/index.ts';
import { openNotifications } from './services/notifications/index.ts';
import { operationsRoutes } from './services/operations/index.ts';
import { openOrders } from './services/orders/index.ts';
import { type FailPoint, openPayments } from './services/payments/index.ts';
import { openRanking } from './services/ranking/index.ts';
import { makeSeatStock, openSeats, type PerformanceDelta } from './services/seats/index.ts';
import { openTickets } from './services/tickets/index.ts';
import { openVenues } from './services/venues/index.ts';

export type AppOptions = {
  config: Readonly<Settings>;
  clock: Clock;
  log: Log;
  /** The installation's; the same for all its processes. */
  secret: string;
  databaseUrl: string;
  dataDir: string;
  /** How buyers reach us; null: the address that the server gets. */
  publicUrl: string | null;
  toss: { url: string; secretKey: string; clientKey: string; isSandbox: boolean };
  /** No other process works on this database: what is found half done was left by a crash. */
  isAlone: boolean;
  checkAnswers?: boolean;
  failPoint?: (point: FailPoint) => Promise<void>;
};

/**
 * The composition root: the only place that picks adapters. Opens in order, closes in reverse; each
 * closer stands next to its opener.
 */
export const openApp = async (options: AppOptions): Promise<App> => {
  const life = makeLifecycle(options.log);
  try {
    return await openAll(options, life);
  } catch (error) {
    await life.close();
    throw error;
  }
};

const openAll = async (options: AppOptions, life: Lifecycle) => {
  const { config, clock, log, secret } = options;
  const tracing = await openTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    service: 'usher',
  });
  life.onClose('tracing', tracing.close);
  const metrics = makeMetrics();
  life.onClose('metrics', metrics.close);
  const ids = makeIds(clock);
  const db = openDatabase({
    url: options.databaseUrl,
    name: 'server',
    log,
    poolMax: config.DATABASE_POOL_MAX,
  });
  life.onClose('database', db.close);

  const channels = new Map<string, (payload: string) => void>();
  let relay: Relay | null = null;
  const publicUrl = options.publicUrl ?? `http://${config.HOST}:${config.PORT}`;
  const context = {
    db,
    url: options.databaseUrl,
    clock,
    ids,
    log,
    metrics,
    config,
    secret,
    publicUrl,
    dataDir: options.dataDir,
    relayWake: () => relay?.wake(),
    listen: (channel: string, onMessage: (payload: string) => void) =>
      void channels.set(channel, onMessage),
  };
  const modules: { name: ServiceName; module: Module<unknown> }[] = [];
  const opened = <S>(name: ServiceName, module: Module<S>): S => {
    modules.push({ name, module });
    life.onClose(name, module.close);
    return module.service;
  };

  const identity = opened('identity', await openIdentity(context));
  const venues = opened('catalogue', openVenues(context));
  const catalogue = opened(
    'catalogue',
    await openCatalogue(context, {
      venues,
      stock: makeSeatStock(db),
      // Opened below: the catalogue's jobs do not run before everything is open.
      tell: (tx, likes) => notificationsModule.service.tellSaleOpened(tx, likes),
    }),
  );
  opened('catalogue', await openRanking(context, { catalogue }));
  const seats = opened('seats', openSeats(context, { catalogue }));
  const checkoutPageUrl = options.toss.isSandbox ? `${options.toss.url}/checkout` : null;
  const orders = opened(
    'orders',
    openOrders(context, {
      catalogue,
      seats,
      window: { clientKey: options.toss.clientKey, checkoutPageUrl, publicUrl },
    }),
  );
  const payments = opened(
    'payments',
    await openPayments(context, {
      toss: options.toss,
      applyDeltas: (deltas) => {
        for (const delta of deltas) seats.apply(delta as PerformanceDelta);
      },
      checkoutOf: orders.checkoutOf,
      isAlone: options.isAlone,
      ...(options.failPoint === undefined ? {} : { failPoint: options.failPoint }),
    }),
  );
  const tickets = opened('tickets', await openTickets(context, { catalogue, orders }));
  const notificationsModule = openNotifications(context, {
    ...{ catalogue, orders, identity, tickets },
  });
  opened('notifications', notificationsModule);

  const isServed = ({ name }: { name: ServiceName }) => config.USHER_SERVICES.includes(name);
  const served = modules.filter(isServed).map(({ module }) => module);
  relay = openRelay({
    db,
    clock,
    log,
    metrics,
    consumers: served.flatMap((module) => module.consumers ?? []),
    owner: ids.secret(),
  });
  life.onClose('relay', relay.close);
  const listener = await openListener({ url: options.databaseUrl, clock, log, channels });
  life.onClose('listener', listener.close);
  const jobs = await openJobs({
    url: options.databaseUrl,
    log,
    concurrency: 2,
    jobs: served.flatMap((module) => module.jobs ?? []),
  });
  life.onClose('jobs', jobs.close);

  let isClosing = false;
  const missing = async (): Promise<string[]> => {
    if (isClosing) return ['closing'];
    const [answer] = await db.query('SELECT 1').catch(() => []);
    return answer === undefined ? ['database'] : [];
  };
  const operations = operationsRoutes({ metrics, relay, payments, missing });
  const idempotency = makeIdempotency(db, metrics);
  life.onClose('idempotency', idempotency.close);
  const routes: Route[] = [...served.flatMap((module) => module.routes), ...operations];
  const http: FastifyInstance = await makeHttpServer({
    clock,
    log,
    metrics,
    tracing,
    idempotency,
    routes,
    authenticate: identity.authenticate,
    mayCall: identity.mayCall,
    trustProxy: config.TRUST_PROXY ?? false,
    allowedOrigins: config.ALLOWED_ORIGINS,
    checkAnswers: options.checkAnswers ?? false,
    rateLimits: config.RATE_LIMITS,
  });
  await http.register(makePages({ routes: allRoutes }));
  notificationsModule.registerPages(http);
  life.onClose('http', async () => {
    isClosing = true;
    await http.close();
  });
  return {
    http,
    services: { identity, venues, catalogue, seats, orders, payments },
    relay,
    db,
    listen: async (): Promise<string> => {
      await http.listen({ host: config.HOST, port: config.PORT });
      const { port } = http.server.address() as AddressInfo;
      return `http://${config.HOST}:${port}`;
    },
    close: life.close,
  };
};
export type App = Awaited<ReturnType<typeof openAll>>;

import type { AddressInfo } from 'node:net';
import { allRoutes } from '@usher/contract/routes.ts';
import type { FastifyInstance } from 'fastify';
import { makePages } from './browser/pages.ts';
import { makeQueuePages } from './browser/queue-page/routes.ts';
import type { ServiceName, Settings } from './config.ts';
import type { Clock } from './platform/clock.ts';
import { makeIdempotency } from './platform/http/idempotency.ts';
import { makeHttpServer } from './platform/http/server.ts';
import { makeShortcuts } from './platform/http/shortcut.ts';
import { makeIds } from './platform/ids.ts';
import { openJobs } from './platform/jobs.ts';
import { type Lifecycle, makeLifecycle } from './platform/lifecycle.ts';
import type { Log } from './platform/log.ts';
import { makeMetrics } from './platform/metrics.ts';
import type { Module } from './platform/module.ts';
import { openRelay, type Relay } from './platform/outbox/relay.ts';
import { openListener } from './platform/postgres/listen.ts';
import { openDatabase } from './platform/postgres/sql.ts';
import { makeProofOfWork, makeUsedChallenges } from './platform/proof-of-work.ts';
import { makePruneJob } from './platform/prune.ts';
import { openRedis } from './platform/redis/redis.ts';
import { makeSharedUsedChallenges } from './platform/redis/used-challenges.ts';
import { openTracing } from './platform/tracing.ts';
import { openCatalogue } from './services/catalogue/index.ts';
import { openIdentity } from './services/identity/index.ts';
import { openNotifications } from './services/notifications/index.ts';
import { openLevers, operationsRoutes } from './services/operations/index.ts';
import { openOrders } from './services/orders/index.ts';
import { type FailPoint, openPayments } from './services/payments/index.ts';
import { openRanking } from './services/ranking/index.ts';
import { makeSeatStock, openSeats } from './services/seats/index.ts';
import { openTickets } from './services/tickets/index.ts';
import { openVenues } from './services/venues/index.ts';
import {
  makeRoomJournal,
  makeRoomRows,
  type OpenWaitingRoom,
  openMemoryRooms,
  openRedisRooms,
  openWaitingRoom,
  type RoomStore,
  termsOf,
} from './services/waiting-room/index.ts';

type AppOptions = {
  config: Readonly<Settings>;
  clock: Clock;
  log: Log;
  /** The installation's; the same for all its processes. */
  secret: string;
  databaseUrl: string;
  dataDir: string;
  /** How buyers reach us. */
  publicUrl: string;
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

/** What every service is given: the tools, the settings, and a way to hear of other processes. */
const openContext = async (options: AppOptions, life: Lifecycle) => {
  const { config, clock, log, secret, databaseUrl, dataDir, publicUrl } = options;
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  const tracing = await openTracing({ endpoint, service: 'usher', log });
  life.onClose('tracing', tracing.close);
  const metrics = makeMetrics();
  life.onClose('metrics', metrics.close);
  const poolMax = config.DATABASE_POOL_MAX;
  const db = openDatabase({ url: databaseUrl, name: 'server', log, poolMax });
  life.onClose('database', db.close);
  const channels = new Map<string, (payload: string) => void>();
  const wakers: (() => void)[] = [];
  return {
    db,
    clock,
    log,
    metrics,
    config,
    secret,
    publicUrl,
    dataDir,
    tracing,
    channels,
    wakers,
    ids: makeIds(clock),
    shortcuts: makeShortcuts(metrics),
    relayWake: (): void => {
      for (const wake of wakers) wake();
    },
    listen: (channel: string, onMessage: (payload: string) => void) =>
      void channels.set(channel, onMessage),
  };
};
type Context = Awaited<ReturnType<typeof openContext>>;
/** Used challenges one process remembers; 100 bytes each. */
const usedChallengesMax = 1_000_000;

/** Where waiting rooms are kept: in Redis for all processes, or in the memory of one. */
const openRooms = async (
  { isAlone }: AppOptions,
  context: Context,
  life: Lifecycle,
): Promise<Pick<Parameters<typeof openWaitingRoom>[1], 'store' | 'proofOfWork'>> => {
  const { db, clock, log, ids, secret, metrics, config } = context;
  const terms = termsOf(config);
  const opened = (store: RoomStore): RoomStore => {
    life.onClose('waiting rooms', store.close);
    return store;
  };
  const url = config.REDIS_URL;
  if (url === undefined) {
    const used = makeUsedChallenges({ clock, max: usedChallengesMax });
    const proofOfWork = makeProofOfWork({ secret, clock, used });
    const journal = makeRoomJournal(db);
    const owner = ids.secret();
    const store = await openMemoryRooms({ journal, clock, log, owner, terms, isAlone });
    return { proofOfWork, store: opened(store) };
  }
  const redis = await openRedis({ url, log, metrics });
  life.onClose('redis', redis.close);
  const used = makeSharedUsedChallenges({ redis, clock, ids });
  const proofOfWork = makeProofOfWork({ secret, clock, used });
  return {
    proofOfWork,
    store: opened(openRedisRooms({ redis, log, terms, remembered: makeRoomRows(db).find })),
  };
};
type Opened = { name: ServiceName; module: Module<unknown> };

const openServices = async (options: AppOptions, context: Context, life: Lifecycle) => {
  const { toss, isAlone, failPoint } = options;
  const all: Opened[] = [];
  const opened = <S>(name: ServiceName, module: Module<S>): S => {
    all.push({ name, module });
    life.onClose(name, module.close);
    return module.service;
  };
  const identity = opened('identity', await openIdentity(context));
  const venues = opened('catalogue', openVenues(context));
  const catalogue = opened(
    'catalogue',
    await openCatalogue(context, {
      venues,
      stock: makeSeatStock(context.db),
      // Opened below: the catalogue's jobs do not run before everything is open.
      tell: (tx, likes) => notifications.service.tellSaleOpened(tx, likes),
    }),
  );
  opened('catalogue', await openRanking(context, { catalogue }));
  const seats = opened(
    'seats',
    openSeats(context, {
      catalogue,
      // Opened below, and asked only by requests.
      gate: {
        refuse: (...asked) => room.gate.refuse(...asked),
        refuseEarly: (...asked) => room.gate.refuseEarly(...asked),
      },
    }),
  );
  const kept = await openRooms(options, context, life);
  const room: OpenWaitingRoom = opened(
    'waiting-room',
    await openWaitingRoom(context, { ...kept, catalogue, seats }),
  );
  const levers = opened('operations', openLevers(context, { rooms: room.rooms }));
  const window = {
    clientKey: toss.clientKey,
    checkoutPageUrl: toss.isSandbox ? `${toss.url}/checkout` : null,
    publicUrl: context.publicUrl,
  };
  const orders = opened(
    'orders',
    openOrders(context, { catalogue, seats, gate: room.gate, window }),
  );
  const payments = opened(
    'payments',
    openPayments(context, {
      toss,
      seats,
      isAlone,
      checkoutOf: orders.checkoutOf,
      orderOf: orders.read,
      ...(failPoint === undefined ? {} : { failPoint }),
    }),
  );
  const tickets = opened('tickets', await openTickets(context, { catalogue, orders }));
  const notifications = openNotifications(context, { catalogue, orders, identity, tickets });
  opened('notifications', notifications);
  const services = { identity, venues, catalogue, seats, room, levers, orders, payments };
  return { services, registerPages: notifications.registerPages, all };
};

/** Events and jobs: what goes on without anybody asking. */
const openBackground = async (
  options: AppOptions,
  context: Context,
  modules: { all: readonly Opened[]; served: readonly Opened[] },
  life: Lifecycle,
): Promise<Relay> => {
  const { clock, log, channels } = context;
  const url = options.databaseUrl;
  const relay = openRelay({
    ...context,
    // Whoever relays must reach every consumer; their effects are in the database only.
    consumers: modules.all.flatMap(({ module }) => module.consumers ?? []),
    owner: context.ids.secret(),
  });
  life.onClose('relay', relay.close);
  context.wakers.push(relay.wake);
  const listener = await openListener({ url, clock, log, channels });
  life.onClose('listener', listener.close);
  const jobs = await openJobs({
    url,
    log,
    isAlone: options.isAlone,
    concurrency: 2,
    jobs: [
      makePruneJob(context.db, log),
      ...modules.served.flatMap(({ module }) => module.jobs ?? []),
    ],
  });
  life.onClose('jobs', jobs.close);
  return relay;
};

const openAll = async (options: AppOptions, life: Lifecycle) => {
  const { config } = options;
  const context = await openContext(options, life);
  const { db, metrics } = context;
  const { services, registerPages, all } = await openServices(options, context, life);
  const served = all.filter(({ name }) => config.USHER_SERVICES.includes(name));
  const relay = await openBackground(options, context, { all, served }, life);

  let isClosing = false;
  const missing = async (): Promise<string[]> => {
    if (isClosing) return ['closing'];
    const [row] = await db.query('SELECT 1').catch(() => []);
    return row === undefined ? ['database'] : [];
  };
  const { payments, identity } = services;
  const operations = operationsRoutes({ metrics, relay, payments, missing });
  const idempotency = makeIdempotency(db, metrics, config.BATCH_SIZE_MAX);
  life.onClose('idempotency', idempotency.close);
  const http: FastifyInstance = await makeHttpServer({
    ...context,
    idempotency,
    routes: [...served.flatMap(({ module }) => module.routes), ...operations],
    authenticate: identity.authenticate,
    mayCall: identity.mayCall,
    trustProxy: config.TRUST_PROXY ?? false,
    allowedOrigins: config.ALLOWED_ORIGINS,
    checkAnswers: options.checkAnswers ?? false,
    rateLimits: config.RATE_LIMITS,
    mountShortcuts: context.shortcuts.mount,
  });
  await http.register(makePages({ routes: allRoutes, publicUrl: options.publicUrl }));
  registerPages(http);
  if (config.USHER_SERVICES.includes('waiting-room'))
    await http.register(
      makeQueuePages({ ...context, ...services, rateLimits: config.RATE_LIMITS }),
    );
  life.onClose('http', async () => {
    isClosing = true;
    payments.hurry();
    await services.seats.endStreams();
    await services.room.endStreams();
    await http.close();
  });
  const listen = async (): Promise<string> => {
    await http.listen({ host: config.HOST, port: config.PORT });
    const { port } = http.server.address() as AddressInfo;
    return `http://${config.HOST}:${port}`;
  };
  return { http, services, relay, db, listen, close: life.close };
};
export type App = Awaited<ReturnType<typeof openAll>>;

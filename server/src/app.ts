import type { AddressInfo } from 'node:net';
import { allRoutes } from '@usher/contract/routes.ts';
import type { FastifyInstance } from 'fastify';
import { makePages } from './browser/pages.ts';
import { makeQueuePages } from './browser/queue-page/routes.ts';
import type { ServiceName, Settings } from './config.ts';
import { chooseOrigin } from './platform/address.ts';
import { makeMemoryBus } from './platform/bus/bus.memory.ts';
import type { Clock } from './platform/clock.ts';
import type { Context } from './platform/context.ts';
import { makeCycle } from './platform/cycle.ts';
import { assert } from './platform/failure.ts';
import { makeIdempotency } from './platform/http/idempotency.ts';
import { openMetricsServer } from './platform/http/metrics-server.ts';
import { makeRateLimiter } from './platform/http/rate-limit.ts';
import { makeSafeHeaders } from './platform/http/safe-headers.ts';
import { makeHttpServer } from './platform/http/server.ts';
import { makeShortcuts } from './platform/http/shortcut.ts';
import { makeIds } from './platform/ids.ts';
import { openJobs } from './platform/jobs.ts';
import { makeHorizon } from './platform/journal/horizon.ts';
import { makeRelay } from './platform/journal/relay.ts';
import { type Lifecycle, makeLifecycle } from './platform/lifecycle.ts';
import type { Log } from './platform/log.ts';
import { makeMetrics } from './platform/metrics.ts';
import type { Module } from './platform/module.ts';
import { openListener } from './platform/postgres/listen.ts';
import { openDatabase } from './platform/postgres/sql.ts';
import { makeProofOfWork, makeUsedChallenges } from './platform/proof-of-work.ts';
import { makePruneJob } from './platform/prune.ts';
import { openRedis } from './platform/redis/redis.ts';
import { makeSharedUsedChallenges } from './platform/redis/used-challenges.ts';
import { openSideThread } from './platform/side-thread.ts';
import { openTracing } from './platform/tracing.ts';
import { idleWorker, type Worker } from './platform/worker.ts';
import { openCatalogue } from './services/catalogue/index.ts';
import { openIdentity } from './services/identity/index.ts';
import { openNotifications } from './services/notifications/index.ts';
import { openOperations, probeRoutes } from './services/operations/index.ts';
import { openOrders } from './services/orders/index.ts';
import { type FailPoint, makeUnknownPayments, openPayments } from './services/payments/index.ts';
import { openRanking } from './services/ranking/index.ts';
import { makeSeatStock, openSeats } from './services/seats/index.ts';
import { openTickets } from './services/tickets/index.ts';
import { openVenues } from './services/venues/index.ts';
import {
  makeMemoryRooms,
  makeRoomJournal,
  makeRoomRows,
  openRedisRooms,
  openWaitingRoom,
  type RoomStore,
  termsOf,
} from './services/waiting-room/index.ts';

type AppOptions = {
  config: Readonly<Settings>;
  clock: Clock;
  log: Log;
  /** The secret of the installation; the same for all its processes. */
  secret: string;
  databaseUrl: string;
  dataDir: string;
  /** The address that buyers use. */
  publicUrl: string;
  /** Where money is taken; null in a process that serves neither payments nor orders. */
  toss: TossOptions | null;
  /** No other process uses this database: half-done work was left by a crash. */
  isAlone: boolean;
  checkAnswers?: boolean;
  failPoint?: (point: FailPoint) => Promise<void>;
};
type TossOptions = { url: string; secretKey: string; clientKey: string; isSandbox: boolean };

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

/** The tools that every service gets, and the notifications between processes. */
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
  const cycle = makeCycle({
    db,
    clock,
    metrics,
    batchSizeMax: config.BATCH_SIZE_MAX,
    lockFunction: 'seats.lock_performances',
  });
  life.onClose('cycle', cycle.close);
  const sideThread = openSideThread({ clock, log });
  life.onClose('side thread', sideThread.close);
  const ids = makeIds(clock);
  const shortcuts = makeShortcuts(metrics, makeSafeHeaders(publicUrl.startsWith('https:')));
  const bus = makeMemoryBus();
  const horizon = makeHorizon(db);
  const owner = ids.secret();
  const relay = makeRelay({ db, bus, horizon, clock, log, metrics, tracing, owner });
  const channels = new Map<string, (payload: string) => void>();
  const listen: Context['listen'] = (channel, onMessage) => void channels.set(channel, onMessage);
  const context = {
    db,
    cycle,
    sideThread,
    clock,
    ids,
    log,
    metrics,
    tracing,
    shortcuts,
    secret,
    publicUrl,
    dataDir,
    config,
    relayWake: relay.wake,
    listen,
  };
  return { context, relay, channels, mountShortcuts: shortcuts.mount };
};
type Opened = Awaited<ReturnType<typeof openContext>>;
type AppContext = Opened['context'];

/** Most used challenges that one process remembers; 100 bytes each. */
const usedChallengesMax = 1_000_000;

/** What processes share in memory: in Redis for all of them, or in this process if it is alone. */
const openShared = async (context: AppContext, life: Lifecycle) => {
  const { clock, log, ids, secret, metrics, config } = context;
  const url = config.REDIS_URL;
  if (url === undefined) {
    const used = makeUsedChallenges({ clock, max: usedChallengesMax });
    return { redis: null, proofOfWork: makeProofOfWork({ secret, clock, used }) };
  }
  const redis = await openRedis({ url, log, metrics });
  life.onClose('redis', redis.close);
  const used = makeSharedUsedChallenges({ redis, clock, ids });
  return { redis, proofOfWork: makeProofOfWork({ secret, clock, used }) };
};
type Shared = Awaited<ReturnType<typeof openShared>>;

/** Where waiting rooms are kept: in Redis for all processes, or in the memory of one. */
const openRooms = (
  { isAlone }: AppOptions,
  context: AppContext,
  { redis, proofOfWork }: Shared,
  life: Lifecycle,
) => {
  const { db, clock, log, ids, config } = context;
  const terms = termsOf(config);
  const opened = (store: RoomStore): RoomStore => {
    life.onClose('waiting rooms', store.close);
    return store;
  };
  if (redis === null) {
    const journal = makeRoomJournal(db);
    const owner = ids.secret();
    const store = makeMemoryRooms({ journal, clock, log, owner, terms, isAlone });
    return { proofOfWork, store: opened(store) };
  }
  const store = openRedisRooms({ redis, log, terms, remembered: makeRoomRows(db).find });
  return { proofOfWork, store: opened(store) };
};

/** A service of the table: opened when it is first needed, and shared from then on. */
type Entry<Service> = {
  /** The name under which it is served. */
  readonly servedAs: ServiceName;
  open(): Promise<Service>;
  /** The module of an open service; asking for one that is not open is a bug. */
  opened(): Service;
  module(): Module<unknown> | null;
};

const makeTable = (life: Lifecycle) => {
  const entries: Entry<unknown>[] = [];
  const add = <Service>(
    servedAs: ServiceName,
    openModule: () => Module<Service> | Promise<Module<Service>>,
  ): Entry<Service> => {
    let opening: Promise<Module<Service>> | null = null;
    let module: Module<Service> | null = null;
    const openOnce = async (): Promise<Module<Service>> => {
      module = await openModule();
      life.onClose(servedAs, module.close);
      return module;
    };
    const entry: Entry<Service> = {
      servedAs,
      open: async () => {
        opening ??= openOnce();
        return (await opening).service;
      },
      opened: () => {
        assert(module !== null, `${servedAs} is open in this process`);
        return module.service;
      },
      module: () => module,
    };
    entries.push(entry);
    return entry;
  };
  return { add, entries };
};

/**
 * The services, each with the services above it that it needs. A process opens those that it serves
 * and, recursively, those that they need; nothing runs until they are started.
 */
const makeServices = (options: AppOptions, opened: Opened, life: Lifecycle) => {
  const { toss, isAlone, failPoint } = options;
  const { context, relay } = opened;
  const { db, config } = context;
  const { add, entries } = makeTable(life);

  let opening: Promise<Shared> | null = null;
  const openSharedOnce = (): Promise<Shared> => {
    opening ??= openShared(context, life);
    return opening;
  };
  const identity = add('identity', async () => openIdentity(context, await openSharedOnce()));
  const venues = add('catalogue', () => openVenues(context));
  const catalogue = add('catalogue', async () =>
    openCatalogue(context, { venues: await venues.open(), stock: makeSeatStock(db) }),
  );
  const ranking = add('catalogue', async () =>
    openRanking(context, { catalogue: await catalogue.open() }),
  );
  const seats = add('seats', async () =>
    openSeats(context, { catalogue: await catalogue.open(), isAlone }),
  );
  const room = add('waiting-room', async () =>
    openWaitingRoom(context, {
      ...openRooms(options, context, await openSharedOnce(), life),
      placesPerAddressMax: config.RATE_LIMITS ? config.ROOM_PLACES_PER_ADDRESS : null,
      catalogue: await catalogue.open(),
      seats: await seats.open(),
    }),
  );
  const operations = add('operations', async () =>
    openOperations(context, {
      rooms: (await room.open()).rooms,
      relay,
      payments: makeUnknownPayments(db),
    }),
  );
  const orders = add('orders', async () =>
    openOrders(context, {
      catalogue: await catalogue.open(),
      seats: await seats.open(),
      // Orders that are only read, for a ticket or a mail, need no pass.
      passes: config.USHER_SERVICES.includes('orders')
        ? (await room.open()).passes
        : { pin: async () => undefined },
      window: toss === null ? null : windowOf(toss, options.publicUrl),
    }),
  );
  const payments = add('payments', async () => {
    assert(toss !== null, 'a process that serves payments has a provider');
    const { readCheckout, read } = await orders.open();
    return openPayments(context, {
      toss,
      seats: await seats.open(),
      isAlone,
      readCheckout,
      readOrder: read,
      ...(failPoint === undefined ? {} : { failPoint }),
    });
  });
  const tickets = add('tickets', async () =>
    openTickets(context, {
      catalogue: await catalogue.open(),
      identity: await identity.open(),
      orders: await orders.open(),
    }),
  );
  const notifications = add('notifications', async () =>
    openNotifications(context, {
      catalogue: await catalogue.open(),
      orders: await orders.open(),
      identity: await identity.open(),
      tickets: await tickets.open(),
    }),
  );
  const table = {
    identity,
    venues,
    catalogue,
    ranking,
    seats,
    room,
    operations,
    orders,
    payments,
    tickets,
    notifications,
  };
  return { table, entries };
};
type Services = ReturnType<typeof makeServices>;

const windowOf = ({ clientKey, isSandbox, url }: TossOptions, publicUrl: string) => ({
  clientKey,
  checkoutPageUrl: isSandbox ? `${url}/checkout` : null,
  publicUrl,
});

/** Opens the services of this process and those that they need. */
const openServed = async ({ table, entries }: Services, config: Readonly<Settings>) => {
  const serves = (name: ServiceName): boolean => config.USHER_SERVICES.includes(name);
  // Every process checks access tokens; a process that takes holds or orders also checks passes.
  await table.identity.open();
  if (serves('seats') || serves('orders')) await table.room.open();
  const served = entries.filter((entry) => serves(entry.servedAs));
  for (const entry of served) await entry.open();
  return served.flatMap((entry) => entry.module() ?? []);
};

/**
 * The work that no request starts: every open service follows events, the served ones work. Returns
 * the relay, which a test may stop.
 */
const startWork = async (
  options: AppOptions,
  opened: Opened,
  modules: { open: readonly Module<unknown>[]; served: readonly Module<unknown>[] },
  life: Lifecycle,
): Promise<Worker> => {
  const { databaseUrl: url, isAlone } = options;
  const { context, relay, channels } = opened;
  const { db, clock, log } = context;
  for (const module of modules.open) {
    const following = module.follow?.();
    if (following !== undefined) life.onClose('following', following.stop);
  }
  if (channels.size > 0) {
    const listener = await openListener({ url, clock, log, channels });
    life.onClose('listener', listener.close);
  }
  for (const module of modules.served) {
    const worker = await module.start();
    life.onClose('worker', worker.stop);
  }
  const consumers = modules.served.flatMap((module) => module.consumers ?? []);
  for (const consumer of consumers) relay.subscribe(consumer);
  const relaying = consumers.length > 0 ? relay.start() : idleWorker;
  life.onClose('relay', relaying.stop);
  const jobs = modules.served.flatMap((module) => module.jobs ?? []);
  if (jobs.length === 0) return relaying;
  // The platform's own job runs with the jobs of any service, in one process at a time.
  const all = [makePruneJob(db, log), ...jobs];
  const runner = await openJobs({ url, log, isAlone, concurrency: 2, jobs: all });
  life.onClose('jobs', runner.close);
  return relaying;
};

/** Whether the metrics are not at the port that buyers reach. */
const hidesMetrics = (config: Readonly<Settings>): boolean =>
  config.METRICS_PORT !== undefined || config.USHER_ENV === 'production';

const openAll = async (options: AppOptions, life: Lifecycle) => {
  const { config } = options;
  const opened = await openContext(options, life);
  const { context } = opened;
  const { db, metrics } = context;
  const services = makeServices(options, opened, life);
  const { table } = services;
  const served = await openServed(services, config);
  const open = services.entries.flatMap((entry) => entry.module() ?? []);
  const relaying = await startWork(options, opened, { open, served }, life);

  let isClosing = false;
  const missing = async (): Promise<string[]> => {
    if (isClosing) return ['closing'];
    const [row] = await db.query('SELECT 1').catch(() => []);
    const lacking = served.flatMap((module) => module.missing?.() ?? []);
    return row === undefined ? ['database', ...lacking] : lacking;
  };
  const idempotency = makeIdempotency(db, metrics, config.BATCH_SIZE_MAX);
  life.onClose('idempotency', idempotency.close);
  const identity = table.identity.opened();
  const http: FastifyInstance = await makeHttpServer({
    ...context,
    idempotency,
    routes: [
      ...served.flatMap((module) => module.routes),
      ...probeRoutes({ metrics, missing, hasMetrics: !hidesMetrics(config) }),
    ],
    authenticate: identity.authenticate,
    mayCall: identity.mayCall,
    ...(table.room.module() === null ? {} : { judgePass: table.room.opened().passes.judge }),
    trustProxy: config.TRUST_PROXY ?? false,
    allowedOrigins: config.ALLOWED_ORIGINS,
    safeHeaders: makeSafeHeaders(options.publicUrl.startsWith('https:')),
    checkAnswers: options.checkAnswers ?? false,
    rateLimits: config.RATE_LIMITS,
    mountShortcuts: opened.mountShortcuts,
  });
  const limiter = config.RATE_LIMITS ? makeRateLimiter(options.clock) : null;
  await http.register(makePages({ routes: allRoutes, publicUrl: options.publicUrl, limiter }));
  if (config.USHER_SERVICES.includes('notifications'))
    table.notifications.opened().registerPages(http);
  if (config.USHER_SERVICES.includes('waiting-room')) {
    const room = table.room.opened();
    const catalogue = table.catalogue.opened();
    const rateLimits = config.RATE_LIMITS;
    await http.register(makeQueuePages({ ...context, room, catalogue, identity, rateLimits }));
  }
  life.onClose('http', async () => {
    isClosing = true;
    if (table.payments.module() !== null) table.payments.opened().hurry();
    if (table.seats.module() !== null) await table.seats.opened().endStreams();
    if (table.room.module() !== null) await table.room.opened().endStreams();
    await http.close();
  });
  const listen = async (): Promise<string> => {
    if (config.METRICS_PORT !== undefined) {
      const { METRICS_HOST: host, METRICS_PORT: port } = config;
      const server = await openMetricsServer({ host, port, metrics });
      life.onClose('metrics port', server.close);
    }
    await http.listen({ host: config.HOST, port: config.PORT });
    const { port } = http.server.address() as AddressInfo;
    return chooseOrigin(config.HOST, port);
  };
  return {
    http,
    services: openServices(table),
    /** By name, what this process serves; the probes are in every process. */
    serving: {
      routes: served.flatMap((module) => module.routes.map(({ spec }) => spec.name)),
      consumers: served.flatMap((module) => (module.consumers ?? []).map(({ name }) => name)),
      jobs: served.flatMap((module) => (module.jobs ?? []).map(({ name }) => name)),
    },
    /** For tests: stops this process from relaying events. */
    stopRelay: relaying.stop,
    db,
    listen,
    close: life.close,
  };
};
export type App = Awaited<ReturnType<typeof openAll>>;

/** The open services by name, for the demo and for tests; asking for a closed one is a bug. */
const openServices = (table: Services['table']) => ({
  get identity() {
    return table.identity.opened();
  },
  get venues() {
    return table.venues.opened();
  },
  get catalogue() {
    return table.catalogue.opened();
  },
  get seats() {
    return table.seats.opened();
  },
  get room() {
    return table.room.opened();
  },
  get levers() {
    return table.operations.opened();
  },
  get orders() {
    return table.orders.opened();
  },
  get payments() {
    return table.payments.opened();
  },
});

import { Cluster, type ClusterOptions, Redis as RedisClient } from 'ioredis';
import { assert, Failure } from '../failure.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type RedisAddress, redisAddresses } from './address.ts';
import { asFailure } from './errors.ts';
import type { RedisScript } from './script.ts';

export type RedisArg = string | number | Buffer;

/**
 * A Redis client, single server or Cluster; it asks the server which one it is. Every command is a
 * script whose keys are in one slot. Throws the failure STORE_UNREACHABLE (retryable) if the server
 * cannot be reached, has no primary, is loading or full, or did not respond in time: then the
 * script may have run or may still run, so every script must be safe to run twice.
 */
export type Redis = {
  readonly isCluster: boolean;
  run<Answer>(
    script: RedisScript<Answer>,
    keys: readonly string[],
    args: readonly RedisArg[],
  ): Promise<Answer>;
  /** Closes; calls in flight are abandoned. */
  close(): Promise<void>;
};

/** A healthy server responds in milliseconds; one that takes this long counts as unreachable. */
const connectTimeoutMs = 1000;
/**
 * Longer than the failovers that were measured: 2.7 s after a kill -9 of a primary, 4.3 s after its
 * SIGSTOP (docs/operations/redis.md). After it the outcome is unknown.
 */
const answerMaxMs = 6000;
/** A connection that is silent this long is dead; the client reconnects. */
const silenceMaxMs = 4000;
/** The peer of a closing connection may be unreachable or gone already; 2 s by default. */
const closeMaxMs = 100;
/** How soon a promoted node is discovered, even by a process that sends it nothing. */
const slotsEveryMs = 1000;

const nodeOptions = ({ username, password, isTls }: RedisAddress) => ({
  connectTimeout: connectTimeoutMs,
  socketTimeout: silenceMaxMs,
  disconnectTimeout: closeMaxMs,
  ...(username === '' ? {} : { username }),
  ...(password === '' ? {} : { password }),
  ...(isTls ? { tls: {} } : {}),
});

/** Tested with kill -9 and SIGSTOP of primaries; with the defaults calls fail or hang for 22 s. */
const clusterOptions: ClusterOptions = {
  maxRedirections: 50,
  retryDelayOnFailover: 200,
  retryDelayOnClusterDown: 200,
  slotsRefreshTimeout: 1000,
  lazyConnect: true,
  // Addresses go to TLS as they were given, so that certificates of names are good.
  dnsLookup: (address, done) => done(null, address),
};

/** Asks the first server that responds. */
const askIsCluster = async (addresses: readonly RedisAddress[]): Promise<boolean> => {
  let fault: unknown;
  for (const address of addresses) {
    const probe = new RedisClient({
      ...nodeOptions(address),
      host: address.host,
      port: address.port,
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    // The rejected promise has the reason, too.
    probe.on('error', (error) => {
      fault = error;
    });
    try {
      await probe.connect();
      return /^cluster_enabled:1/m.test(await probe.info('cluster'));
    } catch (error) {
      fault ??= error;
    } finally {
      probe.disconnect();
    }
  }
  throw new Failure('STORE_UNREACHABLE', 'no Redis server in REDIS_URL can be reached', {
    retryable: true,
    cause: fault,
  });
};

const makeClient = (addresses: readonly RedisAddress[], isCluster: boolean) => {
  const [first] = addresses;
  assert(first, 'an address of Redis is given');
  if (isCluster)
    return new Cluster(
      addresses.map(({ host, port }) => ({ host, port })),
      { ...clusterOptions, redisOptions: nodeOptions(first) },
    );
  return new RedisClient({
    ...nodeOptions(first),
    host: first.host,
    port: first.port,
    db: first.db,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 50, 1000),
  });
};
type Client = ReturnType<typeof makeClient>;

/**
 * Refreshes the slots periodically; returns a function that stops this and waits for a refresh in
 * flight. The Cluster's own interval never ends if it is closed during a refresh.
 */
const keepSlots = (cluster: Cluster): (() => Promise<void>) => {
  const timer = setInterval(() => cluster.refreshSlotsCache(), slotsEveryMs);
  return () => {
    clearInterval(timer);
    return new Promise((done) => cluster.refreshSlotsCache(() => done()));
  };
};

/**
 * Logs one line when the connection breaks and one when it is restored, however long that takes.
 */
const logOutages = (client: Client, log: Log): void => {
  let isAway = false;
  const onError = (err: unknown): void => {
    if (!isAway) log.warn({ err }, 'Redis cannot be reached');
    isAway = true;
  };
  client.on('error', onError);
  client.on('ready', () => {
    if (isAway) log.info('Redis connection restored');
    isAway = false;
  });
  client.on('node error', (err, address) => log.debug({ err, address }, 'Redis node unreachable'));
};

/** Rejects if the response takes longer than `answerMaxMs`. */
const inTime = async <T>(answer: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `Redis did not respond within ${answerMaxMs} ms`;
      reject(new Failure('STORE_UNREACHABLE', message, { retryable: true }));
    }, answerMaxMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
};

const isUnknownScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');

/** By digest; a server that does not have the script gets its text. */
const runOn = async (
  client: Client,
  script: RedisScript<unknown>,
  keys: readonly string[],
  args: readonly RedisArg[],
  onTrip: () => void,
): Promise<unknown> => {
  const { digest, text, wantsBytes } = script;
  onTrip();
  try {
    return await (wantsBytes
      ? client.callBuffer('evalsha', digest, keys.length, ...keys, ...args)
      : client.evalsha(digest, keys.length, ...keys, ...args));
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    onTrip();
    return wantsBytes
      ? client.callBuffer('eval', text, keys.length, ...keys, ...args)
      : client.eval(text, keys.length, ...keys, ...args);
  }
};

/**
 * `url`: one or more redis:// or rediss:// addresses, separated by commas, of which one must
 * respond now. All use the user and password of the first.
 */
export const openRedis = async (options: {
  url: string;
  log: Log;
  metrics: Metrics;
}): Promise<Redis> => {
  const { log, metrics } = options;
  const addresses = redisAddresses(options.url);
  const isCluster = await askIsCluster(addresses);
  assert(isCluster || addresses.length === 1, 'several addresses of Redis are those of a Cluster');
  const client = makeClient(addresses, isCluster);
  logOutages(client, log);
  await client.connect().catch((error: unknown) => {
    client.disconnect();
    throw asFailure(error);
  });
  const endSlots = client instanceof Cluster ? keepSlots(client) : async () => {};
  const trips = metrics.counter('usher_redis_trips_total', 'Round trips to Redis', ['script']);
  const failures = metrics.counter(
    'usher_redis_failures_total',
    'Scripts whose outcome is unknown',
    ['script'],
  );
  log.info({ isCluster, addresses: addresses.length }, 'connected to Redis');
  return {
    isCluster,
    run: async (script, keys, args) => {
      const label = { script: script.name };
      const reply = await inTime(runOn(client, script, keys, args, () => trips.inc(label))).catch(
        (error: unknown) => {
          failures.inc(label);
          throw asFailure(error);
        },
      );
      return script.read(reply);
    },
    close: () => {
      client.disconnect();
      return endSlots();
    },
  };
};

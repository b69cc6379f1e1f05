import { setTimeout as sleep } from 'node:timers/promises';
import { latencyOf } from '@usher/stampede/histogram.ts';
import type { CpuSeconds } from './machine.ts';
import type { Load } from './open-loop.ts';
import type { TestServer } from './test-server.ts';

/** A PostgreSQL backend reports its statistics at the latest 10 s after it becomes idle. */
const statisticsMs = 11_000;
const drainMaxMs = 60_000;
/** A metric of the server; 0 without Redis. */
const tripsMeter = 'usher_redis_trips_total';

/** One load and its cost per counted operation. */
export type Measured = {
  offeredPerS: number;
  throughputPerS: number;
  seconds: number;
  done: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  errors: Record<string, number>;
  refusals: Record<string, number>;
  /** Answered correctly, but with unknown outcome: counted neither as sale nor as refusal. */
  open: Record<string, number>;
  /** Program and database together, without the sandbox and the generator. */
  cpuMicrosPerOp: number;
  cpuMicrosPerOpByProcess: CpuSeconds;
  redisTripsPerOp: number;
  /** Transactions in the database, also those that only read, and what follows the load. */
  dbCommitsPerOp: number;
  /** Of these the ones that wrote, while the load ran: the commits that cost a write to disk. */
  dbWritesPerOp: number;
  bytesPerOp: { sent: number; received: number };
  /** From the last arrival until every event was relayed and all statistics were reported. */
  eventsDeliveredAfterS: number | null;
};

/** Commits a second of a server without requests. */
export const measureIdle = async (target: TestServer, seconds: number): Promise<number> => {
  await sleep(statisticsMs);
  const before = await target.commits();
  await sleep(seconds * 1000);
  return ((await target.commits()) - before) / seconds;
};

export const measure = async (
  target: TestServer,
  idleCommitsPerS: number,
  run: () => Promise<Load>,
): Promise<Measured> => {
  const startMs = performance.now();
  const before = {
    cpu: target.cpu(),
    commits: await target.commits(),
    writes: await target.writes(),
    trips: await target.metric(tripsMeter),
    bytes: { ...target.client.bytes },
  };
  const load = await run();
  const writes = (await target.writes()) - before.writes;
  const bytes = { ...target.client.bytes };
  const trips = (await target.metric(tripsMeter)) - before.trips;
  const drainedAfterS = await untilDrained(target);
  const cpu = target.cpu();
  await sleep(statisticsMs);
  const commits = (await target.commits()) - before.commits;
  const idleCommits = (idleCommitsPerS * (performance.now() - startMs)) / 1000;
  const each = (total: number): number => (load.done === 0 ? 0 : total / load.done);
  const micros = (kind: keyof CpuSeconds): number =>
    Math.round(each((cpu[kind] - before.cpu[kind]) * 1e6));
  const { p50, p99, p999, max } = latencyOf(load.latency);
  return {
    offeredPerS: load.offeredPerS,
    throughputPerS: rounded(load.donePerS, 1),
    seconds: load.seconds,
    done: load.done,
    p50Ms: p50,
    p99Ms: p99,
    p999Ms: p999,
    maxMs: max,
    errors: load.errors,
    refusals: load.refused,
    open: load.open,
    cpuMicrosPerOp: micros('server') + micros('postgres'),
    cpuMicrosPerOpByProcess: {
      server: micros('server'),
      aside: micros('aside'),
      postgres: micros('postgres'),
      sandbox: micros('sandbox'),
      generator: micros('generator'),
    },
    redisTripsPerOp: rounded(each(trips), 4),
    dbCommitsPerOp: rounded(each(commits - idleCommits), 4),
    dbWritesPerOp: rounded(each(writes), 4),
    bytesPerOp: {
      sent: Math.round(each(bytes.sent - before.bytes.sent)),
      received: Math.round(each(bytes.received - before.bytes.received)),
    },
    eventsDeliveredAfterS: drainedAfterS,
  };
};

const untilDrained = async (target: TestServer): Promise<number | null> => {
  const startMs = performance.now();
  for (;;) {
    const [row] = await target.db.query<{ left: number }>(
      'SELECT count(*) AS left FROM platform.waiting_events',
    );
    const tookMs = performance.now() - startMs;
    if (row?.left === 0) return rounded(tookMs / 1000, 1);
    if (tookMs > drainMaxMs) return null;
    await sleep(200);
  }
};

export const rounded = (value: number, digits: number): number =>
  Math.round(value * 10 ** digits) / 10 ** digits;

import { rmSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RoomCommand, RoomControl, RoomTerms } from '@usher/domain/room/types.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { openEmbeddedPostgres } from '../../server/src/platform/postgres/embedded.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { openRedis } from '../../server/src/platform/redis/redis.ts';
import {
  forgetfulJournal,
  openMemoryRooms,
} from '../../server/src/services/waiting-room/store.memory.ts';
import { makeRoomJournal } from '../../server/src/services/waiting-room/store.postgres.ts';
import { openRedisRooms } from '../../server/src/services/waiting-room/store.redis.ts';
import type { RoomStore } from '../../server/src/services/waiting-room/store.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { silentLog } from '../support/log.ts';
import { startRedisServer } from '../support/redis-servers.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { rounded } from './measure.ts';
import { ids } from './test-server.ts';

/** Calls of one turn of the event loop; each is one person who joins. */
const callsATurn = 256;
const twiceEvery = 10;

const terms: RoomTerms = {
  tickMs: 250,
  claimWindowMs: 30_000,
  passTtlMs: 600_000,
  passMaxMs: 1_800_000,
  presenceMs: 30_000,
  windowNumbers: 4096,
  lateOneIn: 4,
};
const lobby: RoomControl = {
  rev: 1,
  epoch: 1,
  passEpoch: 1,
  phase: 'lobby',
  override: 'none',
  overrideUntilMs: 0,
  ratePerMinute: 600,
  activeMax: 500,
  lobbyAtMs: 1,
  opensAtMs: 8_640_000_000_000,
  message: null,
  pollMultiplier: 1,
  drawEntries: 0,
  seed: '',
  root: '',
  drawnAtMs: 0,
};

/** The nth person's key; a multiplication spreads them as an HMAC would. */
const joinOf = (nth: number): RoomCommand => {
  const person = Buffer.allocUnsafe(8);
  person.writeUInt32LE(Math.imul(nth + 1, 0x9e3779b1) >>> 0, 0);
  person.writeUInt32LE(Math.imul(nth ^ 0x5bd1e995, 0x85ebca6b) >>> 0, 4);
  return { kind: 'join', person, presented: null, replaces: null, mayEnter: true };
};

type Costs = { bytes: number; storeCpuS: number; trips: number };

/** `people` join as fast as possible, one in ten of them twice; one call for each join. */
const joinAll = async (store: RoomStore, people: number, costs: () => Promise<Costs>) => {
  const showId = ids.make('show');
  await store.create(showId, lobby);
  const before = await costs();
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  let joined = 0;
  let calls = 0;
  while (joined < people) {
    const turn: Promise<unknown>[] = [];
    for (let call = 0; call < callsATurn && joined < people; call++) {
      calls += 1;
      const isAgain = calls % twiceEvery === 0;
      turn.push(store.play(showId, [joinOf(isAgain ? (calls * 7919) % joined : joined++)]));
    }
    await Promise.all(turn);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const after = await costs();
  const state = await store.read(showId);
  return {
    people,
    joinsPerS: Math.round(calls / seconds),
    duplicates: (state?.tail ?? 0) - people,
    processMicrosPerJoin: rounded((cpu.user + cpu.system) / calls, 2),
    storeMicrosPerJoin: rounded(((after.storeCpuS - before.storeCpuS) * 1e6) / calls, 2),
    bytesPerPerson: rounded((after.bytes - before.bytes) / people, 1),
    tripsPerJoin: rounded((after.trips - before.trips) / calls, 4),
  };
};

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Memory in typed arrays and buffers, which is all that rooms in memory use. */
const arrayBytes = async (): Promise<Costs> => {
  collectGarbage();
  return { bytes: process.memoryUsage().arrayBuffers, storeCpuS: 0, trips: 0 };
};

/** A separate database: only one process writes a journal, and in the server's it is the server. */
const openJournal = async () => {
  const dataDir = await makeScratchFolder();
  const postgres = await openEmbeddedPostgres({ dataDir, log: silentLog });
  const { url } = postgres;
  await migrate({ url, log: silentLog, machines: stateMachines });
  const db = openDatabase({ url, name: 'bench', log: silentLog, poolMax: 2 });
  const close = async (): Promise<void> => {
    await db.close();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { journal: makeRoomJournal(db), close };
};

const memoryOptions = () => ({
  clock: systemClock,
  log: silentLog,
  owner: ids.secret(),
  terms,
  isAlone: true,
});

const runMemory = async (sizes: readonly number[]) => {
  const { journal, close } = await openJournal();
  const store = await openMemoryRooms({ ...memoryOptions(), journal });
  const rows: unknown[] = [];
  try {
    for (const people of sizes) rows.push(await joinAll(store, people, arrayBytes));
  } finally {
    await store.close();
    await close();
  }
  return rows;
};

const runRedis = async (folder: string, sizes: readonly number[]) => {
  const server = await startRedisServer({ folder });
  const metrics = makeMetrics();
  const redis = await openRedis({ url: server.url, log: silentLog, metrics });
  const remembered = async () => null;
  const store = openRedisRooms({ redis, log: silentLog, terms, remembered });
  const costs = async (): Promise<Costs> => {
    const info = await server.cli('INFO');
    const of = (name: string): number =>
      Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? Number.NaN);
    const text = await metrics.registry.getSingleMetricAsString('usher_redis_trips_total');
    const trips = [...text.matchAll(/^usher_redis_trips_total\{.*\} (\d+)$/gm)];
    return {
      bytes: of('used_memory'),
      storeCpuS: of('used_cpu_user') + of('used_cpu_sys'),
      trips: trips.reduce((sum, [, count]) => sum + Number(count), 0),
    };
  };
  const rows: unknown[] = [];
  try {
    for (const people of sizes) rows.push(await joinAll(store, people, costs));
  } finally {
    await store.close();
    await redis.close();
    metrics.close();
    await server.stop();
  }
  return rows;
};

/** Simulates a room of ten million without a journal: only memory and time are measured. */
const runHuge = async (people: number) => {
  const store = await openMemoryRooms({ ...memoryOptions(), journal: forgetfulJournal });
  try {
    return await joinAll(store, people, arrayBytes);
  } finally {
    await store.close();
  }
};

/** Joins directly at the stores, without HTTP: what a store can do for many processes. */
export const runRoomStores = async (size: {
  people: readonly number[];
  hugePeople: number;
  redisFolder: string | null;
}) => ({
  memoryWithJournal: await runMemory(size.people),
  memorySimulated: await runHuge(size.hugePeople),
  redis: size.redisFolder === null ? null : await runRedis(size.redisFolder, size.people),
});

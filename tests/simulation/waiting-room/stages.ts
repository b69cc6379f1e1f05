import { makeRandom } from '@usher/domain/random.ts';
import { controlOf } from '@usher/domain/room/now.ts';
import type { RoomAnswer, RoomState } from '@usher/domain/room/types.ts';
import type { Clock } from '../../../server/src/platform/clock.ts';
import { silentLog } from '../../../server/src/platform/log.ts';
import type { Redis } from '../../../server/src/platform/redis/redis.ts';
import { openMemoryRooms } from '../../../server/src/services/waiting-room/store.memory.ts';
import type {
  JournalChunk,
  RoomJournal,
} from '../../../server/src/services/waiting-room/store.postgres.ts';
import { openRedisRooms } from '../../../server/src/services/waiting-room/store.redis.ts';
import type { RoomStore } from '../../../server/src/services/waiting-room/store.ts';
import type { RedisServer } from '../../support/redis-servers.ts';
import type { Stage, TestTime } from './stage.ts';
import type { World } from './world.ts';

export type RoomToStage = Pick<World, 'terms' | 'control' | 'showId'>;

/** The test's clock; sleepers sleep until they are woken to finish. */
const clockOf = (time: TestTime): Clock => ({
  nowMs: () => time.nowMs,
  monotonicMs: () => 0,
  sleep: (_, signal) =>
    new Promise((resolve) => {
      signal?.addEventListener('abort', () => resolve(), { once: true });
    }),
});

/** A journal that lives as long as the test, so it outlives a killed store. */
export const arrayJournal = (): RoomJournal => {
  const chunks: JournalChunk[] = [];
  let keeper = '';
  return {
    take: async (owner) => {
      keeper = owner;
      return true;
    },
    write: async (owner, _, more) => {
      if (owner === keeper) chunks.push(...structuredClone(more));
      return owner === keeper;
    },
    readAfter: async (showId, seq) =>
      chunks.filter((chunk) => chunk.showId > showId || chunk.seq > seq).slice(0, 7),
    giveUp: async () => undefined,
  };
};

/** A store in memory; after a kill only its journal is left. */
export const memoryStage = async (
  world: RoomToStage,
  time: TestTime,
  journal: RoomJournal,
): Promise<Stage> => {
  let lives = 0;
  const open = () =>
    openMemoryRooms({
      journal,
      clock: clockOf(time),
      log: silentLog,
      terms: world.terms,
      isAlone: true,
      owner: `${world.showId} ${lives++}`,
    });
  let store = await open();
  return {
    name: 'memory',
    store: () => store,
    crash: async (how) => {
      // A killed process is not closed: it is dropped, and never does anything again.
      if (how === 'kill') store = await open();
    },
    close: () => store.close(),
  };
};

/** What a test can do to the servers behind a Redis connection. */
export type RedisServers = {
  redis: Redis;
  /** The server that has the show's keys. */
  primaryOf: (showId: string) => Promise<RedisServer>;
  /** Restarts it with its data; null: not tried, a changed server id simulates it. */
  restart: ((server: RedisServer) => Promise<void>) | null;
};

export const redisStage = (world: RoomToStage, time: TestTime, servers: RedisServers): Stage => {
  const { showId, terms } = world;
  let seen: RoomState | null = null;
  const store = openRedisRooms({
    redis: servers.redis,
    log: silentLog,
    terms,
    nowMs: () => time.nowMs,
    // The service has the last state that it saw, and PostgreSQL the last control.
    remembered: async () => (seen === null ? null : rememberedOf(seen)),
  });
  const see = <State extends RoomState | null>(state: State): State => {
    seen = state ?? seen;
    return state;
  };
  const watching: RoomStore = {
    ...store,
    read: async (id) => see(await store.read(id)),
    tick: async (id, seatsLeft) => see(await store.tick(id, seatsLeft)),
    create: async (id, control) => see(await store.create(id, control)),
    change: async (id, wanted) => {
      const changed = await store.change(id, wanted);
      return { outcome: changed.outcome, state: see(changed.state) };
    },
  };
  return {
    name: 'redis',
    store: () => watching,
    crash: async (how) => {
      const server = await servers.primaryOf(showId);
      if (how === 'scripts') await server.cli('SCRIPT', 'FLUSH');
      if (how === 'flush') await server.cli('FLUSHALL');
      if (how === 'restart' && servers.restart !== null) await servers.restart(server);
      else if (how === 'restart') await server.cli('HSET', `{${showId}}:control`, 'runId', 'other');
    },
    close: () => store.close(),
  };
};

const rememberedOf = (state: RoomState) => ({
  control: controlOf(state),
  tail: state.tail,
  front: state.front,
});

/**
 * Whether a repeat would find nothing: the place or the pass has ended, as it may by unpinning a
 * pass after its last end.
 */
const isFinal = (answer: RoomAnswer | undefined): boolean =>
  answer?.outcome === 'done' ||
  (answer?.outcome === 'live' &&
    answer.pass.orderId === '' &&
    answer.pass.endsAtMs === answer.pass.endsByMs);

/**
 * The response of some calls is lost, and the caller retries them: a time-out,
 * a proxy, a process that died. (The service says to a repeat of leaving or paying: done.)
 */
export const unsureStage = (stage: Stage, seed: number): Stage => {
  const random = makeRandom(seed, 1);
  const unsure = (store: RoomStore): RoomStore => ({
    ...store,
    play: async (showId, commands) => {
      const answers: RoomAnswer[] = [];
      for (const command of commands) {
        const first = await store.play(showId, [command]);
        const isLost = !isFinal(first[0]) && random.chance(0.3);
        answers.push(...(isLost ? await store.play(showId, [command]) : first));
      }
      return answers;
    },
    change: async (showId, wanted) => {
      const first = await store.change(showId, wanted);
      return random.chance(0.3) ? store.change(showId, wanted) : first;
    },
  });
  return { ...stage, name: `unsure ${stage.name}`, store: () => unsure(stage.store()) };
};

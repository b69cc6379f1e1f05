import { beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../../server/src/platform/log.ts';
import { openDatabase } from '../../../server/src/platform/postgres/sql.ts';
import { forgetfulJournal } from '../../../server/src/services/waiting-room/store.memory.ts';
import { makeRoomJournal } from '../../../server/src/services/waiting-room/store.postgres.ts';
import { afterThisFile } from '../../support/after-file.ts';
import { makeTestDatabase } from '../../support/postgres.ts';
import { openTestCluster, openTestRedis } from '../../support/redis.ts';
import { describeNeeding } from '../../support/stack.ts';
import { playAlone, playTogether } from './differential.ts';
import { breachesOf } from './invariants.ts';
import { openRedisOf } from './redis-of.ts';
import { isReplay, nights, seedsOf } from './seeds.ts';
import type { Stage, TestTime } from './stage.ts';
import { arrayJournal, memoryStage, type RedisServers, redisStage, unsureStage } from './stages.ts';
import type { CrashKind, Run } from './steps.ts';
import type { World } from './world.ts';

/** Long enough for a room to open, fill, drain and be opened again. */
const steps = 400;
/** A deadline: ten times what the slowest group takes. */
const limitMs = 60_000 * nights;

/** Plays every seed in turn; the message of a difference names its seed. */
const playAll = async (
  seeds: readonly number[],
  crashes: readonly CrashKind[],
  openStage: (world: World, time: TestTime) => Promise<Stage>,
): Promise<Run[]> => {
  const runs: Run[] = [];
  for (const seed of seeds) {
    const openStages = async (world: World, time: TestTime) => [await openStage(world, time)];
    for (const run of await playTogether({ seed, steps, crashes, openStages })) {
      runs.push(run);
      expect(breachesOf(run), `seed ${seed} breaks a promise`).toEqual([]);
    }
  }
  return runs;
};

describe('the store in memory gives exactly the answers of the model', () => {
  test('whatever people, operators and clocks do', { timeout: limitMs }, async () => {
    const runs = await playAll(seedsOf(1, 60), [], (world, time) =>
      memoryStage(world, time, forgetfulJournal),
    );
    expectBusyRuns(runs);
  });

  test('also when it is killed repeatedly', { timeout: limitMs }, async () => {
    const runs = await playAll(seedsOf(1001, 60), ['kill'], (world, time) =>
      memoryStage(world, time, arrayJournal()),
    );
    expectBusyRuns(runs);
  });

  test('also when its journal is in PostgreSQL', { timeout: limitMs }, async () => {
    const { url } = await makeTestDatabase();
    const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
    afterThisFile(() => db.close());
    const journal = makeRoomJournal(db);
    const runs = await playAll(seedsOf(2001, 5), ['kill'], (world, time) =>
      memoryStage(world, time, journal),
    );
    expectCrashes(runs, ['kill']);
  });
});

/** Checks only the promises: an answer other than the model's may be right. */
const expectPromises = async (
  seeds: readonly number[],
  crashes: readonly CrashKind[],
  open: (world: World, time: TestTime) => Promise<Stage>,
): Promise<void> => {
  for (const seed of seeds) {
    const openUnsure = async (world: World, time: TestTime) =>
      unsureStage(await open(world, time), seed);
    const run = await playAlone({ seed, steps, crashes, open: openUnsure });
    expect(breachesOf(run), `seed ${seed} breaks a promise`).toEqual([]);
  }
};

describe('no promise is broken when answers are lost and commands are retried', () => {
  test('in memory, with repeated kills', { timeout: limitMs }, async () => {
    await expectPromises(seedsOf(4001, 25), ['kill'], (world, time) =>
      memoryStage(world, time, arrayJournal()),
    );
  });
});

describeNeeding('redis', 'the store in Redis gives exactly the answers of the model', () => {
  let single: RedisServers;
  let cluster: RedisServers;
  beforeAll(async () => {
    // Answered writes are in the kernel and survive a kill -9; fsync would take half the time.
    const server = await openTestRedis({ appendfsync: 'no' });
    single = {
      redis: await openRedisOf(server.url),
      primaryOf: async () => server,
      restart: async () => {
        await server.signal('SIGKILL');
        await server.start();
      },
    };
    const nodes = await openTestCluster();
    cluster = {
      redis: await openRedisOf(nodes.url),
      primaryOf: (showId) => nodes.primaryOf(`{${showId}}`),
      restart: null,
    };
  });

  test('whatever people, operators and clocks do', { timeout: limitMs }, async () => {
    const runs = await playAll(seedsOf(1, 8), ['scripts'], async (world, time) =>
      redisStage(world, time, single),
    );
    expectBusyRuns(runs);
  });

  test(
    'even if it is restarted, emptied, or loses its scripts',
    async () => {
      const crashes: CrashKind[] = ['restart', 'flush', 'scripts'];
      const runs = await playAll(seedsOf(1001, 5), crashes, async (world, time) =>
        redisStage(world, time, single),
      );
      expectCrashes(runs, crashes);
    },
    limitMs,
  );

  test('and breaks no promise when answers are lost', { timeout: limitMs }, async () => {
    await expectPromises(seedsOf(4001, 4), ['restart', 'scripts'], async (world, time) =>
      redisStage(world, time, single),
    );
  });

  test('also on a Cluster of three primaries', { timeout: limitMs }, async () => {
    const crashes: CrashKind[] = ['restart', 'flush', 'scripts'];
    const runs = await playAll(seedsOf(2001, 5), crashes, async (world, time) =>
      redisStage(world, time, cluster),
    );
    expectCrashes(runs, crashes);
  });
});

const expectCrashes = (runs: readonly Run[], kinds: readonly CrashKind[]): void => {
  const steps = runs.flatMap(({ moments }) => moments).map(({ step }) => step);
  const seen = steps.flatMap((step) => (step.kind === 'crash' ? [step.how] : []));
  if (!isReplay) expect(new Set(seen)).toEqual(new Set(kinds));
};

/** Sequences that never reach a state prove nothing about it. */
const expectBusyRuns = (runs: readonly Run[]): void => {
  if (isReplay) return;
  const moments = runs.flatMap((run) => run.moments);
  const answers = moments.flatMap((moment) => moment.answers);
  const standings = answers.map((a) => (a.outcome === 'stands' ? a.standing : a.outcome));
  const seldom = [...new Set(standings)].filter(
    (one) => standings.filter((other) => other === one).length < runs.length,
  );
  expect(seldom).toEqual([]);
  expect([...new Set(standings)].sort()).toEqual([
    'active',
    'called',
    'done',
    'late',
    'live',
    'lobby',
    'none',
    'over',
    'placed',
    'refused',
    'waiting',
  ]);
  const decisions = moments.flatMap((moment) => moment.decisions);
  expect(decisions.filter(({ recalled }) => recalled.length > 0).length).toBeGreaterThan(
    runs.length,
  );
  expect(decisions.filter(({ released }) => released.length > 1).length).toBeGreaterThan(
    runs.length,
  );
};

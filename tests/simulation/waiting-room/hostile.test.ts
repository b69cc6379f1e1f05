import { beforeAll, describe, expect, test } from 'vitest';
import { forgetfulJournal } from '../../../server/src/services/waiting-room/store.memory.ts';
import { afterThisFile } from '../../support/after-file.ts';
import { openTestRedis } from '../../support/redis.ts';
import { describeNeeding } from '../../support/stack.ts';
import { type CrowdPlan, playCrowd, roomOfCrowd } from './crowd.ts';
import { openRedisOf } from './redis-of.ts';
import type { Stage, TestTime } from './stage.ts';
import { memoryStage, type RedisServers, type RoomToStage, redisStage } from './stages.ts';

/** Half an hour of a room that is always full; the line outlasts it. */
const plan: CrowdPlan = {
  seed: 1,
  people: 12_000,
  rogues: 0,
  ratePerMinute: 300,
  activeMax: 100,
  stayMs: 30_000,
  stayVaries: 0.5,
  lastsMs: 1_800_000,
};
/** Three times as many as have slots; twice would be enough to take turns with each other. */
const rogues = 3 * plan.activeMax;

type Open = (room: RoomToStage, time: TestTime) => Promise<Stage>;

/** How many honest people came in. */
const countServed = async (open: Open, wanted: CrowdPlan): Promise<number> => {
  const time: TestTime = { nowMs: 0 };
  const room = roomOfCrowd(wanted, `show_hostile_${wanted.rogues}`);
  const stage = await open(room, time);
  afterThisFile(stage.close);
  const report = await playCrowd(wanted, room, stage, time);
  expect(report).toMatchObject({ overCap: 0, inversions: 0, secondPlaces: 0 });
  expect(report.unserved).toBeGreaterThan(plan.activeMax);
  return report.admitted;
};

/** A deadline; an idle machine needs some seconds. */
const limitMs = 300_000;

const promise = (open: Open): void => {
  test('the honest are served at nine tenths of the rate without them', {
    timeout: limitMs,
  }, async () => {
    const alone = await countServed(open, plan);
    expect(await countServed(open, { ...plan, rogues })).toBeGreaterThanOrEqual(0.9 * alone);
  });
};

describe('beside accounts that are called and never come in, in memory', () => {
  const open: Open = (room, time) => memoryStage(room, time, forgetfulJournal);
  promise(open);

  test('the comparison notices when there are too many of them', async () => {
    const alone = await countServed(open, plan);
    const beside = await countServed(open, { ...plan, rogues: plan.people });
    expect(beside).toBeLessThan(0.9 * alone);
  });
});

describeNeeding('redis', 'beside accounts that are called and never come in, on Redis', () => {
  let servers: RedisServers;
  beforeAll(async () => {
    const server = await openTestRedis({ appendonly: 'no' });
    const redis = await openRedisOf(server.url);
    servers = { redis, primaryOf: async () => server, restart: null };
  });
  promise(async (room, time) => redisStage(room, time, servers));
});

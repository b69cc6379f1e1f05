import { beforeAll, describe, expect, test } from 'vitest';
import { forgetfulJournal } from '../../../server/src/services/waiting-room/store.memory.ts';
import { afterThisFile } from '../../support/after-file.ts';
import { openTestRedis } from '../../support/redis.ts';
import { describeNeeding } from '../../support/stack.ts';
import { type CrowdPlan, type CrowdReport, playCrowd, roomOfCrowd } from './crowd.ts';
import { plantedBugs } from './planted.ts';
import { openRedisOf } from './redis-of.ts';
import { roomTerms } from './room-terms.ts';
import type { Stage, TestTime } from './stage.ts';
import { memoryStage, type RedisServers, type RoomToStage, redisStage } from './stages.ts';

/** As in the design's prototype: 13,990 admitted, 1,434 of them late, none over the cap. */
const byRate: CrowdPlan = {
  seed: 1,
  people: 20_000,
  rogues: 0,
  ratePerMinute: 3000,
  activeMax: 2000,
  stayMs: 30_000,
  stayVaries: 0.5,
  lastsMs: 1_200_000,
};
/** As in the prototype: 500 full slots, 5,000 admitted in 400 s, the most by Little's law. */
const bySlots: CrowdPlan = {
  ...byRate,
  activeMax: 500,
  stayMs: 40_000,
  stayVaries: 0,
  lastsMs: 400_000,
};

const burst = 1 + (3000 * 2 * roomTerms.tickMs) / 60_000;
const neverBroken = { overCap: 0, lateOvertaken: 0, inversions: 0, secondPlaces: 0 };

type Open = (room: RoomToStage, time: TestTime) => Promise<Stage>;

const play = async (open: Open, plan: CrowdPlan, showId: string): Promise<CrowdReport> => {
  const time: TestTime = { nowMs: 0 };
  const room = roomOfCrowd(plan, showId);
  const stage = await open(room, time);
  afterThisFile(stage.close);
  return playCrowd(plan, room, stage, time);
};

/** A deadline; an idle machine needs 5 s. */
const limitMs = 300_000;

const promise = (open: Open): void => {
  test('everybody who stays is served at the rate, in order, late ones before new ones', {
    timeout: limitMs,
  }, async () => {
    const report = await play(open, byRate, 'show_rate');
    expect(report).toMatchObject({ ...neverBroken, unserved: 0 });
    expect(report.admitted).toBeGreaterThanOrEqual(13_990);
    expect(report.lateAdmitted).toBeGreaterThan(1000);
    expect(report.releasesIn60s).toBeLessThanOrEqual(3000 + burst);
  });

  test('uses every slot while people wait: 5,000 people in 400 s with 500 slots', {
    timeout: limitMs,
  }, async () => {
    const report = await play(open, bySlots, 'show_slots');
    expect(report).toMatchObject(neverBroken);
    expect(report.activeMost).toBeLessThanOrEqual(500);
    expect(report.admitted).toBeGreaterThanOrEqual(5000);
  });
};

describe('a crowd detects a planted bug:', () => {
  const small: CrowdPlan = { ...byRate, people: 1000, ratePerMinute: 600 };
  const burstOfSmall = 1 + (600 * 2 * roomTerms.tickMs) / 60_000;
  const playOn = async (promiseNo: number, activeMax = 100): Promise<CrowdReport> => {
    const planted = plantedBugs.find(({ promise }) => promise === promiseNo);
    if (planted === undefined) throw new Error(`no bug is planted for ${promiseNo}`);
    return play(planted.open, { ...small, activeMax }, `show_${promiseNo}`);
  };

  test('more people inside than slots', async () => {
    expect((await playOn(2)).overCap).toBeGreaterThan(0);
  });

  test('a rate that is exceeded', async () => {
    expect((await playOn(3, 1000)).releasesIn60s).toBeGreaterThan(600 + burstOfSmall);
  });

  test('late people who are forgotten', async () => {
    expect((await playOn(4)).unserved).toBeGreaterThan(0);
  });

  test('a second place for a second device', async () => {
    expect((await playOn(5)).secondPlaces).toBeGreaterThan(0);
  });

  test('people who are present and passed over', async () => {
    expect((await playOn(13)).inversions).toBeGreaterThan(0);
  });
});

describe('a crowd of 20,000 in memory', () => {
  promise((room, time) => memoryStage(room, time, forgetfulJournal));
});

describeNeeding('redis', 'a crowd of 20,000 on Redis', () => {
  let servers: RedisServers;
  beforeAll(async () => {
    const server = await openTestRedis({ appendonly: 'no' });
    const redis = await openRedisOf(server.url);
    servers = { redis, primaryOf: async () => server, restart: null };
  });
  promise(async (room, time) => redisStage(room, time, servers));
});

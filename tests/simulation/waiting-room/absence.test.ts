import type { RoomCommand } from '@usher/domain/room/types.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { forgetfulJournal } from '../../../server/src/services/waiting-room/store.memory.ts';
import { afterThisFile } from '../../support/after-file.ts';
import { openTestRedis } from '../../support/redis.ts';
import { describeNeeding } from '../../support/stack.ts';
import { openRedisOf } from './redis-of.ts';
import { openRoom, personOf } from './room-line.ts';
import { roomTerms } from './room-terms.ts';
import type { Stage, TestTime } from './stage.ts';
import { memoryStage, type RoomToStage, redisStage } from './stages.ts';

const startMs = 1_800_000_000_000;
const callMax = 500;

/** Ticks until the only person present is called, behind so many absent people. */
const ticksBehind = async (
  absent: number,
  { showId, control }: RoomToStage,
  stage: Stage,
  time: TestTime,
): Promise<number> => {
  const store = stage.store();
  await store.create(showId, control);
  const join = (who: number): RoomCommand => ({
    kind: 'join',
    person: personOf(who),
    presented: null,
    replaces: null,
    mayEnter: true,
  });
  for (let from = 0; from <= absent; from += callMax) {
    const count = Math.min(callMax, absent + 1 - from);
    await store.play(
      showId,
      Array.from({ length: count }, (_, at) => join(from + at)),
    );
  }
  // Sold out for a while: nobody is called, and everybody's presence expires.
  for (let looks = 0; looks < 6; looks++) {
    time.nowMs += (2 / 3) * roomTerms.presenceMs;
    await store.tick(showId, 0);
  }
  const last = { person: personOf(absent), entry: absent, number: absent + 1 };
  await store.play(showId, [{ kind: 'appear', ...last }]);
  for (let ticks = 1; ticks <= absent + 1; ticks++) {
    time.nowMs += roomTerms.tickMs;
    const { called } = await store.tick(showId, 100);
    if (called > 0) return ticks;
  }
  throw new Error('nobody was ever called');
};

const promise = (
  counts: readonly number[],
  open: (room: RoomToStage, time: TestTime) => Promise<Stage>,
): void => {
  test.each(counts)('passes %i absent people at 4,096 a tick (promise 9)', async (absent) => {
    const time: TestTime = { nowMs: startMs };
    const room = openRoom(`show_absent_${absent}`, 10, startMs);
    const stage = await open(room, time);
    afterThisFile(stage.close);
    expect(await ticksBehind(absent, room, stage, time)).toBe(Math.ceil((absent + 1) / 4096));
  });
};

describe('the room in memory', () => {
  promise([0, 1, 4095, 4096, 100_000], (room, time) => memoryStage(room, time, forgetfulJournal));
});

describeNeeding('redis', 'the room in Redis', () => {
  let url = '';
  beforeAll(async () => {
    url = (await openTestRedis({ appendonly: 'no' })).url;
  });
  promise([4095, 4096, 20_000], async (room, time) => {
    const redis = await openRedisOf(url);
    const primaryOf = () => Promise.reject(new Error('this test breaks no server'));
    return redisStage(room, time, { redis, primaryOf, restart: null });
  });
});

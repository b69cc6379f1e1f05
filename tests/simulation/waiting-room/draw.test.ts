import {
  commitmentOf,
  hexOf,
  makeDice,
  makeDraw,
  numberOf,
  permutationOf,
} from '@usher/domain/draw.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../server/src/platform/hash.ts';
import { forgetfulJournal } from '../../../server/src/services/waiting-room/store.memory.ts';
import { afterThisFile } from '../../support/after-file.ts';
import { openTestRedis } from '../../support/redis.ts';
import { describeNeeding } from '../../support/stack.ts';
import { type DrawnRoom, isUniform, keyAt, unfairIn } from './invariants.draw.ts';
import { openRedisOf } from './redis-of.ts';
import { openRoom, personOf } from './room-line.ts';
import type { Stage, TestTime } from './stage.ts';
import { memoryStage, type RoomToStage, redisStage } from './stages.ts';

const startMs = 1_800_000_000_000;
const people = Array.from({ length: 300 }, (_, who) => who);
const serverSeed = 'a5'.repeat(32);
const commitment = hexOf(commitmentOf(sha256, Buffer.from(serverSeed, 'hex')));
const seedNo = (no: number): Uint8Array => sha256(Uint8Array.of(no, no >> 8, no >> 16));

const drawOver = (keys: Uint8Array): DrawnRoom => {
  const { root, seed, permutation } = makeDraw(sha256, { serverSeed, keys });
  const numbers = Array.from(permutation, (_, entry) => numberOf(entry, permutation));
  return { keys, serverSeed, commitment, root, seed, numbers };
};
const keysOfAll = new Uint8Array(people.flatMap((who) => [...personOf(who)]));

/** Promise 7, on what a store has recorded: everybody's receipt is in the record of the draw. */
const drawsFairly = (open: (room: RoomToStage, time: TestTime) => Promise<Stage>): void => {
  test('records everybody in the lobby in the draw, at their entry (promise 7)', async () => {
    const { showId, terms, control } = openRoom('show_draw', 10, startMs);
    const lobby = { ...control, phase: 'lobby' as const, drawnAtMs: 0 };
    const stage = await open({ showId, terms, control: lobby }, { nowMs: startMs });
    afterThisFile(stage.close);
    const store = stage.store();
    await store.create(showId, lobby);
    const join = (who: number) => ({
      kind: 'join' as const,
      person: personOf(who),
      presented: null,
      replaces: null,
      mayEnter: true,
    });
    // Some join again from another device before the others join.
    const answers = await store.play(showId, [...people, ...people.slice(0, 50)].map(join));
    await store.change(showId, { changeId: 'lev_1', ifRev: 1, change: { seals: true } });
    const late = await store.play(showId, [join(people.length)]);
    const keys = await store.entries(showId);
    expect(late).toEqual([{ outcome: 'placed', entry: people.length, isNew: true }]);
    expect(keys.length).toBe(8 * people.length);
    for (const [at, answer] of answers.entries()) {
      const entry = answer.outcome === 'placed' ? answer.entry : -1;
      expect([...keyAt(keys, entry)]).toEqual([...personOf(at % people.length)]);
    }
    expect(unfairIn(drawOver(keys))).toEqual([]);
  });
};

describe('the room in memory', () => {
  drawsFairly((room, time) => memoryStage(room, time, forgetfulJournal));
});

describeNeeding('redis', 'the room in Redis', () => {
  let url = '';
  beforeAll(async () => {
    url = (await openTestRedis()).url;
  });
  drawsFairly(async (room, time) => {
    const redis = await openRedisOf(url);
    const primaryOf = () => Promise.reject(new Error('this test breaks no server'));
    return redisStage(room, time, { redis, primaryOf, restart: null });
  });
});

describe('promise 7: the draw is uniform', () => {
  test('every entry gets every place equally often', () => {
    expect(isUniform((no, entries) => permutationOf(sha256, seedNo(no), entries))).toBe(true);
  });

  test('a shuffle that swaps with any place, not only the remaining ones, is caught', () => {
    const naive = (no: number, entries: number): Uint32Array => {
      const below = makeDice(sha256, seedNo(no));
      const places = Uint32Array.from({ length: entries }, (_, at) => at);
      for (let i = 0; i < entries; i++) {
        const j = below(entries);
        [places[i], places[j]] = [places[j]!, places[i]!];
      }
      return places;
    };
    expect(isUniform(naive)).toBe(false);
  });

  const fair = drawOver(keysOfAll);
  test.each([
    ['two entries with one number', { numbers: [1, ...fair.numbers.slice(1)] }],
    ['a number that nobody has', { numbers: fair.numbers.map((number) => number + 1) }],
    ['a seed that was changed afterwards', { serverSeed: 'a6'.repeat(32) }],
    ['another seed than that of the record', { seed: hexOf(seedNo(1)) }],
    ['an entry that was put in afterwards', { keys: keysOfAll.map((b, at) => (at < 8 ? 7 : b)) }],
    [
      'two entries exchanged',
      { keys: keysOfAll.map((_, at) => keysOfAll[at < 16 ? at ^ 8 : at]!) },
    ],
  ])('found: %s', (_, change) => {
    expect(unfairIn(fair)).toEqual([]);
    expect(unfairIn({ ...fair, ...change })).not.toEqual([]);
  });
});

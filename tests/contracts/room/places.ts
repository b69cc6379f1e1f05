import assert from 'node:assert/strict';
import {
  assertCounts,
  assertStands,
  countTo,
  none,
  openControl,
  placed,
  type RoomPromise,
  setStage,
  startMs,
  undrawn,
} from './stage.ts';

const refused = (phase: string, override = 'none') => ({ outcome: 'refused', phase, override });

const oneEach: readonly RoomPromise[] = [
  {
    title: 'entries are given in the order of joining, each once and without gaps',
    keeps: async (room) => {
      const { crowd, joinOf, read } = await setStage(room);
      await crowd(countTo(3));
      const answers = await room.play([joinOf(4), joinOf(5), joinOf(6)]);
      assert.deepEqual(answers, [placed(3, true), placed(4, true), placed(5, true)]);
      assertCounts(await read(), { tail: 6, waiting: 6, front: 0, admitted: 0 });
    },
  },
  {
    title: 'joining again on any device gives the same place, and changes no other place',
    keeps: async (room) => {
      const { crowd, join, read } = await setStage(room);
      await crowd([1, 2, 3]);
      for (const who of [2, 1, 3, 2]) assert.deepEqual(await join(who), placed(who - 1, false));
      assertCounts(await read(), { tail: 3, waiting: 3 });
    },
  },
  {
    title: 'two joins of one person at the same moment give one place',
    keeps: async (room) => {
      const { joinOf, read } = await setStage(room);
      const together = await room.play([joinOf(1), joinOf(1)]);
      assert.deepEqual(together, [placed(0, true), placed(0, false)]);
      const apart = await Promise.all(countTo(50).map(() => room.play([joinOf(2)])));
      assert.deepEqual(apart.flat(), [placed(1, true), ...countTo(49).map(() => placed(1, false))]);
      assertCounts(await read(), { tail: 2, waiting: 2 });
    },
  },
  {
    title: 'a hundred people who join at once get a hundred places',
    keeps: async (room) => {
      const { joinOf, read } = await setStage(room);
      const answers = await Promise.all(countTo(100).map((who) => room.play([joinOf(who)])));
      const entries = answers.flat().map((it) => (it.outcome === 'placed' ? it.entry : -1));
      assert.deepEqual(
        [...entries].sort((a, b) => a - b),
        countTo(100, 0),
      );
      assertCounts(await read(), { tail: 100, waiting: 100 });
    },
  },
  {
    title: 'people whose keys differ in one bit get different places',
    keeps: async (room) => {
      await setStage(room);
      // One bit differs, in each of the 8 bytes.
      const people = countTo(64, 0).map((bit) => {
        const person = new Uint8Array(8);
        person[bit >> 3] = 1 << (bit & 7);
        return person;
      });
      const joins = people.map((person) => ({
        kind: 'join' as const,
        person,
        presented: null,
        replaces: null,
        mayEnter: true,
      }));
      const expected = (isNew: boolean) => people.map((_, entry) => placed(entry, isNew));
      assert.deepEqual(await room.play(joins), expected(true));
      assert.deepEqual(await room.play(joins), expected(false));
    },
  },
];

const closedDoors: readonly RoomPromise[] = [
  ...(['idle', 'draining', 'closed'] as const).map((phase) => ({
    title: `in the phase ${phase} nobody new comes in, and who has a place keeps it`,
    keeps: async (room: Parameters<RoomPromise['keeps']>[0]) => {
      const { join, change, read } = await setStage(room);
      await join(1);
      await change({ phase });
      assert.deepEqual(await join(2), refused(phase));
      assert.deepEqual(await join(1), placed(0, false));
      assertCounts(await read(), { tail: 1, waiting: 1 });
    },
  })),
  {
    title: 'under reject, or when the caller forbids it, nobody new can join; places stay',
    keeps: async (room) => {
      const { join, change } = await setStage(room);
      await join(1);
      assert.deepEqual(await join(2, { mayEnter: false }), refused('open'));
      assert.deepEqual(await join(1, { mayEnter: false }), placed(0, false));
      await change({ override: 'reject' });
      assert.deepEqual(await join(2), refused('open', 'reject'));
      assert.deepEqual(await join(1), placed(0, false));
      await change({ override: 'paused' });
      assert.deepEqual(await join(2), placed(1, true));
    },
  },
  {
    title: 'people can join in the lobby and during the draw; after the seal, behind it',
    keeps: async (room) => {
      const { join, change } = await setStage(room, { phase: 'lobby', ...undrawn });
      assert.deepEqual(await join(1), placed(0, true));
      assertCounts(await change({ seals: true }), { phase: 'sealed', drawEntries: 1 });
      assert.deepEqual(await join(2), placed(1, true));
      const opened = await change({ phase: 'open', drawnAtMs: startMs });
      assertCounts(opened, { drawEntries: 1, tail: 2, waiting: 2 });
    },
  },
];

const newPlaces: readonly RoomPromise[] = [
  {
    title: 'a person who left joins again at the end of the line',
    keeps: async (room) => {
      const { crowd, leave, join, appear } = await setStage(room);
      await crowd([1, 2, 3]);
      await leave(1);
      assert.deepEqual(await join(1), placed(3, true));
      assert.deepEqual(await join(1), placed(3, false));
      assert.deepEqual(await appear(1, 0), none);
      assertStands(await appear(1), 'waiting');
    },
  },
  {
    title: 'a person who left cannot restore the old place by its token',
    keeps: async (room) => {
      const { crowd, leave, join } = await setStage(room);
      await crowd([1, 2]);
      await leave(1);
      const presented = { entry: 0, epoch: openControl.epoch - 1 };
      assert.deepEqual(await join(1, { presented }), placed(2, true));
    },
  },
  {
    title: 'a place that is over is replaced once by a new one, and only for its owner',
    keeps: async (room) => {
      const { crowd, join, read } = await setStage(room);
      await crowd([1, 2]);
      assert.deepEqual(await join(1, { replaces: 1 }), placed(0, false));
      assert.deepEqual(await join(1, { replaces: 0, mayEnter: false }), refused('open'));
      assert.deepEqual(await join(1, { replaces: 0 }), placed(2, true));
      assert.deepEqual(await join(1, { replaces: 0 }), placed(2, false));
      assertCounts(await read(), { tail: 3 });
    },
  },
  {
    title: 'a new place also removes the old pass if it has expired and is still counted',
    keeps: async (room) => {
      const { admit, advance, appear, join, leave, read } = await setStage(room);
      const { endsAtMs } = await admit(1);
      await advance(endsAtMs - startMs);
      assertStands(await appear(1), 'over');
      assertCounts(await read(), { active: 1, waiting: 0 });
      assert.deepEqual(await join(1, { replaces: 0 }), placed(1, true));
      assertCounts(await read(), { active: 0, waiting: 1 });
      await leave(1);
      assertCounts(await read(), { active: 0, waiting: 0 });
    },
  },
];

const lostPlaces: readonly RoomPromise[] = [
  {
    title: 'a place that the store has lost is restored by its token of an earlier epoch',
    keeps: async (room) => {
      const { join, read, appear } = await setStage(room);
      await join(1);
      const presented = { entry: 7, epoch: openControl.epoch - 1 };
      assert.deepEqual(await join(2, { presented }), placed(7, false));
      assertCounts(await read(), { tail: 8, waiting: 2 });
      assertStands(await appear(2), 'waiting');
      assert.deepEqual(await join(3), placed(8, true));
    },
  },
  {
    title: 'a token of this epoch restores nothing: nothing was lost since',
    keeps: async (room) => {
      const { join } = await setStage(room);
      const presented = { entry: 7, epoch: openControl.epoch };
      assert.deepEqual(await join(1, { presented }), placed(0, true));
    },
  },
  {
    title: 'a person who has a place keeps it, whatever token is presented',
    keeps: async (room) => {
      const { join, read } = await setStage(room);
      await join(1);
      const presented = { entry: 7, epoch: openControl.epoch - 1 };
      assert.deepEqual(await join(1, { presented }), placed(0, false));
      assertCounts(await read(), { tail: 1 });
    },
  },
  {
    title: 'a lost place is restored in every phase, because it is not a new one',
    keeps: async (room) => {
      const { join } = await setStage(room, { phase: 'closed', override: 'reject' });
      const presented = { entry: 4, epoch: openControl.epoch - 1 };
      assert.deepEqual(await join(1, { presented, mayEnter: false }), placed(4, false));
    },
  },
  {
    title: 'a lost place whose pass has been restored is not counted as waiting',
    keeps: async (room) => {
      const { join, touch, read } = await setStage(room);
      const epoch = openControl.epoch - 1;
      const endsByMs = startMs + 60_000;
      assert.equal((await touch(1, { number: 5, epoch, endsByMs })).outcome, 'live');
      assertCounts(await read(), { waiting: 0, active: 1, admitted: 1, tail: 5 });
      assert.deepEqual(await join(1, { presented: { entry: 4, epoch } }), placed(4, false));
      assertCounts(await read(), { waiting: 0, active: 1, tail: 5 });
      assert.deepEqual(await join(2), placed(5, true));
    },
  },
  {
    title: 'a lost place whose pass has expired is not counted as waiting either',
    keeps: async (room) => {
      const { join, touch, tick, advance, read } = await setStage(room, { drawEntries: 4 });
      const epoch = openControl.epoch - 1;
      // Number 5 is entry 4, the first after the draw; the draw decided who has number 4.
      for (const number of [4, 5]) await touch(number, { number, epoch, endsByMs: startMs + 1000 });
      await advance(1000);
      assertCounts(await tick(), { active: 0, admitted: 2, waiting: 0 });
      await join(5, { presented: { entry: 4, epoch } });
      assertCounts(await read(), { waiting: 0 });
      await join(6, { presented: { entry: 3, epoch } });
      assertCounts(await read(), { waiting: 1 });
      await join(7, { presented: { entry: 5, epoch } });
      assertCounts(await read(), { waiting: 2 });
    },
  },
  {
    title: 'a place restored before the draw is counted, because nobody has a number yet',
    keeps: async (room) => {
      const { join, touch, tick, advance, read } = await setStage(room, {
        phase: 'lobby',
        ...undrawn,
      });
      const epoch = openControl.epoch - 1;
      await touch(1, { number: 5, epoch, endsByMs: startMs + 1000 });
      await advance(1000);
      await tick();
      await join(2, { presented: { entry: 4, epoch } });
      assertCounts(await read(), { waiting: 1, admitted: 1 });
    },
  },
];

/** Who gets which place. */
export const placePromises: readonly RoomPromise[] = [
  ...oneEach,
  ...closedDoors,
  ...newPlaces,
  ...lostPlaces,
];

import assert from 'node:assert/strict';
import {
  assertCounts,
  done,
  none,
  openControl,
  passIn,
  promisedTerms,
  type RoomPromise,
  setStage,
  startMs,
} from './stage.ts';

const { tickMs, passTtlMs, passMaxMs } = promisedTerms;
const claimedAtMs = startMs + tickMs;

const sliding: readonly RoomPromise[] = [
  {
    title: 'using a pass extends it, but never beyond its absolute end',
    keeps: async (room) => {
      const { admit, touch, advance } = await setStage(room);
      const { endsByMs } = await admit(1);
      for (let at = passTtlMs - 1; at < passMaxMs; at += passTtlMs - 1) {
        await advance(passTtlMs - 1);
        const pass = passIn(await touch(1));
        assert.equal(pass.endsAtMs, Math.min(claimedAtMs + at + passTtlMs, endsByMs));
        assert.deepEqual([pass.endsByMs, pass.number, pass.orderId], [endsByMs, 1, '']);
      }
      await advance(endsByMs - claimedAtMs - 3 * (passTtlMs - 1));
      assert.deepEqual(await touch(1), none);
    },
  },
  {
    title: 'an unused pass expires; its slot stays taken until a tick releases it',
    keeps: async (room) => {
      const { admit, touch, pin, unpin, advance, read, tick } = await setStage(room);
      await admit(1);
      await advance(passTtlMs);
      for (const answer of [await touch(1), await pin(1, 'o', startMs), await unpin(1, '')])
        assert.deepEqual(answer, none);
      assertCounts(await read(), { active: 1 });
      assertCounts(await tick(), { active: 0, admitted: 1 });
    },
  },
  {
    title: 'nobody can use a pass that they do not have',
    keeps: async (room) => {
      const { admit, join, touch, pin, unpin, complete } = await setStage(room);
      await admit(1);
      await pin(1, 'order_1', startMs);
      await join(2);
      for (const who of [2, 3])
        for (const answer of [
          await touch(who),
          await pin(who, 'order_1', startMs),
          await unpin(who, 'order_1'),
          await complete(who, 'order_1'),
        ])
          assert.deepEqual(answer, none);
    },
  },
];

const pinned: readonly RoomPromise[] = [
  {
    title: 'a pass whose order is being paid lasts until the order’s deadline without use',
    keeps: async (room) => {
      const { admit, pin, advance, tick, touch } = await setStage(room);
      await admit(1);
      const untilMs = claimedAtMs + passTtlMs + 60_000;
      const pass = passIn(await pin(1, 'order_1', untilMs));
      assert.deepEqual([pass.endsAtMs, pass.orderId], [untilMs, 'order_1']);
      await advance(passTtlMs + 59_000);
      assertCounts(await tick(), { active: 1 });
      await advance(750);
      assertCounts(await room.tick(1), { active: 0 });
      assert.deepEqual(await touch(1), none);
    },
  },
  {
    title: 'a deadline never shortens a pass, nor extends it beyond the maximum',
    keeps: async (room) => {
      const { admit, pin, advance } = await setStage(room);
      const { endsAtMs, endsByMs } = await admit(1);
      assert.equal(passIn(await pin(1, 'order_1', startMs)).endsAtMs, endsAtMs);
      await advance(1000);
      const long = passIn(await pin(1, 'order_1', claimedAtMs + 10 * passMaxMs));
      assert.deepEqual([long.endsAtMs, long.endsByMs], [claimedAtMs + 1000 + passMaxMs, endsByMs]);
    },
  },
  {
    title: 'using a pass whose order is being paid never shortens it',
    keeps: async (room) => {
      const { admit, pin, touch, advance } = await setStage(room);
      await admit(1);
      const untilMs = claimedAtMs + passTtlMs + 60_000;
      await pin(1, 'order_1', untilMs);
      assert.equal(passIn(await touch(1)).endsAtMs, untilMs);
      await advance(90_000);
      const pass = passIn(await touch(1));
      assert.deepEqual(
        [pass.endsAtMs, pass.orderId],
        [claimedAtMs + 90_000 + passTtlMs, 'order_1'],
      );
    },
  },
  {
    title: 'an order that was not paid unpins its pass, and no other; use extends it again',
    keeps: async (room) => {
      const { admit, pin, unpin, advance } = await setStage(room);
      const { endsByMs } = await admit(1);
      await pin(1, 'order_1', claimedAtMs + passMaxMs);
      assert.deepEqual(await unpin(1, 'order_2'), none);
      await advance(1000);
      const expected = { number: 1, endsAtMs: claimedAtMs + 1000 + passTtlMs, endsByMs };
      assert.deepEqual(passIn(await unpin(1, 'order_1')), { ...expected, orderId: '' });
      assert.deepEqual(await unpin(1, 'order_1'), none);
      await advance(passTtlMs);
      assertCounts(await room.tick(1), { active: 0 });
    },
  },
  {
    title: 'a paid order ends its pass and frees the slot once; another person’s order does not',
    keeps: async (room) => {
      const { admit, pin, complete, read, appear } = await setStage(room);
      await admit(1);
      await admit(2);
      await pin(1, 'order_1', startMs);
      assert.deepEqual(await complete(1, 'order_2'), none);
      assert.deepEqual(await complete(2, 'order_1'), none);
      assertCounts(await read(), { active: 2 });
      assert.deepEqual(await complete(1, 'order_1'), done);
      assert.deepEqual(await complete(1, 'order_1'), none);
      assertCounts(await read(), { active: 1, admitted: 2 });
      assert.equal((await appear(1)).outcome, 'stands');
    },
  },
  {
    title: 'a paid order also ends a pass that has expired but whose slot is still taken',
    keeps: async (room) => {
      const { admit, pin, complete, advance, read } = await setStage(room);
      await admit(1);
      await pin(1, 'order_1', startMs);
      await advance(passTtlMs);
      assert.deepEqual(await complete(1, 'order_1'), done);
      assertCounts(await read(), { active: 0 });
    },
  },
];

const epoch = openControl.epoch - 1;
const endsByMs = startMs + passMaxMs;
const proof = { number: 7, epoch, endsByMs };

const lost: readonly RoomPromise[] = [
  {
    title: 'a pass that the store has lost is restored from its token of an earlier epoch',
    keeps: async (room) => {
      const { crowd, touch, read, appear } = await setStage(room);
      await crowd([1, 2, 3, 4, 5, 6, 7]);
      const pass = { number: 7, endsAtMs: startMs + passTtlMs, endsByMs, orderId: '' };
      assert.deepEqual(await touch(7, proof), { outcome: 'live', pass });
      assertCounts(await read(), { active: 1, admitted: 1, waiting: 6, tail: 7 });
      assert.deepEqual(passIn(await appear(7)), pass);
      assert.deepEqual(await touch(7, proof), { outcome: 'live', pass });
      assertCounts(await read(), { active: 1, admitted: 1, waiting: 6 });
    },
  },
  {
    title: 'restoring a pass shortens the line only if its owner was counted there',
    keeps: async (room) => {
      const { crowd, touch, leave, read } = await setStage(room);
      await crowd([1, 2, 3]);
      await leave(3);
      for (const who of [3, 8]) await touch(who, { ...proof, number: who });
      assertCounts(await read(), { active: 2, waiting: 2 });
    },
  },
  {
    title: 'a restored pass ends no later than the lost one would have',
    keeps: async (room) => {
      const { touch } = await setStage(room);
      const pass = passIn(await touch(1, { ...proof, endsByMs: startMs + 5000 }));
      assert.deepEqual([pass.endsAtMs, pass.endsByMs], [startMs + 5000, startMs + 5000]);
    },
  },
  {
    title: 'a pass that was revoked, is of this epoch, or has expired is not restored',
    keeps: async (room) => {
      const { touch, read } = await setStage(room);
      const refused = [
        { ...proof, epoch: openControl.passEpoch - 1 },
        { ...proof, epoch: openControl.epoch },
        { ...proof, endsByMs: startMs },
      ];
      for (const presented of refused) assert.deepEqual(await touch(1, presented), none);
      assertCounts(await read(), { active: 0, admitted: 0, waiting: 0 });
    },
  },
  {
    title: 'a pass that has ended is not restored',
    keeps: async (room) => {
      const { admit, touch, pin, complete, advance } = await setStage(room);
      await admit(1);
      await pin(1, 'order_1', startMs);
      await complete(1, 'order_1');
      assert.deepEqual(await touch(1, { ...proof, number: 1 }), none);
      await admit(2);
      await advance(passTtlMs);
      assert.deepEqual(await touch(2, { ...proof, number: 2 }), none);
      await room.tick(0);
      assert.deepEqual(await touch(2, { ...proof, number: 2 }), none);
    },
  },
  {
    title: 'a pass is not restored beyond the maximum active, including called people',
    keeps: async (room) => {
      const { crowd, touch, tick, claim } = await setStage(room, { activeMax: 2 });
      await crowd([1, 2]);
      await tick();
      assert.deepEqual(await touch(8, proof), none);
      await claim(1);
      assert.deepEqual(await touch(8, proof), none);
      await room.advance(promisedTerms.claimWindowMs);
      await room.tick(0);
      assert.equal((await touch(8, proof)).outcome, 'live');
      assert.deepEqual(await touch(9, { ...proof, number: 9 }), none);
    },
  },
];

/** How passes are extended, pinned, ended and restored. */
export const passPromises: readonly RoomPromise[] = [...sliding, ...pinned, ...lost];

import assert from 'node:assert/strict';
import {
  assertCounts,
  assertStands,
  countTo,
  enoughSeats,
  promisedTerms,
  type RoomPromise,
  setStage,
  startMs,
  undrawn,
  wordOf,
} from './stage.ts';

const { tickMs, claimWindowMs, presenceMs, windowNumbers, passTtlMs } = promisedTerms;

const capacity: readonly RoomPromise[] = [
  {
    title: 'people inside plus people called never exceed the cap or the seats left',
    keeps: async (room) => {
      const { crowd, claim, tick } = await setStage(room, { activeMax: 3 });
      await crowd(countTo(9));
      assertCounts(await tick(2), { called: 2, active: 0, front: 2 });
      await claim(1);
      assertCounts(await tick(2), { called: 1, active: 1, front: 2 });
      assertCounts(await tick(), { called: 2, active: 1, front: 3 });
      await claim(2);
      assertCounts(await tick(), { called: 1, active: 2, front: 3 });
    },
  },
  {
    title: 'a slot freed by expiry, payment or leaving is given once',
    keeps: async (room) => {
      const { crowd, claim, leave, pin, complete, tick } = await setStage(room, { activeMax: 2 });
      await crowd(countTo(9));
      await tick();
      await claim(1);
      await claim(2);
      await pin(1, 'order_1', startMs);
      await complete(1, 'order_1');
      await complete(1, 'order_1');
      assertCounts(await tick(), { called: 1, active: 1, front: 3 });
      await leave(2);
      await leave(2);
      assertCounts(await tick(), { called: 2, active: 0, front: 4 });
      await leave(3);
      assertCounts(await tick(), { called: 2, active: 0, front: 5 });
    },
  },
  {
    title: 'nobody is called while the number of seats left is unknown or zero',
    keeps: async (room) => {
      const { crowd, tick } = await setStage(room);
      await crowd([1]);
      assertCounts(await tick(null), { front: 0, called: 0 });
      assertCounts(await tick(0), { front: 0, called: 0 });
      assertCounts(await tick(1), { front: 1, called: 1 });
    },
  },
  {
    title: 'a lower cap or fewer seats remove nobody, and call nobody until there is room',
    keeps: async (room) => {
      const { crowd, claim, change, tick, beat } = await setStage(room, { activeMax: 4 });
      await crowd(countTo(9));
      await tick();
      for (const who of [1, 2, 3]) await claim(who);
      await change({ activeMax: 1 });
      assertCounts(await tick(0), { active: 3, called: 1, front: 4 });
      const words = (await beat([1, 2, 3, 4, 5])).map(wordOf);
      assert.deepEqual(words, ['active', 'active', 'active', 'called', 'waiting']);
    },
  },
];

const rate: readonly RoomPromise[] = [
  {
    title: 'people are called at the rate: a burst of two ticks plus one, then steadily',
    keeps: async (room) => {
      // 4,800 a minute are 20 a tick.
      const { crowd, tick, advance } = await setStage(room, { ratePerMinute: 4800 });
      await crowd(countTo(300));
      const fronts: number[] = [];
      for (let ticks = 0; ticks < 4; ticks++) fronts.push((await tick()).front);
      assert.deepEqual(fronts, [41, 61, 81, 101]);
      await advance(10 * tickMs);
      assert.equal((await room.tick(enoughSeats)).front, 142);
    },
  },
  {
    title: 'a slow rate calls single people: one at once, the next as soon as one is due',
    keeps: async (room) => {
      // One in 6 s; the full bucket holds the first person and two ticks, which stay saved.
      const { crowd, tick } = await setStage(room, { ratePerMinute: 10 });
      await crowd([1, 2, 3]);
      assertCounts(await tick(), { front: 1 });
      for (let ticks = 1; ticks < 22; ticks++) assertCounts(await tick(), { front: 1 });
      assertCounts(await tick(), { front: 2 });
    },
  },
  {
    title: 'late arrivals count against the same rate',
    keeps: async (room) => {
      const { crowd, claim, tick, wait, change } = await setStage(room);
      await crowd(countTo(6));
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      await claim(1);
      await claim(2);
      await crowd([7]);
      // Half a person a tick; the bucket holds two.
      await change({ ratePerMinute: 120 });
      for (let ticks = 0; ticks < 2; ticks++)
        assertCounts(await tick(), { called: 2, late: 0, front: 6 });
      assertCounts(await tick(), { called: 3, late: 0, front: 7 });
    },
  },
  {
    title: 'a lower rate applies from the next tick, which also cuts the saved credit',
    keeps: async (room) => {
      const { crowd, change, tick } = await setStage(room);
      await crowd(countTo(50));
      await tick(0);
      await change({ ratePerMinute: 1200 });
      assertCounts(await tick(), { front: 11 });
    },
  },
  {
    title: 'of two ticks within one interval the second only reads',
    keeps: async (room) => {
      const { crowd, tick, advance, change } = await setStage(room, { activeMax: 1 });
      await crowd(countTo(5));
      await tick();
      await change({ activeMax: 5 });
      await advance(tickMs - 1);
      assertCounts(await room.tick(enoughSeats), { front: 1, called: 1 });
      await advance(1);
      const together = countTo(5).map(() => room.tick(enoughSeats));
      for (const state of await Promise.all(together)) assertCounts(state, { front: 5, called: 5 });
    },
  },
  {
    title: 'the store’s time never goes back, nor does anything that depends on it',
    keeps: async (room) => {
      const { crowd, claim, touch, tick, advance, read } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2]);
      const { nowMs } = await tick();
      await claim(1);
      await advance(-60_000);
      assertCounts(await read(), { nowMs });
      assertCounts(await room.tick(enoughSeats), { nowMs, active: 1 });
      const answer = await touch(1);
      assert.equal(answer.outcome === 'live' && answer.pass.endsAtMs, nowMs + passTtlMs);
    },
  },
];

const presence: readonly RoomPromise[] = [
  {
    title: 'only present people are called; absent ones are passed over, and late on return',
    keeps: async (room) => {
      const { crowd, beat, claim, tick, wait } = await setStage(room, { activeMax: 2 });
      await tick(0);
      await crowd(countTo(6));
      await wait(2 * presenceMs);
      await room.tick(0);
      await beat([2, 4, 5]);
      assertCounts(await tick(), { front: 4, called: 2 });
      const words = (await beat([1, 2, 3, 4, 5, 6])).map(wordOf);
      assert.deepEqual(words, ['late', 'called', 'late', 'called', 'waiting', 'waiting']);
      assertStands(await claim(3), 'late');
    },
  },
  {
    title: 'a heartbeat counts as presence for at least one presence time, at most two',
    keeps: async (room) => {
      const { crowd, tick, advance, wait } = await setStage(room);
      await tick(0);
      await wait(presenceMs - 1);
      await crowd([1]);
      await advance(1);
      await room.tick(0);
      await wait(presenceMs - 1);
      assertCounts(await room.tick(9), { front: 1, called: 1 });
      await crowd([2]);
      await wait(2 * presenceMs);
      assertCounts(await room.tick(9), { front: 2, called: 0 });
    },
  },
  {
    title: 'a person without a heartbeat for two presence times counts as gone',
    keeps: async (room) => {
      const { crowd, tick, wait } = await setStage(room);
      await tick(0);
      await crowd([1]);
      for (const ms of [presenceMs, presenceMs / 2]) {
        await wait(ms);
        await room.tick(0);
      }
      await wait(presenceMs / 2);
      assertCounts(await room.tick(9), { front: 1, called: 0 });
    },
  },
  {
    title: 'a run of absent people costs one tick per window, whatever the slots',
    keeps: async (room) => {
      const { crowd, beat, tick, wait } = await setStage(room, { activeMax: 1 });
      const many = 2 * windowNumbers + 10;
      await crowd(countTo(many));
      await tick(0);
      await wait(2 * presenceMs);
      await room.tick(0);
      await beat([many]);
      assertCounts(await tick(), { front: windowNumbers, called: 0 });
      assertCounts(await tick(), { front: 2 * windowNumbers, called: 0 });
      assertCounts(await tick(), { front: many, called: 1 });
    },
  },
  {
    title: 'the front stops at the last person called, so people behind keep their turn',
    keeps: async (room) => {
      const { crowd, tick, claim, wait } = await setStage(room, { activeMax: 33 });
      await crowd(countTo(200));
      assertCounts(await tick(), { front: 33, called: 33 });
      assertCounts(await tick(), { front: 33 });
      await claim(33);
      await wait(claimWindowMs);
      await room.tick(0);
      assertCounts(await tick(), { front: 65, called: 32, active: 1 });
    },
  },
  {
    title: 'an expired call frees exactly the slots that were not claimed',
    keeps: async (room) => {
      const { crowd, claim, leave, tick, advance } = await setStage(room, { activeMax: 40 });
      await crowd(countTo(40));
      await tick();
      for (const who of [1, 32, 40]) await claim(who);
      await leave(31);
      await advance(claimWindowMs - tickMs);
      assertCounts(await room.tick(0), { called: 36, active: 3, waiting: 36 });
      assertCounts(await tick(0), { called: 0, active: 3, waiting: 36 });
    },
  },
];

const stopped: readonly RoomPromise[] = [
  ...(['paused', 'bypass', 'reject'] as const).map((override) => ({
    title: `under ${override} nobody is called and places are frozen; then it goes on`,
    keeps: async (room: Parameters<RoomPromise['keeps']>[0]) => {
      const { crowd, tick, change, beat } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2, 3]);
      await change({ override });
      assertCounts(await tick(), { front: 0, called: 0, waiting: 3 });
      assert.deepEqual((await beat([1, 2, 3])).map(wordOf), ['waiting', 'waiting', 'waiting']);
      await change({ override: 'none' });
      assertCounts(await tick(), { front: 1, called: 1 });
    },
  })),
  ...(['idle', 'lobby', 'sealed', 'closed'] as const).map((phase) => ({
    title: `in the phase ${phase} nobody is called`,
    keeps: async (room: Parameters<RoomPromise['keeps']>[0]) => {
      const { crowd, tick, change } = await setStage(room, { lobbyAtMs: startMs + 999_999 });
      await crowd([1]);
      await change({ phase });
      assertCounts(await tick(), { front: 0, called: 0, phase });
    },
  })),
  {
    title: 'nobody is called before the draw',
    keeps: async (room) => {
      const { crowd, tick, change } = await setStage(room, undrawn);
      await crowd([1]);
      assertCounts(await tick(), { front: 0 });
      await change({ drawnAtMs: startMs });
      await room.play([]);
      assertCounts(await tick(), { front: 1 });
    },
  },
  {
    title: 'nobody is called while releases are held, and everybody in turn afterwards',
    keeps: async (room) => {
      const { crowd, tick, change, advance } = await setStage(room);
      await crowd([1]);
      assertCounts(await change({ holdsForMs: 5000 }), { heldUntilMs: startMs + 5000 });
      await advance(5000 - 2 * tickMs);
      assertCounts(await tick(), { front: 0 });
      assertCounts(await tick(), { front: 1 });
    },
  },
  {
    title: 'after a pause of one presence time nobody is called until all could send a heartbeat',
    keeps: async (room) => {
      const { crowd, tick, wait, advance, beat } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2]);
      await tick(0);
      await advance(presenceMs);
      const { nowMs } = await room.tick(enoughSeats);
      assertCounts(await tick(), { front: 0, called: 0, heldUntilMs: nowMs + presenceMs });
      await wait(presenceMs - tickMs - 1);
      assertCounts(await room.tick(enoughSeats), { front: 0 });
      await beat([1, 2]);
      assertCounts(await tick(), { front: 1, called: 1 });
    },
  },
  {
    title: 'a draining room serves everybody in line, and closes when nobody is left',
    keeps: async (room) => {
      const { crowd, tick, change, claim, leave, wait } = await setStage(room);
      await crowd([1, 2, 3]);
      await change({ phase: 'draining' });
      assertCounts(await tick(), { front: 3, called: 3, phase: 'draining' });
      await claim(1);
      await claim(2);
      assertCounts(await tick(), { called: 1, active: 2, phase: 'draining' });
      await leave(2);
      assertCounts(await tick(), { called: 1, active: 1, phase: 'draining' });
      await wait(claimWindowMs);
      assertCounts(await room.tick(9), { called: 0, active: 1, phase: 'draining' });
      await claim(3);
      assertCounts(await tick(0), { late: 1, active: 1, phase: 'draining' });
      await leave(3);
      await crowd([3]);
      assertCounts(await tick(), { active: 1, phase: 'draining' });
      await leave(1);
      const { rev } = await change({});
      assertCounts(await tick(), { phase: 'closed', waiting: 0, rev: rev + 1 });
    },
  },
  {
    title: 'a draining room closes although somebody in line has vanished',
    keeps: async (room) => {
      const { crowd, tick, change, wait } = await setStage(room);
      await crowd([1]);
      await change({ phase: 'draining' });
      await tick();
      await wait(claimWindowMs);
      assertCounts(await tick(), { called: 0 });
      assertCounts(await tick(), { phase: 'closed', waiting: 1 });
    },
  },
  {
    title: 'the lobby opens and an override ends by the clock, each with a new rev',
    keeps: async (room) => {
      const lobbyAtMs = startMs + 2 * tickMs;
      const until = { override: 'reject', overrideUntilMs: startMs + 3 * tickMs } as const;
      const { tick } = await setStage(room, { phase: 'idle', ...undrawn, lobbyAtMs, ...until });
      assertCounts(await tick(), { phase: 'idle', rev: 1, override: 'reject' });
      assertCounts(await tick(), { phase: 'lobby', rev: 2, override: 'reject' });
      const ended = { phase: 'lobby', rev: 3, override: 'none', overrideUntilMs: 0 } as const;
      assertCounts(await tick(), ended);
      assertCounts(await tick(), ended);
    },
  },
  {
    title: 'changes by the clock leave places, calls and passes as they are',
    keeps: async (room) => {
      const until = { override: 'bypass', overrideUntilMs: startMs + 3 * tickMs } as const;
      const { admit, crowd, change, tick, beat } = await setStage(room, { activeMax: 2 });
      await admit(1);
      await crowd([2, 3]);
      await tick();
      await change(until);
      assertCounts(await tick(), {
        override: 'none',
        active: 1,
        called: 1,
        epoch: 3,
        passEpoch: 2,
      });
      assert.deepEqual((await beat([1, 2, 3])).map(wordOf), ['active', 'called', 'waiting']);
    },
  },
  {
    title: 'an override without an end stays in force',
    keeps: async (room) => {
      const { tick, advance } = await setStage(room, { override: 'paused', overrideUntilMs: 0 });
      await advance(1_000_000_000);
      assertCounts(await tick(), { override: 'paused', rev: 1 });
    },
  },
];

/** What happens as time passes. */
export const tickPromises: readonly RoomPromise[] = [...capacity, ...rate, ...presence, ...stopped];

import assert from 'node:assert/strict';
import {
  assertCounts,
  assertStands,
  countTo,
  done,
  enoughSeats,
  none,
  openControl,
  passIn,
  placed,
  promisedTerms,
  type RoomPromise,
  setStage,
  startMs,
  undrawn,
  wordOf,
} from './stage.ts';

const { tickMs, claimWindowMs, passTtlMs, passMaxMs, presenceMs } = promisedTerms;

const standing: readonly RoomPromise[] = [
  {
    title: 'before the draw everybody is in the lobby, and a claim changes nothing',
    keeps: async (room) => {
      const { join, appear, claim, read } = await setStage(room, { phase: 'lobby', ...undrawn });
      await join(1);
      assertStands(await appear(1), 'lobby');
      assertStands(await claim(1), 'lobby');
      assertCounts(await read(), { waiting: 1, called: 0, active: 0 });
    },
  },
  {
    title: 'an entry of another person, an abandoned one and an unknown one have no standing',
    keeps: async (room) => {
      const { crowd, appear, claim, leave } = await setStage(room);
      await crowd([1, 2]);
      await leave(2);
      for (const answer of [
        await appear(1, 1),
        await appear(2),
        await appear(3),
        await claim(1, 1),
      ])
        assert.deepEqual(answer, none);
    },
  },
  {
    title: 'a person waits until the front arrives, and is then called until the window ends',
    keeps: async (room) => {
      const { crowd, appear, tick } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2]);
      assertStands(await appear(1), 'waiting');
      const { nowMs, front } = await tick();
      assert.equal(front, 1);
      const called = { outcome: 'stands', standing: 'called', pass: null };
      assert.deepEqual(await appear(1), { ...called, claimByMs: nowMs + claimWindowMs });
      const waiting = { outcome: 'stands', standing: 'waiting', claimByMs: 0, pass: null };
      assert.deepEqual(await appear(2), waiting);
    },
  },
  {
    title: 'asking changes nothing: a called person stays called',
    keeps: async (room) => {
      const { crowd, appear, tick, read } = await setStage(room);
      await crowd([1]);
      await tick();
      for (let times = 0; times < 3; times++) assertStands(await appear(1), 'called');
      assertCounts(await read(), { called: 1, active: 0, waiting: 1 });
    },
  },
];

const claiming: readonly RoomPromise[] = [
  {
    title: 'a called person gets a pass by claiming, once, with both its ends',
    keeps: async (room) => {
      const { crowd, claim, appear, tick, read } = await setStage(room);
      await crowd([1]);
      const { nowMs } = await tick();
      const pass = {
        number: 1,
        endsAtMs: nowMs + passTtlMs,
        endsByMs: nowMs + passMaxMs,
        orderId: '',
      };
      const active = { outcome: 'stands', standing: 'active', claimByMs: 0, pass };
      assert.deepEqual(await claim(1), active);
      for (const answer of [await claim(1), await appear(1)]) assert.deepEqual(answer, active);
      assertCounts(await read(), { called: 0, active: 1, admitted: 1, waiting: 0 });
    },
  },
  {
    title: 'two claims at the same moment give one pass',
    keeps: async (room) => {
      const { crowd, claim, tick, read } = await setStage(room);
      await crowd([1]);
      await tick();
      const [first, second] = await Promise.all([claim(1), claim(1)]);
      assert.deepEqual(first, second);
      assertCounts(await read(), { active: 1, admitted: 1, called: 0, waiting: 0 });
    },
  },
  {
    title: 'a claim before the turn gets no pass, but counts as a heartbeat',
    keeps: async (room) => {
      const { crowd, claim, tick, wait, beat } = await setStage(room);
      await tick(0);
      await crowd([1, 2]);
      await wait(2 * presenceMs);
      await room.tick(0);
      assertStands(await claim(2), 'waiting');
      const { front } = await tick();
      assert.equal(front, 2);
      assert.deepEqual((await beat([1, 2])).map(wordOf), ['late', 'called']);
    },
  },
  {
    title: 'a person who does not claim within the window is late, and the slot is free again',
    keeps: async (room) => {
      const { crowd, appear, tick, advance } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2]);
      await tick();
      await advance(claimWindowMs - tickMs - 1);
      await appear(2);
      assertCounts(await room.tick(9), { called: 1, front: 1 });
      await advance(1);
      assertCounts(await tick(), { called: 1, front: 2, waiting: 2 });
      assertStands(await appear(1), 'late');
      assertStands(await appear(2), 'called');
    },
  },
  {
    title: 'a person whose pass has expired is over, whether called a second time or not',
    keeps: async (room) => {
      const { admit, advance, appear, claim, tick, read } = await setStage(room);
      const { endsAtMs } = await admit(1);
      await advance(endsAtMs - startMs - tickMs - 1);
      assertStands(await appear(1), 'active');
      await advance(1);
      assertStands(await appear(1), 'over');
      assertStands(await claim(1), 'over');
      await tick();
      assertStands(await claim(1), 'over');
      assertCounts(await read(), { active: 0, admitted: 1, waiting: 0, late: 0 });
    },
  },
  {
    title: 'a pass restored beyond the front ends for good, and its owner never waits again',
    keeps: async (room) => {
      const { join, touch, appear, advance } = await setStage(room);
      const epoch = openControl.epoch - 1;
      await join(1, { presented: { entry: 8, epoch } });
      const live = passIn(await touch(1, { number: 9, epoch, endsByMs: startMs + 60_000 }));
      assertStands(await appear(1), 'active');
      await advance(live.endsAtMs - startMs);
      assertStands(await appear(1), 'over');
    },
  },
];

const comingLate: readonly RoomPromise[] = [
  {
    title: 'late people who return are served before everybody new, lowest number first',
    keeps: async (room) => {
      const { crowd, claim, change, tick, wait, beat } = await setStage(room);
      await crowd(countTo(4));
      await tick();
      await wait(claimWindowMs);
      await tick();
      await crowd([5, 6]);
      await change({ activeMax: 1 });
      for (const who of [3, 1]) assertStands(await claim(who), 'late');
      assertCounts(await tick(), { called: 1, late: 1, front: 4 });
      assert.deepEqual((await beat([1, 3, 5])).map(wordOf), ['called', 'late', 'waiting']);
      assert.equal(passIn(await claim(1)).number, 1);
      await change({ activeMax: 3 });
      assertCounts(await tick(), { called: 2, late: 0, active: 1, front: 5 });
      assert.deepEqual((await beat([3, 5, 6])).map(wordOf), ['called', 'called', 'waiting']);
      assert.equal(passIn(await claim(3)).number, 3);
    },
  },
  {
    title: 'a late person who claims repeatedly waits once',
    keeps: async (room) => {
      const { crowd, claim, tick, wait, read } = await setStage(room);
      await crowd([1]);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      for (let times = 0; times < 3; times++) assertStands(await claim(1), 'late');
      assertCounts(await read(), { late: 1, called: 0, waiting: 1 });
      assertCounts(await tick(), { late: 0, called: 1, waiting: 1 });
    },
  },
  {
    title: 'a late person who only asks is not called again: the call would be wasted',
    keeps: async (room) => {
      const { crowd, appear, tick, wait } = await setStage(room);
      await crowd([1]);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      assertStands(await appear(1), 'late');
      assertCounts(await tick(), { late: 0, called: 0 });
    },
  },
  {
    title: 'a late person who asked and went away is not called: no slot waits for the absent',
    keeps: async (room) => {
      const { crowd, claim, appear, change, tick, wait } = await setStage(room, { activeMax: 1 });
      await crowd([1]);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      assertStands(await claim(1), 'late');
      await wait(2 * presenceMs);
      await room.tick(0);
      await crowd([2]);
      assertCounts(await tick(), { called: 1, late: 0, front: 2 });
      // Back again, they are late as before.
      for (const ask of [appear, claim]) assertStands(await ask(1), 'late');
      await change({ activeMax: 2 });
      assertCounts(await tick(), { called: 2, late: 0 });
      assert.equal(passIn(await claim(1)).number, 1);
    },
  },
  {
    title: 'a person who misses the second call loses the place, and joins again at the end',
    keeps: async (room) => {
      const { crowd, claim, appear, join, tick, wait } = await setStage(room);
      await crowd([1, 2]);
      await tick();
      await claim(2);
      await wait(claimWindowMs);
      await room.tick(0);
      assertStands(await claim(1), 'late');
      const { nowMs } = await tick();
      const answer = await appear(1);
      assertStands(answer, 'called');
      assert.equal(answer.outcome === 'stands' && answer.claimByMs, nowMs + claimWindowMs);
      await wait(claimWindowMs);
      assertCounts(await room.tick(0), { called: 0, late: 0, waiting: 0, admitted: 1 });
      for (const ask of [claim, appear, claim]) assertStands(await ask(1), 'over');
      assertCounts(await tick(), { called: 0, late: 0, waiting: 0 });
      assert.deepEqual(await join(1, { replaces: 0 }), placed(2, true));
      assertStands(await appear(1), 'waiting');
      assertCounts(await tick(), { called: 1, front: 3, waiting: 1 });
    },
  },
  {
    title: 'while others wait, one in four of the people called is late; after that all are',
    keeps: async (room) => {
      const { crowd, claim, leave, tick, wait } = await setStage(room, { activeMax: 12 });
      await crowd(countTo(12));
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      for (const who of countTo(12)) assertStands(await claim(who), 'late');
      await crowd(countTo(24, 13));
      const leaveAll = async (...people: number[]) => {
        for (const who of people) assert.deepEqual(await leave(who), done);
      };
      assertCounts(await tick(), { called: 12, late: 9, front: 21 });
      await leaveAll(1, 2, 3, ...countTo(9, 13));
      assertCounts(await tick(), { called: 12, late: 6, front: 30 });
      await leaveAll(4, 5, 6, ...countTo(9, 22));
      assertCounts(await tick(), { called: 9, late: 3, front: 36 });
      await leaveAll(7, 8, 9, ...countTo(6, 31));
      assertCounts(await tick(), { called: 3, late: 0, front: 36 });
    },
  },
  {
    title: 'people who ask but never come in cannot stop a room: everybody behind them is served',
    keeps: async (room) => {
      const { crowd, appear, claim, leave } = await setStage(room, { activeMax: 3 });
      const [rogues, honest] = [countTo(6), countTo(6, 7)];
      await crowd([...rogues, ...honest]);
      const served: number[] = [];
      for (let times = 0; times < 40 && served.length < honest.length; times++) {
        await room.advance(5000);
        await room.tick(enoughSeats);
        for (const who of rogues) if (wordOf(await appear(who)) === 'late') await claim(who);
        for (const who of honest) {
          if (served.includes(who) || wordOf(await appear(who)) !== 'called') continue;
          passIn(await claim(who));
          await leave(who);
          served.push(who);
        }
      }
      assert.deepEqual(served, honest);
    },
  },
];

const leaving: readonly RoomPromise[] = [
  {
    title: 'leaving a pass, a call, a wait for a second call or the line takes effect once',
    keeps: async (room) => {
      const { crowd, claim, leave, tick, wait, change, appear, read } = await setStage(room);
      await crowd([1, 2]);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      await claim(1);
      await crowd([3, 4]);
      await change({ activeMax: 3 });
      await tick();
      await crowd([5]);
      await change({ activeMax: 1 });
      await claim(3);
      await claim(2);
      assertCounts(await read(), { active: 1, called: 2, late: 1, waiting: 4 });
      for (const who of [3, 4, 1, 2, 5]) {
        assert.deepEqual(await leave(who), done);
        for (const again of [await leave(who), await appear(who)]) assert.deepEqual(again, none);
      }
      assertCounts(await read(), { active: 0, called: 0, late: 0, waiting: 0, admitted: 1 });
    },
  },
  {
    title: 'the front passes over people who left the line, and calls nobody in their place',
    keeps: async (room) => {
      const { crowd, leave, tick, wait, appear } = await setStage(room, { activeMax: 1 });
      await tick(0);
      await crowd([1, 2]);
      await wait(presenceMs);
      await room.tick(0);
      await crowd([3, 4]);
      for (const who of [1, 3]) await leave(who);
      assertCounts(await tick(), { front: 2, called: 1, waiting: 2 });
      await leave(2);
      assertCounts(await tick(), { front: 4, called: 1, waiting: 1 });
      assertStands(await appear(4), 'called');
    },
  },
  {
    title: 'a person who missed the call can leave the line; one who is over has nothing to leave',
    keeps: async (room) => {
      const { crowd, admit, leave, tick, wait, read, complete, pin } = await setStage(room);
      await admit(9);
      await pin(9, 'order_1', startMs);
      await complete(9, 'order_1');
      await crowd([1]);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      assert.deepEqual([await leave(1), await leave(9)], [done, done]);
      assertCounts(await read(), { waiting: 0, called: 0, active: 0, admitted: 1 });
    },
  },
  {
    title: 'nobody can give up another person’s place',
    keeps: async (room) => {
      const { crowd, leave, join, read } = await setStage(room);
      await crowd([1, 2]);
      assert.deepEqual(await leave(1, 1), none);
      assert.deepEqual(await leave(3, 0), none);
      assert.deepEqual(await join(1), placed(0, false));
      assertCounts(await read(), { waiting: 2 });
    },
  },
];

/** How people wait, are called, come late and leave. */
export const turnPromises: readonly RoomPromise[] = [
  ...standing,
  ...claiming,
  ...comingLate,
  ...leaving,
];

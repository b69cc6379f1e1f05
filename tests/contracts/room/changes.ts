import assert from 'node:assert/strict';
import {
  assertCounts,
  assertStands,
  countTo,
  none,
  openControl,
  passIn,
  personOf,
  placed,
  promisedTerms,
  type RoomPromise,
  setStage,
  startMs,
  undrawn,
} from './stage.ts';

const { claimWindowMs, passMaxMs } = promisedTerms;

const byRev: readonly RoomPromise[] = [
  {
    title: 'a room is created with the given settings, and creating it again changes nothing',
    keeps: async (room) => {
      const { created, join, read } = await setStage(room);
      const counts = { tail: 0, front: 0, waiting: 0, called: 0, late: 0, active: 0, admitted: 0 };
      assert.deepEqual(created, {
        ...openControl,
        ...counts,
        nowMs: startMs,
        heldUntilMs: 0,
        lastChangeId: '',
      });
      await join(1);
      const again = await room.create({ ...openControl, rev: 9, phase: 'closed' });
      assert.deepEqual(again, await read());
      assertCounts(again, { rev: 1, phase: 'open', tail: 1 });
    },
  },
  {
    title: 'a change based on an outdated room changes nothing',
    keeps: async (room) => {
      const { read } = await setStage(room);
      const wanted = { changeId: 'a', ifRev: 1, change: { activeMax: 7 } };
      assert.equal((await room.change(wanted)).outcome, 'changed');
      const late = await room.change({ changeId: 'b', ifRev: 1, change: { activeMax: 8 } });
      assert.deepEqual(late, { outcome: 'conflict', state: await read() });
      assertCounts(await read(), { rev: 2, activeMax: 7 });
    },
  },
  {
    title: 'a repeated change is answered as done, and is done once',
    keeps: async (room) => {
      const { read } = await setStage(room);
      const wanted = { changeId: 'a', ifRev: 1, change: { revokesPasses: true, activeMax: 7 } };
      for (let times = 0; times < 3; times++) {
        assert.deepEqual(await room.change(wanted), { outcome: 'changed', state: await read() });
        assertCounts(await read(), { rev: 2, epoch: openControl.epoch + 1, activeMax: 7 });
      }
    },
  },
  {
    title: 'of two changes at the same moment only one is made',
    keeps: async (room) => {
      const { read } = await setStage(room);
      const wanted = (changeId: string) => ({ changeId, ifRev: 1, change: { holdsForMs: 1 } });
      const answers = await Promise.all(['a', 'b'].map((id) => room.change(wanted(id))));
      assert.deepEqual(answers.map(({ outcome }) => outcome).sort(), ['changed', 'conflict']);
      assertCounts(await read(), { rev: 2 });
    },
  },
  {
    title: 'a change sets what it names and nothing else, and is recognised by its id',
    keeps: async (room) => {
      const { change, created } = await setStage(room);
      const message = { ko: '잠시만요 “곧”', en: 'Soon \\ "now"' };
      const fields = { message, pollMultiplier: 1.5, ratePerMinute: 7, overrideUntilMs: 5 };
      const first = { ...created, ...fields, rev: 2, lastChangeId: 'change-1' };
      assert.deepEqual(await change(fields), first);
      const second = { ...first, message: null, rev: 3, lastChangeId: 'change-2' };
      assert.deepEqual(await change({ message: null }), second);
    },
  },
  {
    title: 'holding releases is never shortened by another such change',
    keeps: async (room) => {
      const { change, advance } = await setStage(room);
      assertCounts(await change({ holdsForMs: 9000 }), { heldUntilMs: startMs + 9000 });
      await advance(1000);
      assertCounts(await change({ holdsForMs: 2000 }), { heldUntilMs: startMs + 9000 });
      assertCounts(await change({}), { heldUntilMs: startMs + 9000 });
      assertCounts(await change({ holdsForMs: 9000 }), { heldUntilMs: startMs + 10_000 });
    },
  },
];

const keysOf = (people: readonly number[]): number[] => people.flatMap((who) => [...personOf(who)]);
const nobody = new Array<number>(8).fill(0);

const sealing: readonly RoomPromise[] = [
  {
    title: 'the draw includes everybody who joined before the seal, in that order, left or not',
    keeps: async (room) => {
      const { crowd, leave, change, join } = await setStage(room, { phase: 'lobby', ...undrawn });
      assert.equal((await room.entries()).length, 0);
      await crowd([5, 3, 4]);
      await leave(3);
      await join(3);
      assert.equal((await room.entries()).length, 0);
      assertCounts(await change({ seals: true }), { drawEntries: 4, phase: 'sealed' });
      await crowd([6]);
      assert.deepEqual([...(await room.entries())], keysOf([5, 3, 4, 3]));
      await change({ phase: 'open', drawnAtMs: startMs });
      await crowd([7]);
      assert.deepEqual([...(await room.entries())], keysOf([5, 3, 4, 3]));
    },
  },
  {
    title: 'a seal may open the room at once: then only people in line are in the draw',
    keeps: async (room) => {
      const { change, join, appear } = await setStage(room, { phase: 'idle', ...undrawn });
      const opened = await change({ seals: true, phase: 'open', drawnAtMs: startMs });
      assertCounts(opened, { phase: 'open', drawEntries: 0 });
      await join(1);
      assertStands(await appear(1), 'waiting');
    },
  },
  {
    title: 'a place restored before the draw is in its record, one restored after it is not',
    keeps: async (room) => {
      const { crowd, join, change } = await setStage(room, { phase: 'lobby', ...undrawn });
      const epoch = openControl.epoch - 1;
      await crowd([1]);
      await join(3, { presented: { entry: 2, epoch } });
      await join(6, { presented: { entry: 5, epoch } });
      await change({ seals: true });
      await join(4, { presented: { entry: 3, epoch } });
      await change({ phase: 'open', drawnAtMs: startMs });
      await join(5, { presented: { entry: 4, epoch } });
      const record = [keysOf([1]), nobody, keysOf([3, 4]), nobody, keysOf([6])].flat();
      assert.deepEqual([...(await room.entries())], record);
    },
  },
];

const revoking: readonly RoomPromise[] = [
  {
    title: 'revoking ends every pass at once, and none of them can be restored',
    keeps: async (room) => {
      const { admit, crowd, tick, change, touch, appear, read } = await setStage(room);
      const { endsByMs } = await admit(1);
      await admit(2);
      await crowd([3]);
      await tick();
      const { epoch } = await read();
      const revoked = await change({ revokesPasses: true });
      assertCounts(revoked, { active: 0, called: 1, admitted: 2, waiting: 1 });
      assertCounts(revoked, { epoch: epoch + 1, passEpoch: epoch + 1 });
      assert.deepEqual(await touch(1), none);
      assert.deepEqual(await touch(4, { number: 8, epoch, endsByMs }), none);
      assertStands(await appear(1), 'over');
    },
  },
  {
    title: 'revoking passes ends no call and no place',
    keeps: async (room) => {
      const { crowd, tick, change, claim, join } = await setStage(room, { activeMax: 1 });
      await crowd([1, 2]);
      const { nowMs } = await tick();
      await change({ revokesPasses: true });
      assert.deepEqual(await join(2), placed(1, false));
      assert.equal(passIn(await claim(1)).endsByMs, nowMs + passMaxMs);
    },
  },
];

const recording: readonly RoomPromise[] = [
  {
    title: 'every call is in the record of decisions, with exactly the people called',
    keeps: async (room) => {
      const { crowd, claim, tick, wait } = await setStage(room, { activeMax: 12 });
      await crowd(countTo(14));
      assert.deepEqual(await room.decisions(), []);
      const first = await tick();
      await claim(2);
      await tick();
      await wait(claimWindowMs);
      await room.tick(0);
      await claim(3);
      await claim(1);
      const second = await tick();
      assert.deepEqual(await room.decisions(), [
        {
          atMs: first.nowMs,
          front: 12,
          called: 12,
          active: 0,
          recalled: [],
          released: countTo(12),
        },
        {
          atMs: second.nowMs,
          front: 14,
          called: 4,
          active: 1,
          recalled: [1, 3],
          released: [13, 14],
        },
      ]);
    },
  },
  {
    title: 'at least the newest thousand decisions are kept, oldest first',
    keeps: async (room) => {
      const { joinOf, leave, tick, join } = await setStage(room, { activeMax: 1 });
      for (let number = 1; number <= 1100; number++) {
        if (number === 1) await join(number);
        else await room.play([joinOf(number)]);
        await tick();
        await leave(number, number - 1);
      }
      const released = (await room.decisions()).flatMap((decision) => [...decision.released]);
      assert.deepEqual(released.slice(-1000), countTo(1000, 101));
    },
  },
];

const calls: readonly RoomPromise[] = [
  {
    title: 'the commands of one call are played in order, one answer each',
    keeps: async (room) => {
      const { joinOf } = await setStage(room);
      const person = personOf(1);
      const place = { person, entry: 0, number: 1 };
      const answers = await room.play([
        { kind: 'leave', ...place },
        joinOf(1),
        { kind: 'appear', ...place },
        { kind: 'touch', person, presented: null },
        { kind: 'leave', ...place },
        { kind: 'appear', ...place },
      ]);
      const waiting = { outcome: 'stands', standing: 'waiting', claimByMs: 0, pass: null } as const;
      const expected = [none, placed(0, true), waiting, none, { outcome: 'done' }, none];
      assert.deepEqual(answers, expected);
      assert.deepEqual(await room.play([]), []);
    },
  },
  {
    title: 'reading changes nothing',
    keeps: async (room) => {
      const { crowd, advance, read } = await setStage(room);
      await crowd([1]);
      const before = await read();
      await advance(1);
      await room.entries();
      await room.decisions();
      assert.deepEqual(await read(), { ...before, nowMs: before.nowMs + 1 });
      await advance(-1);
      assert.deepEqual(await read(), before);
    },
  },
];

/** Changes by operators and the service, and what they read. */
export const changePromises: readonly RoomPromise[] = [
  ...byRev,
  ...sealing,
  ...revoking,
  ...recording,
  ...calls,
];

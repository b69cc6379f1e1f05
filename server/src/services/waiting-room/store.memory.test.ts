import type { RoomCommand } from '@usher/domain/room/types.ts';
import { openControl, personOf, promisedTerms } from '@usher/tests/contracts/room/stage.ts';
import { expect, test } from 'vitest';
import { type ManualClock, manualClock, systemClock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import { silentLog } from '../../platform/log.ts';
import { type OpenStore, roomStoreContract } from './store.contract.ts';
import { forgetfulJournal, openMemoryRooms } from './store.memory.ts';
import type { JournalChunk, RoomJournal } from './store.postgres.ts';

const startMs = 1_800_000_000_000;
const showId = 'show_one';

const openOn = async (journal: RoomJournal, clock: ManualClock = manualClock(startMs)) => {
  const store = await openMemoryRooms({
    journal,
    clock,
    log: silentLog,
    owner: 'test',
    terms: promisedTerms,
    isAlone: true,
  });
  return { store, clock, advance: (ms: number) => clock.advance(ms) };
};
const open: OpenStore = ({ nowMs }) => openOn(forgetfulJournal, manualClock(nowMs));

roomStoreContract('memory', open);

const joinOf = (who: number): RoomCommand => ({
  kind: 'join',
  person: personOf(who),
  presented: null,
  replaces: null,
  mayEnter: true,
});
const placed = (entry: number, isNew = true) => [{ outcome: 'placed', entry, isNew }];

/** A journal in memory that a test can stop, break and inspect. */
const makeTestJournal = () => {
  const chunks: JournalChunk[] = [];
  const journal = {
    chunks,
    writes: 0,
    isKept: true,
    /** Called by every write before it is done. */
    before: async (): Promise<void> => undefined,
    take: async () => journal.isKept,
    write: async (_owner: string, _leaseMs: number, given: readonly JournalChunk[]) => {
      journal.writes++;
      await journal.before();
      if (!journal.isKept) return false;
      const seqs = new Set(chunks.map(({ seq }) => seq));
      chunks.push(...given.filter(({ seq }) => !seqs.has(seq)));
      return true;
    },
    readAfter: async (_show: string, seq: number) =>
      chunks.filter((chunk) => chunk.seq > seq).slice(0, 2),
    giveUp: async () => {
      journal.isKept = false;
    },
  };
  return journal;
};
const openRoom = async () => {
  const journal = makeTestJournal();
  const opened = await openOn(journal);
  await opened.store.create(showId, openControl);
  return { ...opened, journal };
};
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};
const down = new Failure('STORE_UNREACHABLE', 'down', { retryable: true });
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await systemClock.sleep(0);
};
const isPending = async (promise: Promise<unknown>): Promise<boolean> => {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  promise.then(end, end);
  await turns();
  return !isOver;
};

test('calls of one turn share a commit, as do all that arrive during a commit', async () => {
  const { store, journal } = await openRoom();
  const { open, opened } = gate();
  const before = journal.writes;
  journal.before = () => opened;
  const first = [1, 2, 3].map((who) => store.play(showId, [joinOf(who)]));
  expect(await isPending(Promise.race(first))).toBe(true);
  const second = [4, 5, 6].map((who) => store.play(showId, [joinOf(who)]));
  await turns();
  expect(journal.writes - before).toBe(1);
  open();
  const answers = await Promise.all([...first, ...second]);
  expect(answers).toEqual([0, 1, 2, 3, 4, 5].map((entry) => placed(entry)));
  expect(journal.writes - before).toBe(2);
});

test('asking, reading and a tick without effect cost no commit', async () => {
  const { store, journal, clock } = await openRoom();
  await store.play(showId, [joinOf(1)]);
  const before = journal.writes;
  await store.play(showId, [joinOf(1)]);
  await store.play(showId, [{ kind: 'appear', person: personOf(1), entry: 0, number: 1 }]);
  await store.tick(showId, 0);
  await clock.advance(300);
  await store.tick(showId, 0);
  await store.read(showId);
  await store.entries(showId);
  await store.decisions(showId);
  expect(journal.writes).toBe(before);
});

test('nobody sees an uncommitted change: neither its caller nor one who asks', async () => {
  const { store, journal } = await openRoom();
  await store.play(showId, [joinOf(1)]);
  const { open, opened } = gate();
  journal.before = () => opened;
  const calls = [
    store.tick(showId, 9),
    store.read(showId),
    store.play(showId, [{ kind: 'appear', person: personOf(1), entry: 0, number: 1 }]),
    store.decisions(showId),
  ];
  for (const call of calls) expect(await isPending(call)).toBe(true);
  expect(journal.chunks).toHaveLength(2);
  open();
  expect(await calls[1]).toMatchObject({ front: 1, called: 1 });
  expect(journal.chunks).toHaveLength(3);
});

test('an uncommitted change is not answered, and goes with the next attempt', async () => {
  const { store, journal } = await openRoom();
  journal.before = async () => Promise.reject(down);
  await expect(store.play(showId, [joinOf(1)])).rejects.toBe(down);
  await expect(store.read(showId)).rejects.toBe(down);
  expect(journal.chunks).toHaveLength(1);
  journal.before = async () => undefined;
  expect(await store.play(showId, [joinOf(2)])).toEqual(placed(1));
  expect(await store.play(showId, [joinOf(1)])).toEqual(placed(0, false));
  expect(journal.chunks.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  const again = await openOn({ ...journal, take: async () => true });
  expect(await again.store.play(showId, [joinOf(1), joinOf(2)])).toEqual([
    ...placed(0, false),
    ...placed(1, false),
  ]);
});

test('a commit whose answer was lost is applied once', async () => {
  const { store, journal } = await openRoom();
  const { write } = journal;
  journal.write = async (...given) => {
    await write(...given);
    throw down;
  };
  await expect(store.play(showId, [joinOf(1)])).rejects.toBe(down);
  journal.write = write;
  expect(await store.play(showId, [joinOf(2)])).toEqual(placed(1));
  expect(journal.chunks.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test('a failed commit is retried even if no further call arrives', async () => {
  const { store, journal, clock } = await openRoom();
  journal.before = async () => Promise.reject(down);
  await expect(store.play(showId, [joinOf(1)])).rejects.toBe(down);
  journal.before = async () => undefined;
  await clock.advance(1000);
  await turns();
  expect(journal.chunks).toHaveLength(2);
});

test('while the database is unreachable, memory use stays bounded', async () => {
  const { store, journal } = await openRoom();
  journal.before = async () => Promise.reject(down);
  const crowd = Array.from({ length: 60_000 }, (_, who) => joinOf(who));
  await expect(store.play(showId, crowd.slice(0, 1000))).rejects.toBe(down);
  await expect(store.play(showId, crowd)).rejects.toBe(down);
  await expect(store.play(showId, crowd)).rejects.toBe(down);
  const more = Array.from({ length: 60_000 }, (_, who) => joinOf(100_000 + who));
  await expect(store.play(showId, more)).rejects.toBe(down);
  await expect(store.play(showId, [joinOf(1)])).rejects.toMatchObject({ code: 'OVERLOADED' });
});

test('a process that is not the keeper refuses all calls, and takes over when it can', async () => {
  const { journal, store: keeper } = await openRoom();
  await keeper.play(showId, [joinOf(1)]);
  journal.isKept = false;
  const { store, clock } = await openOn(journal);
  const elsewhere = { code: 'ROOM_ELSEWHERE', retryable: true };
  for (const call of [
    () => store.play(showId, [joinOf(1)]),
    () => store.tick(showId, 1),
    () => store.read(showId),
    () => store.create(showId, openControl),
    () => store.entries(showId),
  ])
    await expect(call()).rejects.toMatchObject(elsewhere);
  await clock.advance(1000);
  await expect(store.read(showId)).rejects.toMatchObject(elsewhere);
  journal.isKept = true;
  await clock.advance(1000);
  await turns();
  expect(await store.play(showId, [joinOf(1)])).toEqual(placed(0, false));
});

test('a keeper that has lost the journal notices it when it writes', async () => {
  const { store, journal } = await openRoom();
  journal.isKept = false;
  const elsewhere = { code: 'ROOM_ELSEWHERE', retryable: true };
  await expect(store.play(showId, [joinOf(1)])).rejects.toMatchObject(elsewhere);
  await expect(store.read(showId)).rejects.toMatchObject(elsewhere);
  expect(journal.chunks).toHaveLength(1);
});

test('a keeper that slept longer than its lease verifies the lease before it answers', async () => {
  const journal = makeTestJournal();
  // In a stopped process only the clock goes on.
  const stopped = manualClock(startMs);
  let sleptMs = 0;
  const monotonicMs = (): number => stopped.monotonicMs() + sleptMs;
  const { store } = await openOn(journal, { ...stopped, monotonicMs });
  await store.create(showId, openControl);
  const before = journal.writes;
  sleptMs = 4999;
  await store.read(showId);
  expect(journal.writes).toBe(before);
  sleptMs = 5001;
  await store.read(showId);
  expect(journal.writes).toBe(before + 1);
  journal.isKept = false;
  sleptMs = 10_003;
  await expect(store.read(showId)).rejects.toMatchObject({ code: 'ROOM_ELSEWHERE' });
});

test('the lease is renewed once a second while the rooms are idle', async () => {
  const { journal, clock } = await openRoom();
  const before = journal.writes;
  for (let second = 0; second < 10; second++) {
    await clock.advance(1000);
    await turns();
  }
  expect(journal.writes - before).toBe(10);
});

test('closing waits for commits in progress, and releases the journal to others', async () => {
  const { store, journal } = await openRoom();
  const { open, opened } = gate();
  journal.before = () => opened;
  const joining = store.play(showId, [joinOf(1)]);
  await turns();
  const closing = store.close();
  expect(await isPending(closing)).toBe(true);
  open();
  expect(await joining).toEqual(placed(0));
  await closing;
  await store.close();
  expect(journal.isKept).toBe(false);
  await expect(store.read(showId)).rejects.toMatchObject({ code: 'ROOM_ELSEWHERE' });
});

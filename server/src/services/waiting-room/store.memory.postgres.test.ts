import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { RoomAnswer, RoomCommand, RoomPass } from '@usher/domain/room/types.ts';
import {
  countTo,
  openControl,
  personOf,
  promisedTerms,
  startMs,
} from '@usher/tests/contracts/room/stage.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import type { RoomLine } from '@usher/tests/support/room-program.ts';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { until } from '@usher/tests/support/until.ts';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { type Database, openDatabase } from '../../platform/postgres/sql.ts';
import { roomStoreContract } from './store.contract.ts';
import { openMemoryRooms } from './store.memory.ts';
import { makeRoomJournal, type RoomJournal } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

const openDb = async () => {
  const { url } = await makeTestDatabase();
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
  afterThisFile(db.close);
  return { url, db };
};
let owners = 0;
const openOn = async (
  db: Database,
  options: { nowMs?: number; isAlone?: boolean; journal?: RoomJournal } = {},
) => {
  owners++;
  const clock = manualClock(options.nowMs ?? startMs);
  const store = await openMemoryRooms({
    journal: options.journal ?? makeRoomJournal(db),
    clock,
    log: silentLog,
    owner: `test ${owners}`,
    terms: promisedTerms,
    isAlone: options.isAlone ?? true,
  });
  return { store, clock, advance: (ms: number) => clock.advance(ms) };
};

const contractDb = (await openDb()).db;
let last: RoomStore | null = null;
roomStoreContract('memory with its journal in PostgreSQL', async ({ nowMs }) => {
  await last?.close();
  const opened = await openOn(contractDb, { nowMs });
  last = opened.store;
  return opened;
});

const joinOf = (who: number): RoomCommand => ({
  kind: 'join',
  person: personOf(who),
  presented: null,
  replaces: null,
  mayEnter: true,
});
const placed = (entry: number, isNew = true): RoomAnswer => ({ outcome: 'placed', entry, isNew });
const showId = 'show_one';
const elsewhere = { code: 'ROOM_ELSEWHERE', retryable: true };
/** Simulates a keeper that has not written for longer than its lease. */
const endLease = (db: Database) =>
  db.query(`UPDATE waiting_room.keeper SET until = clock_timestamp() - interval '1 ms'`);
const whenKept = (store: RoomStore) =>
  until('the journal is taken over', () =>
    store.read(showId).then(
      () => true,
      () => false,
    ),
  );

describe('after a kill -9 with 10,000 in line', () => {
  const program = fileURLToPath(
    new URL('../../../../tests/support/room-program.ts', import.meta.url),
  );
  /**
   * Starts the crowd and kills the program in the middle; returns everything the program printed.
   */
  const killed = async (url: string, rounds: number, how: string): Promise<RoomLine[]> => {
    const said = join(await scratchFolder(), 'said');
    const file = openSync(said, 'w');
    const child = spawn(process.execPath, [program, url, how], {
      stdio: ['ignore', file, 'inherit', 'ipc'],
    });
    closeSync(file);
    const ended = once(child, 'close');
    afterThisFile(() => void child.kill('SIGKILL'));
    child.on('message', (round) => round === rounds && child.kill('SIGKILL'));
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    const text = readFileSync(said, 'utf8');
    // The last line may be cut.
    const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
    return lines.map((line) => JSON.parse(line) as RoomLine);
  };

  type Known = {
    entry: number | null;
    /** Commands without an answer: they may have taken effect. */
    open: number;
    isOut: boolean;
    isOver: boolean;
    pass: RoomPass | null;
    claimByMs: number;
    isLate: boolean;
  };
  /** What each person knew of their own place when the program was killed. */
  const knownFrom = (lines: readonly RoomLine[]) => {
    const people = new Map<number, Known>();
    const of = (who: number): Known => {
      const known = people.get(who) ?? {
        entry: null,
        open: 0,
        isOut: false,
        isOver: false,
        pass: null,
        claimByMs: 0,
        isLate: false,
      };
      people.set(who, known);
      return known;
    };
    let ticked = { nowMs: startMs, front: 0 };
    let isTicking = false;
    for (const line of lines) {
      if ('ticking' in line) isTicking = true;
      else if ('ticked' in line) [ticked, isTicking] = [line.ticked, false];
      else if ('asked' in line) of(line.asked).open++;
      else {
        const known = of(line.answered);
        known.open--;
        hear(known, line.kind, line.answer);
      }
    }
    return { people, ticked, isTicking };
  };
  const hear = (known: Known, kind: RoomCommand['kind'], answer: RoomAnswer): void => {
    if (answer.outcome === 'placed') known.entry = answer.entry;
    if (answer.outcome === 'placed' && answer.isNew)
      Object.assign(known, { isOut: false, isOver: false, isLate: false, claimByMs: 0 });
    if (answer.outcome === 'live') known.pass = answer.pass;
    if (answer.outcome === 'stands') {
      known.pass = answer.pass;
      known.claimByMs = answer.claimByMs;
      known.isOver = answer.standing === 'over';
      if (kind === 'claim') known.isLate = answer.standing === 'late';
    }
    if (answer.outcome === 'done') {
      if (kind === 'leave') known.isOut = true;
      else known.isOver = true;
      known.pass = null;
    }
  };

  /** Every answer that no longer holds, and every count that does not match the people. */
  const lostIn = async (db: Database, lines: readonly RoomLine[]): Promise<string[]> => {
    const { people, ticked, isTicking } = knownFrom(lines);
    const { store } = await openOn(db, { nowMs: ticked.nowMs });
    afterThisFile(store.close);
    const room = 'show_crowd';
    const faults: string[] = [];
    const state = await store.read(room);
    if (state === null) return ['the room is gone'];
    const isFrontKept = isTicking ? state.front >= ticked.front : state.front === ticked.front;
    if (!isFrontKept) faults.push(`front ${ticked.front} is ${state.front}`);
    const counts: Record<string, number> = {};
    for (const [who, known] of people) {
      if (known.entry === null) continue;
      const person = personOf(who);
      const place = { person, entry: known.entry, number: known.entry + 1 };
      const [stands] = await store.play(room, [{ kind: 'appear', ...place }]);
      const word = stands?.outcome === 'stands' ? stands.standing : 'none';
      counts[word] = (counts[word] ?? 0) + 1;
      if (known.open > 0) continue;
      const tell = (what: string): number =>
        faults.push(`${who}: ${what} is ${JSON.stringify(stands)}`);
      if (known.isOut) {
        if (word !== 'none') tell('who left');
        continue;
      }
      const [again] = await store.play(room, [joinOf(who)]);
      if (!isDeepStrictEqual(again, placed(known.entry, false)))
        faults.push(`${who}: the place ${known.entry} is ${JSON.stringify(again)}`);
      if (known.pass !== null) {
        const isKept = stands?.outcome === 'stands' && isDeepStrictEqual(stands.pass, known.pass);
        if (!isKept) tell(`the pass ${JSON.stringify(known.pass)}`);
      } else if (known.isOver) {
        if (word !== 'over') tell('who is over');
      } else if (known.claimByMs > state.nowMs) {
        const isKept = stands?.outcome === 'stands' && stands.claimByMs === known.claimByMs;
        if (!isKept) tell(`the call until ${known.claimByMs}`);
      } else if (known.isLate && word === 'over') {
        // Called a second time, and not there: the place is lost.
      } else if (place.number > state.front ? word !== 'waiting' : !/called|late/.test(word))
        tell(`who waits at ${place.number} with the front at ${state.front}`);
    }
    const open = [...people.values()].filter((known) => known.open > 0).length;
    const waiting = (counts['waiting'] ?? 0) + (counts['called'] ?? 0) + (counts['late'] ?? 0);
    // A person who joined without a response is counted but has no place.
    for (const [name, found, told] of [
      ['waiting', waiting, state.waiting],
      ['called', counts['called'] ?? 0, state.called],
      ['active', counts['active'] ?? 0, state.active],
    ] as const)
      if (Math.abs(found - told) > open) faults.push(`${told} ${name}, and ${found} are`);
    faults.push(...(await unservedLate(store, people, room)));
    return faults;
  };
  /** The late people who had claimed: they are called before anybody else. */
  const unservedLate = async (
    store: RoomStore,
    people: ReadonlyMap<number, Known>,
    room: string,
  ): Promise<string[]> => {
    const late = [...people].filter(([, { isLate, open, isOut, pass, isOver }]) => {
      return isLate && open === 0 && !isOut && pass === null && !isOver;
    });
    const { rev = 0, late: count = 0 } = (await store.read(room)) ?? {};
    await store.change(room, { changeId: 'x', ifRev: rev, change: { activeMax: 100_000 } });
    const faults: string[] = [];
    for (const [who, { entry }] of late) {
      const place = { person: personOf(who), entry: entry ?? 0, number: (entry ?? 0) + 1 };
      const [answer] = await store.play(room, [{ kind: 'claim', ...place }]);
      const word = answer?.outcome === 'stands' ? answer.standing : 'none';
      // Called again in the meantime: the claim took the pass, or came too late for it.
      if (!['late', 'active', 'over'].includes(word)) faults.push(`${who}: late is ${word}`);
    }
    const after = (await store.read(room))?.late ?? 0;
    if (after !== count) faults.push(`${after - count} late people were forgotten`);
    return faults;
  };

  test('every place, pass, call and late person is as answered, whenever it comes', async () => {
    for (const rounds of [1, 40, 160]) {
      const { url, db } = await openDb();
      const lines = await killed(url, rounds, '');
      const { people, ticked } = knownFrom(lines);
      expect(people.size).toBe(10_000);
      expect(await lostIn(db, lines)).toEqual([]);
      if (rounds < 160) continue;
      const all = [...people.values()];
      expect(ticked.front).toBeGreaterThan(400);
      for (const seen of ['pass', 'isOver', 'isOut', 'isLate'] as const)
        expect(all.filter((known) => known[seen]).length).toBeGreaterThan(0);
    }
  });

  test('the check detects the losses of a journal that answers before its commit', async () => {
    const { url, db } = await openDb();
    const lines = await killed(url, 40, 'early');
    expect(await lostIn(db, lines)).not.toEqual([]);
  });
});

describe('one keeper', () => {
  test('keeps the rooms; when it is gone, the next keeper finds them unchanged', async () => {
    const { db } = await openDb();
    const first = await openOn(db);
    await first.store.create(showId, openControl);
    await first.store.play(showId, countTo(3).map(joinOf));
    const second = await openOn(db, { isAlone: false });
    await expect(second.store.read(showId)).rejects.toMatchObject(elsewhere);
    await second.clock.advance(1000);
    await expect(second.store.play(showId, [joinOf(1)])).rejects.toMatchObject(elsewhere);
    await endLease(db);
    await second.clock.advance(1000);
    await whenKept(second.store);
    const answers = await second.store.play(showId, [3, 2, 1, 4].map(joinOf));
    const entries = [placed(2, false), placed(1, false), placed(0, false), placed(3)];
    expect(answers).toEqual(entries);
    await second.store.close();
    await first.store.close();
  });

  test('that closes lets the next keeper start at once', async () => {
    const { db } = await openDb();
    const first = await openOn(db);
    await first.store.create(showId, openControl);
    await first.store.close();
    const second = await openOn(db, { isAlone: false });
    expect(await second.store.read(showId)).toMatchObject({ rev: 1 });
    await second.store.close();
  });

  /**
   * A keeper whose process was paused while another one took over: it still believes it is the
   * keeper.
   */
  const asleep = async (journalOf: (db: Database) => RoomJournal) => {
    const { db } = await openDb();
    const sleeper = await openOn(db, { journal: journalOf(db) });
    await sleeper.store.create(showId, openControl);
    await sleeper.store.play(showId, [joinOf(1)]);
    await endLease(db);
    const next = await openOn(db, { isAlone: false });
    const told = await next.store.play(showId, [joinOf(2)]);
    expect(told).toEqual([placed(1)]);
    return { db, sleeper: sleeper.store, next: next.store };
  };
  test('that was paused and lost its lease writes nothing and answers nobody', async () => {
    const { db, sleeper, next } = await asleep(makeRoomJournal);
    await expect(sleeper.play(showId, [joinOf(3)])).rejects.toMatchObject(elsewhere);
    await expect(sleeper.read(showId)).rejects.toMatchObject(elsewhere);
    expect(await next.play(showId, [joinOf(3)])).toEqual([placed(2)]);
    await next.close();
    const after = await openOn(db);
    const answers = await after.store.play(showId, countTo(3).map(joinOf));
    expect(answers).toEqual([placed(0, false), placed(1, false), placed(2, false)]);
    await after.store.close();
    await sleeper.close();
  });
  test('guard off: a journal that does not check its keeper gives a place away twice', async () => {
    const careless = (db: Database): RoomJournal => {
      const journal = makeRoomJournal(db);
      return {
        ...journal,
        write: async (_owner, leaseMs, chunks) => {
          const [kept] = await db.query<{ owner: string }>('SELECT owner FROM waiting_room.keeper');
          return journal.write(kept?.owner ?? '', leaseMs, chunks);
        },
      };
    };
    const { sleeper, next } = await asleep(careless);
    expect(await sleeper.play(showId, [joinOf(3)])).toEqual([placed(1)]);
    await next.close();
    await sleeper.close();
  });

  test('wins when several processes start at the same moment', async () => {
    const { db } = await openDb();
    const all = await Promise.all(countTo(6).map(() => openOn(db, { isAlone: false })));
    const created = await Promise.allSettled(
      all.map(({ store }) => store.create(showId, openControl)),
    );
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(all.map(({ store }) => store.close()));
  });
});

describe('the journal', () => {
  test('of any length is read back to its end, room by room', async () => {
    const { db } = await openDb();
    const { store } = await openOn(db);
    const shows = ['show_a', 'show_b', 'show_c'];
    for (const show of shows) await store.create(show, openControl);
    // One commit each, so that there are more than one page of them.
    for (const who of countTo(400))
      await Promise.all(shows.map((show) => store.play(show, [joinOf(who)])));
    const [chunks] = await db.query<{ count: number }>('SELECT count(*) FROM waiting_room.journal');
    expect(chunks?.count).toBe(1203);
    await store.close();
    const after = await openOn(db);
    for (const show of shows) {
      const answers = await after.store.play(show, countTo(400).map(joinOf));
      expect(answers).toEqual(countTo(400, 0).map((entry) => placed(entry, false)));
    }
    await after.store.close();
  });

  test('that is rewritten after a lost answer contains everything once', async () => {
    const { db } = await openDb();
    const journal = makeRoomJournal(db);
    expect(await journal.take('me', 5000, false)).toBe(true);
    const chunk = (seq: number) => ({ showId, seq, records: new Uint8Array([seq]) });
    expect(await journal.write('me', 5000, [chunk(1)])).toBe(true);
    expect(await journal.write('me', 5000, [chunk(1), chunk(2)])).toBe(true);
    expect(await journal.write('you', 5000, [chunk(3)])).toBe(false);
    const read = await journal.readAfter('', 0);
    expect(read.map(({ seq, records }) => [seq, ...records])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });
});

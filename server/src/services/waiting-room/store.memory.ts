import {
  makeRestoringMachine,
  makeRoomMachine,
  type RoomMachine,
} from '@usher/domain/room/machine.ts';
import type { RoomTerms } from '@usher/domain/room/types.ts';
import { type Batcher, makeBatcher } from '../../platform/batcher.ts';
import { type Clock, makeLoop } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import type { Worker } from '../../platform/worker.ts';
import type { JournalChunk, RoomJournal } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

/** A keeper that does not write for this long loses the journal; every write renews the lease. */
const leaseMs = 5000;
const renewEveryMs = 1000;
/** Of one room, while the database is unavailable: about 100,000 people who joined. */
const unwrittenMaxBytes = 1_000_000;
/**
 * Calls that wait for a commit: 25,000 a second while the database does not respond for 8 seconds.
 */
const waitingMax = 200_000;

type Room = {
  showId: string;
  machine: RoomMachine;
  /** Of the next chunk. */
  seq: number;
  /** Taken from the machine and not known to be committed; they are retried unchanged. */
  unwritten: JournalChunk[];
};

/** From taking over the journal until losing it: memory and journal hold the same. */
type Reign = {
  owner: string;
  rooms: Map<string, Room>;
  /** On the monotonic clock; until then nobody else can be the keeper. */
  leaseEndsMs: number;
  commits: Batcher<null, null>;
  isOver: boolean;
};

const elsewhere = (): Failure =>
  new Failure('ROOM_ELSEWHERE', 'another process keeps the waiting rooms', { retryable: true });

type Kit = { clock: Clock; terms: RoomTerms; journal: RoomJournal };

/** Writes what is pending, or at least verifies that we are still the keeper. */
const commit = async ({ clock, journal }: Kit, reign: Reign): Promise<void> => {
  if (reign.isOver) throw elsewhere();
  for (const room of reign.rooms.values()) {
    if (room.machine.recordBytes === 0) continue;
    const { showId, machine } = room;
    room.unwritten.push({ showId, seq: room.seq++, records: machine.takeRecords() });
  }
  const rooms = [...reign.rooms.values()].filter((room) => room.unwritten.length > 0);
  const nowMs = clock.monotonicMs();
  if (rooms.length === 0 && nowMs < reign.leaseEndsMs - leaseMs + renewEveryMs) return;
  const chunks = rooms.flatMap((room) => room.unwritten);
  if (!(await journal.write(reign.owner, leaseMs, chunks))) {
    reign.isOver = true;
    throw elsewhere();
  }
  reign.leaseEndsMs = nowMs + leaseMs;
  for (const room of rooms) room.unwritten = [];
};

/**
 * Takes over the journal if nobody keeps it, and rebuilds the rooms from it. Null: another process
 * keeps it.
 */
const beginReign = async (kit: Kit, owner: string, isAlone: boolean): Promise<Reign | null> => {
  const { clock, terms, journal } = kit;
  const nowMs = clock.monotonicMs();
  if (!(await journal.take(owner, leaseMs, isAlone))) return null;
  const rooms = new Map<string, Room>();
  const reign: Reign = {
    owner,
    rooms,
    leaseEndsMs: nowMs + leaseMs,
    isOver: false,
    commits: makeBatcher<null, null>({
      name: 'waiting rooms',
      run: async (items) => {
        await commit(kit, reign);
        return items.map(() => null);
      },
      sizeMax: waitingMax,
      waitingMax,
      inFlightMax: 1,
    }),
  };
  let [showId, seq] = ['', 0];
  for (;;) {
    const page = await journal.readAfter(showId, seq);
    for (const chunk of page) {
      const room = rooms.get(chunk.showId) ?? {
        showId: chunk.showId,
        machine: makeRestoringMachine(terms),
        seq: 0,
        unwritten: [],
      };
      rooms.set(chunk.showId, room);
      room.machine.restore(chunk.records);
      room.seq = chunk.seq + 1;
      [showId, seq] = [chunk.showId, chunk.seq];
    }
    if (page.length === 0) break;
    // A long journal takes longer than the lease.
    await commit(kit, reign);
  }
  for (const { machine } of rooms.values()) machine.resume(clock.nowMs());
  return reign;
};

/**
 * Rooms over a journal. A call is answered after its changes are committed, together with the
 * changes of others that it may have seen. Calls of one turn of the event loop, and all that arrive
 * during a commit, share the next one. Throws ROOM_ELSEWHERE while another process keeps the rooms,
 * ROOM_UNKNOWN, and the database's failures: the changes of a failed call stay in memory and go
 * with the next commit; a retry gets the answer.
 */
const makeRooms = (kit: Kit, log: Log, begin: () => Promise<Reign | null>) => {
  const { clock, terms } = kit;
  let reign: Reign | null = null;

  const keep = async (): Promise<void> => {
    if (reign?.isOver) {
      log.warn({ owner: reign.owner }, 'lost the lease on the waiting rooms to another process');
      reign = null;
    }
    if (reign !== null) {
      await reign.commits.add(null);
      return;
    }
    reign = await begin();
    if (reign === null) return;
    log.info(
      { owner: reign.owner, rooms: reign.rooms.size },
      'this process now keeps the waiting rooms',
    );
  };
  const reignOf = (): Reign => {
    if (reign === null || reign.isOver) throw elsewhere();
    return reign;
  };
  const roomOf = (current: Reign, showId: string): Room => {
    const room = current.rooms.get(showId);
    if (room === undefined)
      throw new Failure('ROOM_UNKNOWN', `${showId} has no room`, { retryable: false });
    return room;
  };
  /** Resolves when nothing in the answer can be lost any more. */
  const settled = async <Answer>(
    current: Reign,
    room: Room | undefined,
    answer: Answer,
  ): Promise<Answer> => {
    const isWritten =
      room === undefined || (room.machine.recordBytes === 0 && room.unwritten.length === 0);
    if (!isWritten || clock.monotonicMs() >= current.leaseEndsMs) await current.commits.add(null);
    return answer;
  };
  const withRoom = async <Answer>(
    showId: string,
    work: (machine: RoomMachine, nowMs: number) => Answer,
  ): Promise<Answer> => {
    const current = reignOf();
    const room = roomOf(current, showId);
    const unwritten = room.unwritten.reduce((sum, { records }) => sum + records.length, 0);
    if (unwritten + room.machine.recordBytes > unwrittenMaxBytes)
      throw new Failure('OVERLOADED', 'the database cannot keep up', { retryable: true });
    return settled(current, room, work(room.machine, clock.nowMs()));
  };

  const store: RoomStore = {
    play: (showId, commands) => withRoom(showId, (machine, now) => machine.play(commands, now)),
    tick: (showId, seatsLeft) => withRoom(showId, (machine, now) => machine.tick(seatsLeft, now)),
    read: async (showId) => {
      const current = reignOf();
      const room = current.rooms.get(showId);
      return settled(current, room, room?.machine.state(clock.nowMs()) ?? null);
    },
    change: (showId, wanted) => withRoom(showId, (machine, now) => machine.change(wanted, now)),
    create: async (showId, control) => {
      const current = reignOf();
      if (!current.rooms.has(showId)) {
        const machine = makeRoomMachine(control, terms);
        current.rooms.set(showId, { showId, machine, seq: 1, unwritten: [] });
      }
      return withRoom(showId, (machine, now) => machine.begin(now));
    },
    entries: (showId) => withRoom(showId, (machine) => machine.entries()),
    decisions: (showId) => withRoom(showId, (machine) => machine.decisions()),
    close: async () => {
      if (reign === null || reign.isOver) return;
      await reign.commits.close();
      await kit.journal.giveUp(reign.owner);
      reign.isOver = true;
    },
  };
  return { store, keep };
};

/** Stores nothing: its rooms end with the process. For benchmarks and tests without a database. */
export const forgetfulJournal: RoomJournal = {
  take: async () => true,
  write: async () => true,
  readAfter: async () => [],
  giveUp: async () => undefined,
};

type MemoryRoomsOptions = {
  journal: RoomJournal;
  clock: Clock;
  log: Log;
  /** Unique to this process; a new one after every start. */
  owner: string;
  terms: RoomTerms;
  /** No other process uses the database, so the previous keeper of the journal has exited. */
  isAlone: boolean;
};

/**
 * The rooms in this process's memory. Until `keep` is called it takes over no rooms, and every call
 * throws ROOM_ELSEWHERE. `keep` fails if the journal does; a process that is not the keeper keeps
 * trying, and takes over when the keeper's lease has expired.
 */
export const makeMemoryRooms = (
  options: MemoryRoomsOptions,
): RoomStore & { keep(): Promise<Worker> } => {
  const { journal, clock, log, terms } = options;
  const kit: Kit = { clock, terms, journal };
  let reigns = 0;
  const begin = (): Promise<Reign | null> => {
    reigns++;
    return beginReign(kit, `${options.owner} ${reigns}`, options.isAlone && reigns === 1);
  };
  const { store, keep } = makeRooms(kit, log, begin);
  return {
    ...store,
    keep: async () => {
      await keep();
      return makeLoop({
        clock,
        everyMs: renewEveryMs,
        run: keep,
        onError: (error) => log.warn({ err: error }, 'waiting-room journal unreachable'),
      });
    },
  };
};

/** The same, as the keeper from now on until it is closed. */
export const openMemoryRooms = async (options: MemoryRoomsOptions): Promise<RoomStore> => {
  const store = makeMemoryRooms(options);
  const keeping = await store.keep();
  return {
    ...store,
    close: async () => {
      await keeping.stop();
      await store.close();
    },
  };
};

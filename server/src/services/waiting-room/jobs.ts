import type { RoomNow } from '@usher/contract/waiting-room.ts';
import { type Draw, makeDraw, permutationAgain } from '@usher/domain/draw.ts';
import * as limits from '@usher/domain/room/constants.ts';
import { makeRate } from '@usher/domain/room/eta.ts';
import { controlOf, isRunning, totalOf } from '@usher/domain/room/now.ts';
import { openingHoldMs } from '@usher/domain/room/poll-policy.ts';
import type { RoomState } from '@usher/domain/room/types.ts';
import { type Clock, makeLoop } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import { sha256 } from '../../platform/hash.ts';
import type { Log } from '../../platform/log.ts';
import { makeThread } from '../../platform/thread.ts';
import type { OrderEnds, RoomRow, RoomRows } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

/** In a thread; see makeThread. */
export const drawIt = (input: { serverSeed: string; keys: Uint8Array }): Draw =>
  makeDraw(sha256, input);
export const drawAgain = (input: { seed: string; entries: number }): Uint32Array =>
  permutationAgain(sha256, input);
const drawInThread = makeThread<Parameters<typeof drawIt>[0], Draw>(import.meta.url, 'drawIt');
const drawAgainInThread = makeThread<Parameters<typeof drawAgain>[0], Uint32Array>(
  import.meta.url,
  'drawAgain',
);

/**
 * The opening is two changes, the sealing and the draw. The draw is named after the change before
 * it, so that whoever sealed the room can learn that it was they who opened it.
 */
export const drawIdOf = (sealedBy: string): string => `draw after ${sealedBy}`;

/** A room as this process sees it, at most some hundred ms old. */
export type LiveRoom = {
  readonly showId: string;
  row: RoomRow;
  /** What the store answered last; null until it has, and when it has been away for long. */
  state: RoomState | null;
  /** By our clock that only goes forward. */
  seenAtMs: number;
  /** The store's clock less ours. */
  skewMs: number;
  left: ReadonlyMap<string, number> | null;
  /** Numbers by entry; null before the draw. */
  permutation: Uint32Array | null;
  /** Of the entries of the draw, since somebody asked for its record. */
  keys: Uint8Array | null;
  /** Under way: the draw, or its numbers after a restart. */
  drawing: Promise<void> | null;
  fronts: ReturnType<typeof makeRate>;
  admissions: ReturnType<typeof makeRate>;
  now: RoomNow | null;
  ready: { body: Buffer; etag: string } | null;
  /** What is in `ready`, but for the time of day. */
  said: string;
  /** Holds taken before this, by the database's clock, are ordered without a pass. */
  passesFromMs: number;
  /** What the streams were last told, and when. */
  framed: string;
  framedAtMs: number;
  savedAtMs: number;
  saved: { rev: number; tail: number; front: number };
  /** Whether the log has been told that the store does not answer. */
  isLost: boolean;
};

/** Throws while the store is out of reach: nobody can be told anything then. */
export const stateOf = (room: LiveRoom): RoomState => {
  if (room.state !== null) return room.state;
  throw new Failure('ROOM_UNREACHABLE', 'the waiting room does not answer', { retryable: true });
};

export type RoomsDeps = {
  store: RoomStore;
  rows: RoomRows;
  /** Seats that can still be sold, by grade; null while it is not known. */
  left: (showId: string) => Promise<ReadonlyMap<string, number> | null>;
  /** Tells everybody what a room is now; null: that it is out of reach. */
  publish: (room: LiveRoom, state: RoomState | null) => void;
  clock: Clock;
  log: Log;
};

const makeLiveRoom = (row: RoomRow): LiveRoom => ({
  showId: row.showId,
  row,
  state: null,
  seenAtMs: 0,
  skewMs: 0,
  left: null,
  permutation: null,
  keys: null,
  drawing: null,
  fronts: makeRate(),
  admissions: makeRate(),
  now: null,
  ready: null,
  said: '',
  passesFromMs: row.enabledAtMs + limits.passesGraceMs,
  framed: '',
  framedAtMs: 0,
  savedAtMs: 0,
  isLost: false,
  saved: { rev: row.control.rev, tail: row.tail, front: row.front },
});

/** The rooms of the program: what this process knows of them, and what brings them on. */
export const makeRooms = (deps: RoomsDeps) => {
  const { store, rows, publish, clock, log } = deps;
  const rooms = new Map<string, LiveRoom>();

  const learn = (row: RoomRow): LiveRoom => {
    const room = rooms.get(row.showId) ?? makeLiveRoom(row);
    rooms.set(row.showId, room);
    room.row = row;
    return room;
  };

  /** Takes up what the store says of a room. */
  const note = async (room: LiveRoom, state: RoomState): Promise<void> => {
    // An answer that was overtaken by a newer one.
    if (room.state !== null && state.nowMs < room.state.nowMs) return;
    if (room.state?.override === 'bypass' && state.override !== 'bypass')
      room.passesFromMs = clock.nowMs() + limits.passesGraceMs;
    if (room.state !== null && state.epoch !== room.state.epoch)
      Object.assign(room, { fronts: makeRate(), admissions: makeRate() });
    const atMs = clock.monotonicMs();
    Object.assign(room, { state, seenAtMs: atMs, isLost: false });
    room.skewMs = state.nowMs - clock.nowMs();
    const sample = { atMs: state.nowMs, isRunning: isRunning(state) };
    room.fronts.add({ ...sample, front: state.front });
    room.admissions.add({ ...sample, front: state.admitted });
    if (state.drawnAtMs > 0 && room.permutation === null) makeNumbersAgain(room, state);
    publish(room, state);
    const { rev, tail, front } = room.saved;
    const isFurther = state.tail > tail || state.front > front;
    if (state.rev <= rev && !(isFurther && atMs - room.savedAtMs >= limits.rowsEveryMs)) return;
    await rows.save(room.showId, { control: controlOf(state), ...state });
    room.saved = { rev: state.rev, tail: state.tail, front: state.front };
    room.savedAtMs = atMs;
  };

  const drawOnce = (room: LiveRoom, work: () => Promise<void>): Promise<void> => {
    room.drawing ??= work().finally(() => {
      room.drawing = null;
    });
    return room.drawing;
  };
  /** After a restart, or a draw that another process made. */
  const makeNumbersAgain = (room: LiveRoom, state: RoomState): void => {
    const input = { seed: state.seed, entries: state.drawEntries };
    if (input.entries <= limits.threadEntries) {
      room.permutation = drawAgain(input);
      return;
    }
    drawOnce(room, async () => {
      room.permutation = await drawAgainInThread(input);
    }).catch((error: unknown) => log.error({ err: error }, 'numbers could not be made again'));
  };

  /** Any process may do it, and all come to the same numbers; the store takes the first. */
  const draw = async (room: LiveRoom, sealed: RoomState): Promise<void> => {
    const { showId, row } = room;
    const keys = await store.entries(showId);
    const input = { serverSeed: row.serverSeed, keys };
    const isLarge = sealed.drawEntries > limits.threadEntries;
    const { root, seed, permutation } = isLarge ? await drawInThread(input) : drawIt(input);
    const drawnAtMs = clock.nowMs() + room.skewMs;
    const holdsForMs = openingHoldMs(permutation.length, sealed.pollMultiplier);
    const { outcome, state } = await store.change(showId, {
      changeId: drawIdOf(sealed.lastChangeId),
      ifRev: sealed.rev,
      change: { phase: 'open', root, seed, drawnAtMs, holdsForMs },
    });
    if (state.seed === seed) room.permutation = permutation;
    if (outcome === 'changed') log.info({ showId, entries: permutation.length, root }, 'drawn');
    await note(room, state);
  };
  /** The draw when its time has come; resolves when it is made, or was not due. */
  const advance = async (room: LiveRoom): Promise<void> => {
    const { state, showId } = room;
    if (state?.phase === 'lobby' && state.opensAtMs <= state.nowMs) {
      const { rev } = state;
      const wanted = { changeId: `seal ${rev}`, ifRev: rev, change: { seals: true } };
      await note(room, (await store.change(showId, wanted)).state);
    }
    const sealed = room.state;
    if (sealed?.phase === 'sealed') await drawOnce(room, () => draw(room, sealed));
  };

  const ask = async (room: LiveRoom): Promise<RoomState> => {
    if (room.state === null) await store.create(room.showId, room.row.control);
    room.left = await deps.left(room.showId);
    return store.tick(room.showId, room.left === null ? null : totalOf(room.left));
  };
  const lose = (room: LiveRoom, error: unknown): void => {
    const { showId } = room;
    if (!room.isLost) log.warn({ err: error, showId }, 'the waiting room does not answer');
    room.isLost = true;
    if (error instanceof Failure && error.code === 'ROOM_UNKNOWN') room.state = null;
    if (clock.monotonicMs() - room.seenAtMs < limits.staleMaxMs) return;
    room.state = null;
    publish(room, null);
  };
  const refresh = async (room: LiveRoom): Promise<void> => {
    try {
      await note(room, await ask(room));
    } catch (error) {
      return lose(room, error);
    }
    advance(room).catch((error: unknown) => lose(room, error));
  };

  /** How many rounds may pass until it is asked about again. */
  const roundsOf = ({ state, row }: LiveRoom): number => {
    // Unknown, or changed by another process since.
    if (state === null || row.control.rev > state.rev) return 1;
    if (state.phase === 'closed') return state.active + state.called > 0 ? 1 : limits.closedRounds;
    const isFarOff = state.lobbyAtMs - state.nowMs > 2 * limits.rowsEveryMs;
    return state.phase === 'idle' && isFarOff ? limits.quietRounds : 1;
  };
  let rounds = 0;
  return {
    get: (showId: string): LiveRoom | undefined => rooms.get(showId),
    all: (): LiveRoom[] => [...rooms.values()],
    learn,
    readRows: async (): Promise<void> => {
      for (const row of await rows.all()) learn(row);
    },
    note,
    refresh,
    advance,
    round: async (): Promise<void> => {
      rounds++;
      const due = [...rooms.values()].filter((room) => rounds % roundsOf(room) === 0);
      await Promise.all(due.map(refresh));
    },
  };
};
export type Rooms = ReturnType<typeof makeRooms>;

/** Plays what has become of orders; one whose room is out of reach is played by a later round. */
export const makeOrderEndsRound =
  (deps: {
    rooms: Rooms;
    store: RoomStore;
    orderEnds: OrderEnds;
    personOf: (showId: string, accountId: string) => Uint8Array;
  }) =>
  async (): Promise<void> => {
    const { rooms, store, orderEnds, personOf } = deps;
    if (rooms.all().length === 0) return;
    const noted = await orderEnds.list(limits.orderEndsAtOnce);
    for (const [showId, ends] of Map.groupBy(noted, (end) => end.showId)) {
      // It is kept by another process, or away: see store.ts.
      if (rooms.get(showId)?.isLost !== false) continue;
      const commands = ends.map(({ kind, buyerId, orderId }) => ({
        kind,
        orderId,
        person: personOf(showId, buyerId),
      }));
      await store.play(showId, commands);
      await orderEnds.forget(ends.map((end) => end.eventId));
    }
  };

export const openRoomLoops = (deps: {
  rooms: Rooms;
  orderEndsRound: () => Promise<void>;
  clock: Clock;
  log: Log;
}) => {
  const { rooms, clock, log } = deps;
  const loop = (everyMs: number, run: () => Promise<void>, what: string) =>
    makeLoop({
      clock,
      everyMs,
      run,
      onError: (error) => log.warn({ err: error }, what),
    });
  const ticks = loop(limits.tickMs, rooms.round, 'waiting rooms could not be brought on');
  const reads = loop(limits.rowsEveryMs, rooms.readRows, 'waiting rooms could not be read');
  const ends = loop(limits.tickMs, deps.orderEndsRound, 'ends of orders could not be played');
  return {
    /** A room was made or changed by another process. */
    wakeReads: reads.wake,
    stop: async (): Promise<void> => {
      await Promise.all([ticks.stop(), reads.stop(), ends.stop()]);
    },
  };
};

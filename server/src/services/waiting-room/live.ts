import type { RoomNow } from '@usher/contract/waiting-room.ts';
import { makeArrivals } from '@usher/domain/room/arrivals.ts';
import * as limits from '@usher/domain/room/constants.ts';
import { makeRate } from '@usher/domain/room/eta.ts';
import { controlOf, isRunning, type RoomStock, totalOf } from '@usher/domain/room/now.ts';
import { makePlacesGiven, type PlacesGiven } from '@usher/domain/room/places-given.ts';
import {
  countGiven,
  findSkipped,
  nothingSkipped,
  type Skipped,
} from '@usher/domain/room/skipped.ts';
import type { RoomControl, RoomState } from '@usher/domain/room/types.ts';
import type { Clock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import type { Log } from '../../platform/log.ts';
import { type DrawnRoom, makeDraws } from './draw.ts';
import type { RoomRow, RoomRows } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

/** A room as this process sees it, at most a few hundred ms old. */
export type LiveRoom = DrawnRoom & {
  row: RoomRow;
  /** The store's last answer; null before the first one, and after a long outage. */
  state: RoomState | null;
  /** By our monotonic clock. */
  seenAtMs: number;
  left: ReadonlyMap<string, number> | null;
  /** The same seats by performance. */
  performances: readonly number[];
  /** The record of the draw as it is sent, prepared when somebody first asks for it. */
  record: Promise<Buffer> | null;
  fronts: ReturnType<typeof makeRate>;
  /** New places that this process gave to each address. */
  placesGiven: PlacesGiven;
  arrivals: ReturnType<typeof makeArrivals>;
  admissions: ReturnType<typeof makeRate>;
  skipped: Skipped;
  now: RoomNow | null;
  ready: { body: Buffer; etag: string } | null;
  /** The content of `ready`, except for the time of day. */
  said: string;
  /** Holds taken before this, by the database's clock, can be ordered without a pass. */
  passesFromMs: number;
  /** What was last sent to the streams, and when. */
  framed: string;
  framedAtMs: number;
  savedAtMs: number;
  saved: { rev: number; tail: number; front: number };
  /** Whether it has been logged that the store does not answer. */
  isLost: boolean;
  /** Another process keeps it, so that this one can answer nothing about it. */
  isElsewhere: boolean;
};

/** Throws while the store is unreachable, because no question can be answered then. */
export const stateOf = (room: LiveRoom): RoomState => {
  if (room.state !== null) return room.state;
  throw new Failure('ROOM_UNREACHABLE', 'the waiting room is unreachable', { retryable: true });
};

/**
 * The last settings of a room that this process knows. In a process that does not tick, the row is
 * newer than the state.
 */
/** What is known of a room's control: by its row, and by the store's last answer. */
type KnownControl = { readonly state: RoomControl | null; readonly row: { control: RoomControl } };

export const currentControl = ({ state, row }: KnownControl): RoomControl =>
  state !== null && state.rev >= row.control.rev ? state : row.control;

type RoomsDeps = {
  store: RoomStore;
  rows: Pick<RoomRows, 'all' | 'save'>;
  /** Null while it is not known. */
  readStock: (showId: string) => Promise<RoomStock | null>;
  /** Publishes the current state of a room; null: it is unreachable. */
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
  performances: [],
  permutation: null,
  record: null,
  drawing: null,
  fronts: makeRate(),
  placesGiven: makePlacesGiven(limits.addressesMax),
  arrivals: makeArrivals(),
  admissions: makeRate(),
  skipped: nothingSkipped,
  now: null,
  ready: null,
  said: '',
  passesFromMs: row.enabledAtMs + limits.passesGraceMs,
  framed: '',
  framedAtMs: 0,
  savedAtMs: 0,
  isLost: false,
  isElsewhere: false,
  saved: { rev: row.control.rev, tail: row.tail, front: row.front },
});

/** The rooms of the program: what this process knows of them, and what advances them. */
export const makeRooms = (deps: RoomsDeps) => {
  const { store, rows, publish, clock, log } = deps;
  const rooms = new Map<string, LiveRoom>();
  const draws = makeDraws({ store, clock, log });

  const learn = (row: RoomRow): LiveRoom => {
    const room = rooms.get(row.showId) ?? makeLiveRoom(row);
    rooms.set(row.showId, room);
    const before = currentControl(room);
    room.row = row;
    // A process that does not tick learns about the end of a bypass only from the row.
    if (before.override === 'bypass' && currentControl(room).override !== 'bypass')
      room.passesFromMs = clock.nowMs() + limits.passesGraceMs;
    return room;
  };

  /** Stores the state of a room that the store returned. */
  const note = async (room: LiveRoom, state: RoomState): Promise<void> => {
    // Ignore an answer that arrives after a newer one.
    if (room.state !== null && state.nowMs < room.state.nowMs) return;
    if (room.state?.override === 'bypass' && state.override !== 'bypass')
      room.passesFromMs = clock.nowMs() + limits.passesGraceMs;
    const { epoch, tail: lastTail } = room.state ?? { ...room.row.control, tail: room.row.tail };
    if (state.epoch !== epoch) {
      const skipped = findSkipped({ epoch, tail: lastTail }, state) ?? room.skipped;
      Object.assign(room, { fronts: makeRate(), admissions: makeRate(), skipped });
      room.arrivals = makeArrivals();
    }
    const atMs = clock.monotonicMs();
    Object.assign(room, { state, seenAtMs: atMs, isLost: false, isElsewhere: false });
    room.skewMs = state.nowMs - clock.nowMs();
    const sample = { atMs: state.nowMs, isRunning: isRunning(state) };
    room.fronts.add({ ...sample, front: countGiven(state.front, room.skipped) });
    room.arrivals.add(state.nowMs, state.tail);
    room.admissions.add({ ...sample, front: state.admitted });
    if (state.drawnAtMs > 0 && room.permutation === null) draws.recover(room, state);
    publish(room, state);
    const { rev, tail, front } = room.saved;
    const isFurther = state.tail > tail || state.front > front;
    if (state.rev <= rev && !(isFurther && atMs - room.savedAtMs >= limits.rowsEveryMs)) return;
    await rows.save(room.showId, { control: controlOf(state), ...state });
    room.saved = { rev: state.rev, tail: state.tail, front: state.front };
    room.savedAtMs = atMs;
  };

  /** Makes the draw if it is due; resolves when it is made, or if it was not due. */
  const advance = async (room: LiveRoom): Promise<void> => {
    const { state, showId } = room;
    if (state?.phase === 'lobby' && state.opensAtMs <= state.nowMs) {
      const { rev } = state;
      const wanted = { changeId: `seal ${rev}`, ifRev: rev, change: { seals: true } };
      await note(room, (await store.change(showId, wanted)).state);
    }
    const sealed = room.state;
    if (sealed?.phase === 'sealed') await draws.draw(room, sealed, (state) => note(room, state));
  };

  const ask = async (room: LiveRoom): Promise<RoomState> => {
    if (room.state === null) await store.create(room.showId, room.row.control);
    const stock = await deps.readStock(room.showId);
    room.left = stock?.left ?? null;
    room.performances = stock?.performances ?? [];
    return store.tick(room.showId, room.left === null ? null : totalOf(room.left));
  };
  const lose = (room: LiveRoom, error: unknown): void => {
    const { showId } = room;
    if (!room.isLost) log.warn({ err: error, showId }, 'the waiting room is unreachable');
    room.isLost = true;
    room.isElsewhere = error instanceof Failure && error.code === 'ROOM_ELSEWHERE';
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

  /** How many rounds to wait until the store is asked about it again. */
  const roundsOf = ({ state, row }: LiveRoom): number => {
    // Unknown, or changed by another process in the meantime.
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

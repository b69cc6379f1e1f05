import type { Lever, Room, RoomSettings } from '@usher/contract/waiting-room.ts';
import { commitmentOf, hexOf } from '@usher/domain/draw.ts';
import { firstControl, makeRoomView } from '@usher/domain/room/now.ts';
import { type LeverAnswer, moveOpening, pullLever } from '@usher/domain/room/phases.ts';
import type { RoomState } from '@usher/domain/room/types.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import { sha256 } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import { drawIdOf } from './draw.ts';
import { type LiveRoom, type Rooms, stateOf } from './live.ts';
import type { RoomRows } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

/** Why a room was not changed. */
type RoomRefused =
  | { outcome: 'not-found' }
  | { outcome: 'conflict'; rev: number }
  | { outcome: 'refused'; detail: string };
type RoomChanged = { outcome: 'created' | 'changed'; room: Room };

/**
 * What an operator can change in a room: settings and levers. Repeating a `changeId` changes
 * nothing twice.
 */
export const makeOperatedRooms = (deps: {
  rooms: Rooms;
  rows: RoomRows;
  store: RoomStore;
  /** Whether the show exists. */
  catalogue: { show(showId: string): Promise<object | null> };
  ids: Ids;
  clock: Clock;
}) => {
  const { rooms, rows, store, catalogue, ids, clock } = deps;
  const viewRoom = (room: LiveRoom): Room => {
    const state = stateOf(room);
    const { showId, row, left } = room;
    const { perMinute } = room.fronts.observed(state.ratePerMinute);
    const admittedPerMinute = room.admissions.observed(0).perMinute;
    return makeRoomView(state, { ...row, showId, left, perMinute, admittedPerMinute });
  };
  /** The current room: a process that does not tick must ask the store. */
  const find = async (showId: string): Promise<LiveRoom | undefined> => {
    if (rooms.get(showId) === undefined) await rooms.readRows();
    const room = rooms.get(showId);
    if (room !== undefined) await readState(room);
    return room;
  };
  const readState = async (room: LiveRoom): Promise<void> => {
    const state = await store.read(room.showId);
    if (state !== null) await rooms.note(room, state);
  };

  const create = async (
    showId: string,
    settings: RoomSettings,
  ): Promise<RoomChanged | RoomRefused> => {
    if ((await catalogue.show(showId)) === null) return { outcome: 'not-found' };
    const bytes = [ids.secret(), ids.secret()].map((text) => Buffer.from(text, 'base64url'));
    const serverSeed = Buffer.concat(bytes);
    const isCreated = await rows.create({
      showId,
      settings,
      serverSeed: hexOf(serverSeed),
      control: firstControl({ ...settings, opensAtMs: Date.parse(settings.opensAt) }),
      commitment: hexOf(commitmentOf(sha256, serverSeed)),
    });
    await rooms.readRows();
    const room = rooms.get(showId);
    assert(room, 'a room that was created is there');
    await rooms.refresh(room);
    // A repeat of the call that created it succeeds; a room with other settings is a conflict.
    const kept: Record<string, unknown> = room.row.settings;
    const isSame = Object.entries(settings).every(([name, value]) => kept[name] === value);
    return isCreated || isSame
      ? { outcome: 'created', room: viewRoom(room) }
      : { outcome: 'conflict', rev: stateOf(room).rev };
  };
  type Wish = { changeId: string; ifRev: number };
  /** Whether this change opened the room. */
  const wasOpened = (showId: string, changeId: string) =>
    store.change(showId, { changeId: drawIdOf(changeId), ifRev: noRevision, change: {} });
  /** Changes the room as `judge` decides, or reports that this change was already made. */
  const change = async (
    room: LiveRoom,
    { changeId, ifRev }: Wish,
    judge: (state: RoomState, nowMs: number) => LeverAnswer,
    isOpening: boolean,
  ): Promise<RoomChanged | RoomRefused> => {
    const { showId } = room;
    const before = stateOf(room);
    const judged = before.rev === ifRev ? judge(before, clock.nowMs() + room.skewMs) : null;
    if (judged?.outcome === 'refused') return judged;
    const wanted = { changeId, ifRev: judged === null ? noRevision : ifRev };
    let done = await store.change(showId, { ...wanted, change: judged?.change ?? {} });
    if (done.outcome === 'conflict' && isOpening) done = await wasOpened(showId, changeId);
    await rooms.note(room, done.state);
    if (done.outcome === 'conflict') return { outcome: 'conflict', rev: done.state.rev };
    await rooms.advance(room);
    return { outcome: 'changed', room: viewRoom(room) };
  };

  return {
    list: async (): Promise<Room[]> => {
      const old = rooms.all().filter((room) => clock.monotonicMs() - room.seenAtMs > listFreshMs);
      // A room that does not answer is shown as it was last seen.
      await Promise.allSettled(old.map(readState));
      return rooms
        .all()
        .filter((room) => room.state !== null)
        .map(viewRoom);
    },
    read: async (showId: string): Promise<Room | null> => {
      const room = await find(showId);
      return room === undefined ? null : viewRoom(room);
    },
    put: async (
      showId: string,
      wanted: { changeId: string; ifRev: number | null; settings: RoomSettings },
    ): Promise<RoomChanged | RoomRefused> => {
      const { changeId, ifRev, settings } = wanted;
      const room = await find(showId);
      if (room === undefined && ifRev !== null) return { outcome: 'not-found' };
      if (room === undefined || ifRev === null) return create(showId, settings);
      const { ratePerMinute, activeMax, lobbyMinutes } = settings;
      const opensAtMs = Date.parse(settings.opensAt);
      const judge = (state: RoomState): LeverAnswer => {
        // A lobby or room opened by its lever has other times than its settings.
        const isMoved =
          opensAtMs !== state.opensAtMs || lobbyMinutes !== room.row.settings.lobbyMinutes;
        const moved = isMoved ? moveOpening(state, { opensAtMs, lobbyMinutes }) : unmoved;
        if (moved.outcome === 'refused') return moved;
        return { ...moved, change: { ...moved.change, ratePerMinute, activeMax } };
      };
      const result = await change(room, { changeId, ifRev }, judge, false);
      if (result.outcome !== 'changed') return result;
      await rows.saveSettings(showId, settings);
      rooms.learn({ ...room.row, settings });
      return { outcome: 'changed', room: viewRoom(room) };
    },
    pull: async (
      showId: string,
      wanted: { changeId: string; ifRev: number; lever: Lever },
    ): Promise<RoomChanged | RoomRefused> => {
      const room = await find(showId);
      if (room === undefined) return { outcome: 'not-found' };
      const { lever } = wanted;
      const judge = (state: RoomState, nowMs: number) => pullLever(state, lever, nowMs);
      return change(room, wanted, judge, lever.lever === 'open');
    },
  };
};
/** A room that ticks is read ten times as often. */
const listFreshMs = 1000;
/** No room has this revision: it changes nothing, and shows whether this was the last change. */
const noRevision = -1;
const unmoved: LeverAnswer = { outcome: 'change', change: {} };

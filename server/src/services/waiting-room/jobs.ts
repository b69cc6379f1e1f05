import * as limits from '@usher/domain/room/constants.ts';
import { type Clock, makeLoop } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Worker } from '../../platform/worker.ts';
import type { Rooms } from './live.ts';
import type { OrderEnds } from './store.postgres.ts';
import type { RoomStore } from './store.ts';
import type { DerivePerson } from './tokens.ts';

/** Plays the outcomes of orders; if a room is unreachable, a later round plays its orders. */
export const makeOrderEndsRound =
  (deps: { rooms: Rooms; store: RoomStore; orderEnds: OrderEnds; derivePerson: DerivePerson }) =>
  async (): Promise<void> => {
    const { rooms, store, orderEnds, derivePerson } = deps;
    if (rooms.all().length === 0) return;
    const noted = await orderEnds.list(limits.orderEndsAtOnce);
    for (const [showId, ends] of Map.groupBy(noted, (end) => end.showId)) {
      // Another process keeps the room, or it is unreachable: see store.ts.
      if (rooms.get(showId)?.isLost !== false) continue;
      const commands = ends.map(({ kind, buyerId, orderId }) => ({
        kind,
        orderId,
        person: derivePerson(showId, buyerId),
      }));
      await store.play(showId, commands);
      await orderEnds.forget(ends.map((end) => end.eventId));
    }
  };

type LoopDeps = { clock: Clock; log: Log };

const openLoop = (
  { clock, log }: LoopDeps,
  everyMs: number,
  run: () => Promise<void>,
  failure: string,
) =>
  makeLoop({
    clock,
    everyMs,
    run,
    onError: (error) => log.warn({ err: error }, failure),
  });

/** Reads the rooms' rows periodically; `wake` reads them now. */
export const openRowReads = (rooms: Rooms, deps: LoopDeps): Worker & { wake(): void } =>
  openLoop(deps, limits.rowsEveryMs, rooms.readRows, 'reading waiting rooms failed');

/** Advances the rooms with time and with the outcomes of orders. */
export const openRoomTicks = (
  rooms: Rooms,
  playOrderEnds: () => Promise<void>,
  deps: LoopDeps,
): Worker => {
  const ticks = openLoop(deps, limits.tickMs, rooms.round, 'waiting-room tick failed');
  const ends = openLoop(
    deps,
    limits.tickMs,
    playOrderEnds,
    'applying closed orders to waiting rooms failed',
  );
  return {
    stop: async () => {
      await Promise.all([ticks.stop(), ends.stop()]);
    },
  };
};

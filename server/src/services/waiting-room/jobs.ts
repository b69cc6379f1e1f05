import * as limits from '@usher/domain/room/constants.ts';
import { type Clock, makeLoop } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Worker } from '../../platform/worker.ts';
import type { Rooms } from './live.ts';
import type { OrderEnds } from './store.postgres.ts';
import type { RoomStore } from './store.ts';
import type { DerivePerson } from './tokens.ts';

/** Plays what has become of orders; one whose room is out of reach is played by a later round. */
export const makeOrderEndsRound =
  (deps: { rooms: Rooms; store: RoomStore; orderEnds: OrderEnds; derivePerson: DerivePerson }) =>
  async (): Promise<void> => {
    const { rooms, store, orderEnds, derivePerson } = deps;
    if (rooms.all().length === 0) return;
    const noted = await orderEnds.list(limits.orderEndsAtOnce);
    for (const [showId, ends] of Map.groupBy(noted, (end) => end.showId)) {
      // It is kept by another process, or away: see store.ts.
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

/** Reads the rooms' rows again and again; `wake` reads them now. */
export const openRowReads = (rooms: Rooms, deps: LoopDeps): Worker & { wake(): void } =>
  openLoop(deps, limits.rowsEveryMs, rooms.readRows, 'reading waiting rooms failed');

/** Moves the rooms along with the time, and with what became of orders. */
export const openRoomTicks = (
  rooms: Rooms,
  playOrderEnds: () => Promise<void>,
  deps: LoopDeps,
): Worker => {
  const ticks = openLoop(deps, limits.tickMs, rooms.round, 'waiting-room tick failed');
  const ends = openLoop(deps, limits.tickMs, playOrderEnds, 'playing the ends of orders failed');
  return {
    stop: async () => {
      await Promise.all([ticks.stop(), ends.stop()]);
    },
  };
};

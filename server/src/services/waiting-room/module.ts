import { sumLeft } from '@usher/domain/room/now.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Shortcuts } from '../../platform/http/shortcut.ts';
import { makeStreams } from '../../platform/http/sse.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { makeOrderEndsConsumer, makePublish } from './events.ts';
import { makeOrderEndsRound, makeRooms, openRoomLoops } from './jobs.ts';
import { waitingRoomRoutes } from './routes.ts';
import { makeOperatedRooms } from './service.operator.ts';
import { makePersonOf, makeWaitingRoom, type WaitingRoom } from './service.ts';
import { makeOrderEnds, makeRoomRows, noteOrderEnds, roomChanged } from './store.postgres.ts';
import type { RoomStore } from './store.ts';

export type WaitingRoomDoors = {
  store: RoomStore;
  catalogue: {
    show(showId: string): Promise<object | null>;
    /** Performances that can still be bought. */
    performanceIdsOnSale(showId: string): Promise<readonly string[]>;
  };
  seats: { left(performanceId: string): Promise<ReadonlyMap<string, number> | null> };
  proofOfWork: ProofOfWork;
};

/** Seats of a show that can still be sold, by grade; null while it is not known. */
const makeLeft =
  ({ catalogue, seats }: WaitingRoomDoors, log: Log) =>
  async (showId: string): Promise<ReadonlyMap<string, number> | null> => {
    try {
      const performanceIds = await catalogue.performanceIdsOnSale(showId);
      const left = await Promise.all(performanceIds.map((id) => seats.left(id)));
      return left.includes(null) ? null : sumLeft(left.filter((each) => each !== null));
    } catch (error) {
      log.warn({ err: error, showId }, 'seats left are not known');
      return null;
    }
  };

export type OpenWaitingRoom = WaitingRoom & {
  rooms: ReturnType<typeof makeOperatedRooms>;
  endStreams(): Promise<void>;
};

/** Resolves when every room that there is has been read. */
export const openWaitingRoom = async (
  context: {
    db: Database;
    clock: Clock;
    ids: Ids;
    log: Log;
    metrics: Metrics;
    secret: string;
    shortcuts: Shortcuts;
    /** An empty message says that some may have been missed. */
    listen(channel: string, onMessage: (payload: string) => void): void;
  },
  doors: WaitingRoomDoors,
): Promise<Module<OpenWaitingRoom>> => {
  const { db, clock, log, metrics, secret, shortcuts } = context;
  const { store } = doors;
  const streams = makeStreams(clock);
  const rows = makeRoomRows(db);
  const left = makeLeft(doors, log);
  const publish = makePublish({ shortcuts, streams, clock, metrics });
  const rooms = makeRooms({ store, rows, left, publish, clock, log });
  const personOf = makePersonOf(secret);
  const service = {
    ...makeWaitingRoom({ ...context, ...doors, rooms, personOf }),
    rooms: makeOperatedRooms({ ...context, ...doors, rooms, rows }),
    /** Before the HTTP server closes, which waits for those who watch. */
    endStreams: streams.close,
  };
  await rooms.readRows();
  await rooms.round();
  const orderEnds = makeOrderEnds(db);
  const orderEndsRound = makeOrderEndsRound({ rooms, store, orderEnds, personOf });
  const loops = openRoomLoops({ rooms, orderEndsRound, clock, log });
  context.listen(roomChanged, loops.wakeReads);
  return {
    service,
    routes: waitingRoomRoutes({ room: service, streams }),
    consumers: [makeOrderEndsConsumer(noteOrderEnds)],
    close: loops.stop,
  };
};

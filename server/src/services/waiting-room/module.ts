import { makeStock, type RoomStock } from '@usher/domain/room/now.ts';
import type { Context } from '../../platform/context.ts';
import { makeStreams } from '../../platform/http/sse.ts';
import type { Log } from '../../platform/log.ts';
import type { Module } from '../../platform/module.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { makeOrderEndsConsumer } from './events.ts';
import { makeOrderEndsRound, openRoomTicks, openRowReads } from './jobs.ts';
import { currentControl, makeRooms } from './live.ts';
import { waitingRoomRoutes } from './routes.ts';
import { makeOperatedRooms } from './service.operator.ts';
import { makeWaitingRoom, type WaitingRoom } from './service.ts';
import { makeOrderEnds, makeRoomRows, noteOrderEnds, roomChanged } from './store.postgres.ts';
import type { RoomStore } from './store.ts';
import { makePersonKeys } from './tokens.ts';
import { makePublish } from './view.ts';

type WaitingRoomDoors = {
  store: RoomStore;
  catalogue: {
    show(showId: string): Promise<object | null>;
    /** Performances that can still be bought. */
    performanceIdsOnSale(showId: string): Promise<readonly string[]>;
  };
  seats: { left(performanceId: string): Promise<ReadonlyMap<string, number> | null> };
  proofOfWork: ProofOfWork;
  /** New places in a room for one address; null: no limit. */
  placesPerAddressMax: number | null;
};

/** Seats of a show that can still be sold; null while they are not known. */
const makeStockReader =
  ({ catalogue, seats }: WaitingRoomDoors, log: Log) =>
  async (showId: string): Promise<RoomStock | null> => {
    try {
      const performanceIds = await catalogue.performanceIdsOnSale(showId);
      const left = await Promise.all(performanceIds.map((id) => seats.left(id)));
      return left.includes(null) ? null : makeStock(left.filter((each) => each !== null));
    } catch (error) {
      log.warn({ err: error, showId }, 'counting the seats left failed');
      return null;
    }
  };

export type WaitingRoomDoor = WaitingRoom & {
  rooms: ReturnType<typeof makeOperatedRooms>;
  endStreams(): Promise<void>;
};

/**
 * Resolves when the rows of all rooms have been read: from then on it is known which shows need a
 * pass.
 */
export const openWaitingRoom = async (
  context: Pick<
    Context,
    'db' | 'clock' | 'ids' | 'log' | 'metrics' | 'secret' | 'shortcuts' | 'listen'
  >,
  doors: WaitingRoomDoors,
): Promise<Module<WaitingRoomDoor>> => {
  const { db, clock, log, metrics, secret, shortcuts } = context;
  const { store } = doors;
  const streams = makeStreams(clock);
  const rows = makeRoomRows(db);
  const readStock = makeStockReader(doors, log);
  const publish = makePublish({ shortcuts, streams, clock, metrics });
  let isServed = false;
  const rooms = makeRooms({
    store,
    rows,
    readStock,
    // The polled document is built in the process that keeps it up to date.
    publish: (room, state) => {
      if (isServed) publish(room, state);
    },
    clock,
    log,
  });
  const derivePerson = makePersonKeys(secret);
  const service = {
    ...makeWaitingRoom({ ...context, ...doors, rooms, derivePerson }),
    rooms: makeOperatedRooms({ ...context, ...doors, rooms, rows }),
    /** Called before the HTTP server closes, because that waits for open streams. */
    endStreams: streams.close,
  };
  await rooms.readRows();
  const orderEnds = makeOrderEnds(db);
  const playOrderEnds = makeOrderEndsRound({ rooms, store, orderEnds, derivePerson });
  let wakeReads = (): void => undefined;
  context.listen(roomChanged, () => wakeReads());
  return {
    service,
    routes: waitingRoomRoutes({ room: service, streams }),
    consumers: [makeOrderEndsConsumer(noteOrderEnds)],
    // A process that serves seats or orders but no rooms judges passes by the rows alone: they say
    // which shows have a room, whether it is bypassed, and which passes were revoked.
    follow: () => {
      const reads = openRowReads(rooms, { clock, log });
      wakeReads = reads.wake;
      return reads;
    },
    start: async () => {
      isServed = true;
      const keeping = await store.keep?.();
      await rooms.round();
      const ticks = openRoomTicks(rooms, playOrderEnds, { clock, log });
      return {
        stop: async () => {
          await ticks.stop();
          await keeping?.stop();
        },
      };
    },
    // Not while the store that all share is away: other processes could not do better, and shows
    // without a room sell on.
    missing: () => {
      const isElsewhere = rooms
        .all()
        .some((room) => room.isElsewhere && currentControl(room).phase !== 'closed');
      return isElsewhere ? ['waiting rooms (another process keeps them)'] : [];
    },
    close: async () => undefined,
  };
};

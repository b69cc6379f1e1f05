import type { RoomNow } from '@usher/contract/waiting-room.ts';
import { drawAlgorithm } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { writeInstant } from '@usher/domain/instant.ts';
import type { LiveRoom } from './live.ts';
import { makePasses, type PassDeps } from './service.passes.ts';
import { makePlaces, type PlaceDeps } from './service.places.ts';
import { makeTokens } from './tokens.ts';

export const makeWaitingRoom = (deps: PlaceDeps & PassDeps & { secret: string }) => {
  const { rooms, store } = deps;
  const tokens = makeTokens(deps.secret);
  const viewCommitment = ({ showId, row }: LiveRoom) => ({
    showId,
    algorithm: drawAlgorithm,
    commitment: row.commitment,
    commitmentAt: writeInstant(row.enabledAtMs),
  });
  return {
    ...makePlaces(deps, tokens),
    passes: makePasses(deps, tokens),
    /** Null if there is no room. */
    now: (showId: string): RoomNow | null => rooms.get(showId)?.now ?? null,
    /** The polled document as it is sent; `away` until the store has answered. */
    ready: (showId: string) => {
      const room = rooms.get(showId);
      if (room === undefined) return null;
      const { ready, now } = room;
      return ready === null || now === null ? 'away' : { ...ready, now };
    },
    commitment: (showId: string) => {
      const room = rooms.get(showId);
      return room === undefined ? null : viewCommitment(room);
    },
    /** Null until the draw. */
    drawRecord: async (showId: string): Promise<DrawRecord | null> => {
      const room = rooms.get(showId);
      const state = room?.state;
      if (room === undefined || !state || state.drawnAtMs === 0) return null;
      room.keys ??= await store.entries(showId);
      const { seed, root, drawEntries: entries, drawnAtMs } = state;
      return {
        ...viewCommitment(room),
        serverSeed: room.row.serverSeed,
        entries,
        root,
        seed,
        drawnAt: writeInstant(drawnAtMs),
        keys: Buffer.from(room.keys).toString('base64'),
      };
    },
  };
};
export type WaitingRoom = ReturnType<typeof makeWaitingRoom>;

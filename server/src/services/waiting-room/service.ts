import type { RoomNow } from '@usher/contract/waiting-room.ts';
import { drawAlgorithm } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { writeInstant } from '@usher/domain/instant.ts';
import { type LiveRoom, stateOf } from './live.ts';
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
  /** As JSON. The keys are 11 MB for a million entries, so they are not copied through a string. */
  const writeRecord = async (room: LiveRoom): Promise<Buffer> => {
    const keys = await store.entries(room.showId);
    const { seed, root, drawEntries: entries, drawnAtMs } = stateOf(room);
    const { serverSeed } = room.row;
    const drawnAt = writeInstant(drawnAtMs);
    const facts = { ...viewCommitment(room), serverSeed, entries, root, seed, drawnAt };
    const record: DrawRecord = { ...facts, keys: '' };
    const text = JSON.stringify(record);
    const keysAt = text.length - '"}'.length;
    return Buffer.concat([
      Buffer.from(text.slice(0, keysAt)),
      Buffer.from(Buffer.from(keys).toString('base64'), 'latin1'),
      Buffer.from(text.slice(keysAt)),
    ]);
  };
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
    /** A `DrawRecord` as JSON: the same bytes for everybody, prepared once. Null until the draw. */
    drawRecord: async (showId: string): Promise<{ bytes: Buffer; etag: string } | null> => {
      const room = rooms.get(showId);
      const state = room?.state;
      if (room === undefined || !state || state.drawnAtMs === 0) return null;
      room.record ??= writeRecord(room).catch((error: unknown) => {
        room.record = null;
        throw error;
      });
      return { bytes: await room.record, etag: `"${state.root}"` };
    },
  };
};
export type WaitingRoom = ReturnType<typeof makeWaitingRoom>;

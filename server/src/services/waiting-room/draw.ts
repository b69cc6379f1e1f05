import { type Draw, makeDraw, permutationAgain } from '@usher/domain/draw.ts';
import * as limits from '@usher/domain/room/constants.ts';
import { openingHoldMs } from '@usher/domain/room/poll-policy.ts';
import type { RoomState } from '@usher/domain/room/types.ts';
import type { Clock } from '../../platform/clock.ts';
import { sha256 } from '../../platform/hash.ts';
import type { Log } from '../../platform/log.ts';
import { makeThread } from '../../platform/thread.ts';
import type { RoomStore } from './store.ts';

/** Exported because a thread finds them by their names; see makeThread. */
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
 * The opening consists of two changes, the sealing and the draw. The draw's id is derived from the
 * sealing's, so that the caller who sealed the room can see that their call opened it.
 */
export const drawIdOf = (sealedBy: string): string => `draw after ${sealedBy}`;

/** The part of a room that the draw reads and sets. */
export type DrawnRoom = {
  readonly showId: string;
  readonly row: { readonly serverSeed: string };
  /** Numbers by entry; null before the draw. */
  permutation: Uint32Array | null;
  /** In progress: the draw, or recomputing its numbers after a restart. */
  drawing: Promise<void> | null;
  /** The store's clock minus ours. */
  skewMs: number;
};

/**
 * The order in which the lobby is called: drawn once, and recomputed in each process that needs it.
 */
export const makeDraws = (deps: { store: RoomStore; clock: Clock; log: Log }) => {
  const { store, clock, log } = deps;

  const drawOnce = (room: DrawnRoom, work: () => Promise<void>): Promise<void> => {
    room.drawing ??= work().finally(() => {
      room.drawing = null;
    });
    return room.drawing;
  };

  return {
    /** The numbers of an earlier draw, made by another process or before a restart. */
    recover: (room: DrawnRoom, state: RoomState): void => {
      const input = { seed: state.seed, entries: state.drawEntries };
      if (input.entries <= limits.threadEntries) {
        room.permutation = drawAgain(input);
        return;
      }
      drawOnce(room, async () => {
        room.permutation = await drawAgainInThread(input);
      }).catch((error: unknown) => log.error({ err: error }, 'recomputing the draw failed'));
    },

    /**
     * Draws a sealed room. Any process may do it, and all get the same numbers; the store accepts
     * the first. `note` receives the resulting state.
     */
    draw: (
      room: DrawnRoom,
      sealed: RoomState,
      note: (state: RoomState) => Promise<void>,
    ): Promise<void> =>
      drawOnce(room, async () => {
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
        if (outcome === 'changed')
          log.info({ showId, entries: permutation.length, root }, 'draw made');
        await note(state);
      }),
  };
};

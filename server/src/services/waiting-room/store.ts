import type {
  ControlChange,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomState,
} from '@usher/domain/room/types.ts';
import type { Worker } from '../../platform/worker.ts';

/**
 * The port of the waiting room's state; two adapters keep the same promises (store.contract.ts).
 * One room a show. Every adapter decides by one clock of its own (memory: the process's; Redis: its
 * TIME), which it never lets go back. A call that threw may have been done; every command may be
 * repeated. Throws the failure ROOM_UNKNOWN for a show that has no room in the store.
 */
export type RoomStore = {
  /** Plays commands in order, all at one instant; one answer each.  */
  play(showId: string, commands: readonly RoomCommand[]): Promise<RoomAnswer[]>;
  /**
   * What time brings, at most once a `tickMs` (else it only reads): phases that are due, passes and
   * calls that are over, the bucket, late ones, the front. `seatsLeft`: seats that are not sold, of
   * all performances; null while that is not known: nobody is released. Any process may call it.
   */
  tick(showId: string, seatsLeft: number | null): Promise<RoomState>;
  read(showId: string): Promise<RoomState | null>;
  /** Changes the room if `rev` is still `ifRev`; the same `changeId` again answers as before. */
  change(
    showId: string,
    wanted: { changeId: string; ifRev: number; change: ControlChange },
  ): Promise<{ outcome: 'changed' | 'conflict'; state: RoomState }>;
  /** Makes the room known to the store; one that is known is left as it is. */
  create(showId: string, control: RoomControl): Promise<RoomState>;
  /** The keys of the entries that take part in the draw, 8 bytes each; zeros for one lost. */
  entries(showId: string): Promise<Uint8Array>;
  /** The newest decisions, oldest first. */
  decisions(showId: string): Promise<RoomDecision[]>;
  /** Begins what keeps the rooms in this process, where the adapter keeps them in one. */
  keep?(): Promise<Worker>;
  close(): Promise<void>;
};

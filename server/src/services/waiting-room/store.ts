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
 * One room per show. Each adapter decides by a single clock (memory: the process's; Redis: its
 * TIME), which never goes back. A call that threw may have taken effect; every command is
 * idempotent. Throws the failure ROOM_UNKNOWN for a show that has no room in the store.
 */
export type RoomStore = {
  /** Plays commands in order, all at one instant; one answer each. */
  play(showId: string, commands: readonly RoomCommand[]): Promise<RoomAnswer[]>;
  /**
   * Applies the effects of time, at most once per `tickMs` (otherwise it only reads): due phases,
   * expired passes and calls, the bucket, late people, the front. `seatsLeft`: unsold seats of all
   * performances; null while unknown: nobody is released. Any process may call it.
   */
  tick(showId: string, seatsLeft: number | null): Promise<RoomState>;
  read(showId: string): Promise<RoomState | null>;
  /** Changes the room if `rev` is still `ifRev`; repeating a `changeId` gives the same answer. */
  change(
    showId: string,
    wanted: { changeId: string; ifRev: number; change: ControlChange },
  ): Promise<{ outcome: 'changed' | 'conflict'; state: RoomState }>;
  /** Creates the room in the store; an existing room stays as it is. */
  create(showId: string, control: RoomControl): Promise<RoomState>;
  /** The keys of the entries in the draw, 8 bytes each; zeros for a lost one. */
  entries(showId: string): Promise<Uint8Array>;
  /** The newest decisions, oldest first. */
  decisions(showId: string): Promise<RoomDecision[]>;
  /** Starts keeping the rooms in this process, for an adapter that keeps them in one process. */
  keep?(): Promise<Worker>;
  close(): Promise<void>;
};

import type {
  ControlChange,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';

/**
 * How a store is interrupted: its process killed, its server restarted with its
 * data, its server without its data, or only without its scripts.
 */
export type CrashKind = 'kill' | 'restart' | 'flush' | 'scripts';

/** What happens to a room, step by step; plain data, so that it can be printed and replayed. */
export type Step =
  | { kind: 'clock'; byMs: number }
  | { kind: 'play'; commands: readonly RoomCommand[] }
  | { kind: 'tick'; seatsLeft: number | null }
  | { kind: 'change'; changeId: string; ifRev: number; change: ControlChange }
  | { kind: 'create'; control: RoomControl }
  | { kind: 'crash'; how: CrashKind };

/** A step and the store's response: its answers, its state then, and its decisions. */
export type Moment = {
  step: Step;
  answers: readonly RoomAnswer[];
  /** Of a change. */
  outcome: 'changed' | 'conflict' | null;
  state: RoomState;
  decisions: readonly RoomDecision[];
};

/** The record of a run, which is all that the checkers of the promises see. */
export type Run = { terms: RoomTerms; start: RoomState; moments: readonly Moment[] };

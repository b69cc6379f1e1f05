import { controlOf } from '@usher/domain/room/now.ts';
import type { RoomControl, RoomState, RoomTerms } from '@usher/domain/room/types.ts';
import type { RoomStore } from '../../../server/src/services/waiting-room/store.ts';
import { makeRoomModel } from './model.ts';
import type { CrashKind } from './steps.ts';

/** A time that only tests move, also backwards. */
export type TestTime = { nowMs: number };

/** A store of rooms that a test can crash: how commands are played on it, and how it is broken. */
export type Stage = {
  name: string;
  /** The current store; a new one after a crash. */
  store: () => RoomStore;
  /** `after`: what others found after theirs; the model follows them where the rules leave room. */
  crash: (how: CrashKind, after: RoomState | null) => Promise<void>;
  close: () => Promise<void>;
};

/** The tail jumps at least this far when the last given numbers may be lost. */
const jumpMin = 1000;

/** The model behind the port of the stores, with one room. */
export const modelStage = (terms: RoomTerms, time: TestTime): Stage => {
  let model: ReturnType<typeof makeRoomModel> | null = null;
  const room = () => {
    if (model === null) throw new Error('the room was not made');
    return model;
  };
  const store: RoomStore = {
    play: async (_, commands) => room().play(time.nowMs, commands),
    tick: async (_, seatsLeft) => room().tick(time.nowMs, seatsLeft),
    read: async () => model?.look(time.nowMs) ?? null,
    change: async (_, wanted) => room().change(time.nowMs, wanted),
    create: async (_, control: RoomControl) => {
      model ??= makeRoomModel(control, terms);
      model.meet(time.nowMs);
      return model.look(time.nowMs);
    },
    entries: async () => room().entries(),
    decisions: async () => room().decisions(),
    close: async () => undefined,
  };
  return {
    name: 'model',
    store: () => store,
    crash: async (how, after) => {
      if (how === 'kill') room().resume(time.nowMs);
      if (how === 'kill' || how === 'scripts') return;
      const before = room().look(time.nowMs);
      if (after === null || after.tail < before.tail + jumpMin || after.front < before.front)
        throw new Error(`the numbers did not jump: ${before.tail}, ${before.front}`);
      if (how === 'flush') model = makeRoomModel(controlOf(before), terms);
      room().recover(time.nowMs, after);
    },
    close: async () => undefined,
  };
};

import * as limits from '@usher/domain/room/constants.ts';
import type { Clock } from '../../platform/clock.ts';
import type { JudgePass } from '../../platform/http/pass.ts';
import { refuse } from '../../platform/http/problem.ts';
import type { Log } from '../../platform/log.ts';
import { currentControl, type Rooms } from './live.ts';
import type { RoomStore } from './store.ts';
import type { DerivePerson, Tokens } from './tokens.ts';

export type PassDeps = {
  rooms: Rooms;
  store: RoomStore;
  derivePerson: DerivePerson;
  clock: Clock;
  log: Log;
};

/** Whether somebody may buy now: asked for every hold and order, once, at the edge. */
export const makePasses = (deps: PassDeps, tokens: Tokens) => {
  const { rooms, store, derivePerson, clock, log } = deps;
  const judge: JudgePass = ({ showId, heldAtMs, accountId, pass }) => {
    const room = rooms.get(showId);
    if (room === undefined) return null;
    const control = currentControl(room);
    if (control.override === 'bypass') return null;
    if (heldAtMs !== null && heldAtMs < room.passesFromMs) return null;
    if (pass === undefined) return refuse('PASS_REQUIRED');
    const who = derivePerson(showId, accountId);
    const shown = tokens.ownPass(pass, showId, who);
    const isOver =
      shown === null ||
      shown.epoch < control.passEpoch ||
      shown.endsByMs <= clock.nowMs() + room.skewMs;
    if (isOver) return refuse('PASS_ENDED');
    const { number, epoch, endsByMs } = shown;
    const touch = { kind: 'touch', person: who, presented: { number, epoch, endsByMs } } as const;
    return {
      askStore: async () => {
        const [answer] = await store.play(showId, [touch]);
        return answer?.outcome === 'live' ? null : refuse('PASS_ENDED');
      },
    };
  };
  return {
    judge,
    /**
     * Keeps the pass alive while its order waits for payment: until `untilMs` by the database's
     * clock. Never throws: the order stands even if this fails.
     */
    pin: async (showId: string, accountId: string, orderId: string, untilMs: number) => {
      const room = rooms.get(showId);
      if (room === undefined) return;
      const who = { person: derivePerson(showId, accountId), orderId };
      await store
        .play(showId, [
          { kind: 'pin', ...who, untilMs: untilMs + room.skewMs + limits.pinMarginMs },
        ])
        .catch((error: unknown) => log.warn({ err: error, orderId }, 'pinning a pass failed'));
    },
  };
};

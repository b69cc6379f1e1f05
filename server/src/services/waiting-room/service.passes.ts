import * as limits from '@usher/domain/room/constants.ts';
import type { Clock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import type { JudgePass } from '../../platform/http/pass.ts';
import { refuse } from '../../platform/http/problem.ts';
import type { Log } from '../../platform/log.ts';
import { currentControl, type LiveRoom } from './live.ts';
import type { RoomStore } from './store.ts';
import type { DerivePerson, Tokens } from './tokens.ts';

type GuardedRoom = Parameters<typeof currentControl>[0] &
  Pick<LiveRoom, 'isLost' | 'passesFromMs' | 'skewMs'>;

export type PassDeps = {
  rooms: { get(showId: string): GuardedRoom | undefined };
  store: Pick<RoomStore, 'play'>;
  derivePerson: DerivePerson;
  clock: Clock;
  log: Pick<Log, 'warn'>;
};

/**
 * Passes that the store confirmed to this process, with their ends by the store's clock. They go on
 * buying until then while the store is away: it could not have revoked them either.
 */
const makeConfirmed = () => {
  const endsAtMs = new Map<string, number>();
  return {
    keep: (pass: string, atMs: number): void => {
      endsAtMs.delete(pass);
      const [oldest] = endsAtMs.keys();
      if (endsAtMs.size >= limits.confirmedPassesMax && oldest !== undefined)
        endsAtMs.delete(oldest);
      endsAtMs.set(pass, atMs);
    },
    forget: (pass: string): void => void endsAtMs.delete(pass),
    isLive: (pass: string, nowMs: number): boolean => (endsAtMs.get(pass) ?? 0) > nowMs,
  };
};

/** Whether somebody may buy now: asked for every hold and order, once, at the edge. */
export const makePasses = (deps: PassDeps, tokens: Tokens) => {
  const { rooms, store, derivePerson, clock, log } = deps;
  const confirmed = makeConfirmed();
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
        const isKnown = (): boolean => confirmed.isLive(pass, clock.nowMs() + room.skewMs);
        // A call to a store that is away takes seconds to fail.
        if (room.isLost && isKnown()) return null;
        try {
          const [answer] = await store.play(showId, [touch]);
          if (answer?.outcome !== 'live') {
            confirmed.forget(pass);
            return refuse('PASS_ENDED');
          }
          confirmed.keep(pass, answer.pass.endsAtMs);
          return null;
        } catch (error) {
          const isAway = error instanceof Failure && error.retryable;
          if (isAway && isKnown()) return null;
          throw error;
        }
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

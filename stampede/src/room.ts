import { putRoom, type Room as RoomSeen, readRoom } from '@usher/contract/waiting-room.ts';
import { mustAnswer } from './accounts.ts';
import type { Caller, Session } from './caller.ts';
import { type Clock, repeat } from './clock.ts';
import type { RoomSample } from './room-audit.ts';

const minuteMs = 60_000;
/** The operator may poll four times a second. */
const lookEveryMs = 300;

/**
 * A room for a venue of this many seats: at most an eighth as many people at a time, and a rate
 * that sells the venue in some five minutes of people's time, so that both limits have an effect.
 */
export const roomLimits = (seats: number, pace: number) => ({
  ratePerMinute: Math.max(60, Math.min(600_000, Math.round((0.15 * seats) / Math.max(pace, 0.01)))),
  activeMax: Math.max(3, Math.round(seats / 8)),
});
/** Hashes that a person's device computes before joining: just enough to test the challenge. */
const challengeCost = 10;

type Operator = { caller: Caller; operator: Session; clock: Clock; signal: AbortSignal };

/** As an operator does, over the operator's API. Throws on a refusal. */
export const openRoom = async (
  deps: Operator,
  wanted: { showId: string; seats: number; pace: number; opensAtMs: number; lobbyMs: number },
): Promise<RoomSeen> => {
  const { showId, seats, pace, opensAtMs, lobbyMs } = wanted;
  const settings = {
    ...roomLimits(seats, pace),
    opensAt: new Date(opensAtMs).toISOString(),
    // Whole minutes; one more, so that the lobby opens at once.
    lobbyMinutes: Math.ceil(lobbyMs / minuteMs) + 1,
    whenCrowded: 'warn' as const,
    challengeCost,
  };
  const { caller, operator: session, clock, signal } = deps;
  const parts = { params: { showId }, body: { ifRev: null, settings } };
  const fromMs = clock.monotonicMs();
  const made = await mustAnswer(caller, putRoom, parts, { step: null, session, fromMs, signal });
  return made.body;
};

/** Polls the room as the operator does, until the end. */
export const watchRoom = (deps: Operator, showId: string) => {
  const { caller, operator: session, clock, signal } = deps;
  const samples: RoomSample[] = [];
  const failures = new Set<string>();
  const loop = repeat({
    clock,
    everyMs: lookEveryMs,
    run: async () => {
      const askedMs = clock.monotonicMs();
      const how = { step: null, session, fromMs: askedMs, signal };
      const seen = await mustAnswer(caller, readRoom, { params: { showId } }, how);
      samples.push(sampleOf(seen.body, askedMs, clock.monotonicMs()));
    },
    onError: (error) => failures.add(String(error)),
  });
  return {
    samples: samples as readonly RoomSample[],
    last: (): RoomSample | null => samples.at(-1) ?? null,
    /** Refusals of the operator's calls, once each. */
    failures: failures as ReadonlySet<string>,
    stop: loop.stop,
  };
};
export type RoomWatch = ReturnType<typeof watchRoom>;

const sampleOf = (seen: RoomSeen, askedMs: number, toldMs: number): RoomSample => {
  const { epoch, front, tail, waiting, called, late, active, admitted, settings, left } = seen;
  return {
    askedMs,
    toldMs,
    epoch,
    front,
    tail,
    waiting,
    called,
    late,
    active,
    admitted,
    ratePerMinute: settings.ratePerMinute,
    activeMax: settings.activeMax,
    seatsLeft: Object.values(left).reduce((sum, seats) => sum + seats, 0),
  };
};

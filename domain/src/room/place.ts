import { numberOf } from '../draw.ts';
import { writeInstant } from '../instant.ts';
import { etaOf, type ObservedRate } from './eta.ts';
import { hasEta } from './now.ts';
import { heartbeatEveryMs } from './poll-policy.ts';
import { countGiven, type Skipped } from './skipped.ts';
import type { RoomAnswer, RoomPass, RoomStanding, RoomState } from './types.ts';

/** A person's standing, and the entry that is theirs. */
export type StandsAt = Extract<RoomAnswer, { outcome: 'stands' }> & { entry: number };

/** Standings as people see them. */
export const roomStandings = ['LOBBY', 'WAITING', 'CALLED', 'LATE', 'ACTIVE', 'OVER'] as const;
export type Standing = (typeof roomStandings)[number];

const standings: Readonly<Record<RoomStanding, Standing>> = {
  lobby: 'LOBBY',
  waiting: 'WAITING',
  called: 'CALLED',
  late: 'LATE',
  active: 'ACTIVE',
  over: 'OVER',
};

/** What a buyer sees about their place. */
export const makePlaceView = (
  stands: StandsAt,
  seen: {
    state: RoomState;
    rate: ObservedRate;
    /** Seats that can still be sold, by grade; null: not known. */
    left: ReadonlyMap<string, number> | null;
    permutation: Uint32Array | null;
    skipped: Skipped;
    /** The person, as text. */
    key: string;
  },
  sign: { place: (entry: number) => string; pass: (pass: RoomPass) => string },
) => {
  const { state, rate } = seen;
  const { entry, standing, pass, claimByMs } = stands;
  const number = standing === 'lobby' ? 0 : numberOf(entry, seen.permutation);
  const between = countGiven(number, seen.skipped) - countGiven(state.front, seen.skipped) - 1;
  // Not more than all others in line, those who joined since the state was read included: numbers
  // may have been skipped before this process began.
  const others = state.waiting + Math.max(0, number - state.tail) - 1;
  const ahead = Math.max(0, Math.min(between, others));
  const isWaiting = standing === 'waiting';
  const heldMs = Math.max(0, state.heldUntilMs - state.nowMs);
  return {
    standing: standings[standing],
    number: number === 0 ? null : number,
    ahead: number === 0 || standing === 'over' ? null : ahead,
    etaMs: isWaiting && hasEta(state, seen.left) ? etaOf(ahead, rate, heldMs) : null,
    receipt: { entry, key: seen.key },
    token: sign.place(entry),
    heartbeatEveryMs: isWaiting
      ? heartbeatEveryMs({ ahead, ...rate, ratePerMinute: state.ratePerMinute })
      : null,
    claimBy: claimByMs === 0 ? null : writeInstant(claimByMs),
    pass:
      pass === null
        ? null
        : {
            token: sign.pass(pass),
            endsAt: writeInstant(pass.endsAtMs),
            endsBy: writeInstant(pass.endsByMs),
          },
  };
};
export type PlaceView = ReturnType<typeof makePlaceView>;

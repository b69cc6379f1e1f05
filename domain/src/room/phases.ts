import { limitsOf, type WantedLimits } from './limits.ts';
import type { ControlChange, RoomControl, RoomOverride } from './types.ts';

/** Levers without arguments. */
export const simpleLevers = [
  'open-lobby',
  'open',
  'pause',
  'resume',
  'reject',
  'drain',
  'close',
  'revoke-passes',
] as const;

export const levers = [...simpleLevers, 'bypass', 'limits', 'message', 'poll'] as const;

/** What an operator can do to a room. */
export type RoomLever =
  | { lever: (typeof simpleLevers)[number] }
  | { lever: 'bypass'; minutes: number }
  | ({ lever: 'limits' } & WantedLimits)
  | { lever: 'message'; message: RoomControl['message'] }
  | { lever: 'poll'; multiplier: number };

/** `detail` is for the operator: the state of the room, and what would help. */
export type LeverAnswer =
  | { outcome: 'change'; change: ControlChange }
  | { outcome: 'refused'; detail: string };

const changeTo = (change: ControlChange): LeverAnswer => ({ outcome: 'change', change });
const refuse = (detail: string): LeverAnswer => ({ outcome: 'refused', detail });

/**
 * What a lever changes in a room in its current state, or why it makes no sense there. A change
 * that `seals` requests the draw: the caller that makes the change continues with it. `nowMs` is
 * the store's clock.
 */
export const pullLever = (control: RoomControl, lever: RoomLever, nowMs: number): LeverAnswer => {
  switch (lever.lever) {
    case 'open-lobby':
      return openLobby(control, nowMs);
    case 'open':
      return open(control, nowMs);
    case 'drain':
      return drain(control);
    case 'close':
      return close(control);
    case 'pause':
      return override(control, 'paused', nowMs);
    case 'reject':
      return override(control, 'reject', nowMs);
    case 'bypass':
      return changeTo({ override: 'bypass', overrideUntilMs: nowMs + lever.minutes * 60_000 });
    case 'resume':
      if (overrideAt(control, nowMs) === 'none') {
        return refuse('The room is neither paused, nor rejecting, nor bypassed.');
      }
      return changeTo({ override: 'none', overrideUntilMs: 0 });
    case 'limits': {
      const answer = limitsOf(lever);
      return answer.outcome === 'limits' ? changeTo(answer.limits) : answer;
    }
    case 'message':
      return changeTo({ message: lever.message });
    case 'poll':
      return changeTo({ pollMultiplier: lever.multiplier });
    case 'revoke-passes':
      if (control.drawnAtMs > 0) return changeTo({ revokesPasses: true });
      return refuse('Nobody has a pass: the room has not opened yet.');
  }
};

/** An expired override no longer counts, even if no tick has removed it yet. */
const overrideAt = (control: RoomControl, nowMs: number): RoomOverride =>
  control.overrideUntilMs !== 0 && control.overrideUntilMs <= nowMs ? 'none' : control.override;

const beingDrawn = 'The draw is being made; try again in a few seconds.';

const openLobby = ({ phase }: RoomControl, nowMs: number): LeverAnswer => {
  if (phase === 'idle') return changeTo({ phase: 'lobby', lobbyAtMs: nowMs });
  if (phase === 'lobby') return refuse('The lobby is open already.');
  if (phase === 'sealed') return refuse(beingDrawn);
  return refuse(`The room is ${phase}: the time of its lobby is over.`);
};

/** Also undoes a drain and a close: people in line are still there. */
const open = (control: RoomControl, nowMs: number): LeverAnswer => {
  const { phase } = control;
  if (phase === 'open') return refuse('The room is open already.');
  if (phase === 'sealed') return refuse(beingDrawn);
  if (control.drawnAtMs > 0) return changeTo({ phase: 'open' });
  const lobbyAtMs = Math.min(control.lobbyAtMs, nowMs);
  return changeTo({ seals: true, opensAtMs: nowMs, lobbyAtMs });
};

const drain = ({ phase }: RoomControl): LeverAnswer => {
  if (phase === 'open') return changeTo({ phase: 'draining' });
  // Nobody was called yet, so there is nobody left to serve.
  if (phase === 'lobby') return changeTo({ phase: 'closed' });
  if (phase === 'sealed') return refuse(beingDrawn);
  if (phase === 'idle') return refuse('Nobody has come in yet: close the room instead.');
  return refuse(`The room is ${phase} already.`);
};

const close = ({ phase }: RoomControl): LeverAnswer => {
  if (phase === 'closed') return refuse('The room is closed already.');
  // The entries being drawn could not be drawn again with those that have joined meanwhile.
  if (phase === 'sealed') return refuse(beingDrawn);
  return changeTo({ phase: 'closed' });
};

const override = (
  control: RoomControl,
  wanted: 'paused' | 'reject',
  nowMs: number,
): LeverAnswer => {
  const doing = wanted === 'paused' ? 'paused' : 'rejecting';
  if (control.phase === 'closed') return refuse('The room is closed: nobody comes in anyway.');
  if (overrideAt(control, nowMs) === wanted) return refuse(`The room is ${doing} already.`);
  return changeTo({ override: wanted, overrideUntilMs: 0 });
};

type WantedTimes = { opensAtMs: number; lobbyMinutes: number };

/**
 * Moving the opening. A lobby that is open stays open, whatever its new time; a draw that was made
 * is never repeated.
 */
export const moveOpening = (control: RoomControl, wanted: WantedTimes): LeverAnswer => {
  const { opensAtMs } = wanted;
  const lobbyAtMs = opensAtMs - wanted.lobbyMinutes * 60_000;
  if (opensAtMs === control.opensAtMs && lobbyAtMs === control.lobbyAtMs) return changeTo({});
  if (control.phase === 'sealed') return refuse(beingDrawn);
  if (control.drawnAtMs > 0) return refuse('The room has opened: its opening cannot be moved.');
  if (control.phase === 'closed') return refuse('The room is closed: open it by its lever.');
  return changeTo({ opensAtMs, lobbyAtMs });
};

import { writeInstant } from '../instant.ts';
import { performancesTold } from './constants.ts';
import { type LongerReason, type ObservedRate, whyLonger } from './eta.ts';
import { meanStayMsOf } from './limits.ts';
import { nearOf } from './poll-policy.ts';
import { type Skipped, widenNear } from './skipped.ts';
import type { RoomControl, RoomPhase, RoomState } from './types.ts';

/** The control of a new room, possibly of a show that is already on sale. */
export const firstControl = (wanted: {
  ratePerMinute: number;
  activeMax: number;
  opensAtMs: number;
  lobbyMinutes: number;
}): RoomControl => ({
  rev: 1,
  epoch: 0,
  passEpoch: 0,
  phase: 'idle',
  override: 'none',
  overrideUntilMs: 0,
  ratePerMinute: wanted.ratePerMinute,
  activeMax: wanted.activeMax,
  lobbyAtMs: wanted.opensAtMs - wanted.lobbyMinutes * 60_000,
  opensAtMs: wanted.opensAtMs,
  message: null,
  pollMultiplier: 1,
  drawEntries: 0,
  seed: '',
  root: '',
  drawnAtMs: 0,
});

/** The part of a state that is stored in PostgreSQL. */
export const controlOf = (state: RoomState): RoomControl => ({
  rev: state.rev,
  epoch: state.epoch,
  passEpoch: state.passEpoch,
  phase: state.phase,
  override: state.override,
  overrideUntilMs: state.overrideUntilMs,
  ratePerMinute: state.ratePerMinute,
  activeMax: state.activeMax,
  lobbyAtMs: state.lobbyAtMs,
  opensAtMs: state.opensAtMs,
  message: state.message,
  pollMultiplier: state.pollMultiplier,
  drawEntries: state.drawEntries,
  seed: state.seed,
  root: state.root,
  drawnAtMs: state.drawnAtMs,
});

/** While the draw is being computed, waiting people still see the lobby. */
const shownPhase = (phase: RoomPhase): Exclude<RoomPhase, 'sealed'> =>
  phase === 'sealed' ? 'lobby' : phase;

/** Seats left by grade over several performances. */
export const sumLeft = (
  performances: readonly ReadonlyMap<string, number>[],
): Map<string, number> => {
  const sum = new Map<string, number>();
  for (const left of performances)
    for (const [grade, seats] of left) sum.set(grade, (sum.get(grade) ?? 0) + seats);
  return sum;
};
/** Seats that can still be sold: by grade, and of each performance in the order of their starts. */
export type RoomStock = { left: ReadonlyMap<string, number>; performances: readonly number[] };

export const makeStock = (performances: readonly ReadonlyMap<string, number>[]): RoomStock => ({
  left: sumLeft(performances),
  performances: performances.map(totalOf),
});

export const totalOf = (left: ReadonlyMap<string, number>): number =>
  left.values().reduce((sum, seats) => sum + seats, 0);

/** Whether people are being called: only then does the front show the rate. */
export const isRunning = (state: RoomState): boolean =>
  (state.phase === 'open' || state.phase === 'draining') &&
  state.override === 'none' &&
  state.nowMs >= state.heldUntilMs;

/** Unknown seats count as available: a show is sold out only if its seats are known. */
export const isSoldOut = (left: ReadonlyMap<string, number> | null): boolean =>
  left !== null && totalOf(left) === 0;

/**
 * Whether an expected wait means anything: the line moves, or will when the pause after the draw or
 * after a recovery ends. How long a paused or sold-out room stays so, nobody knows.
 */
export const hasEta = (state: RoomState, left: ReadonlyMap<string, number> | null): boolean =>
  (state.phase === 'open' || state.phase === 'draining') &&
  state.override === 'none' &&
  !isSoldOut(left);

const whatIsLonger = (
  state: RoomState,
  { left, rate }: { left: ReadonlyMap<string, number> | null; rate: ObservedRate },
): { longer?: LongerReason } => {
  const seatsLeft = left === null ? null : totalOf(left);
  const longer = isRunning(state) ? whyLonger({ ...state, seatsLeft }, rate) : null;
  return longer === null || isSoldOut(left) ? {} : { longer };
};

/**
 * The document that everybody polls (`roomNow` in the contract): the same for everybody in a room,
 * so that a client computes its position by one subtraction.
 */
export const makeNow = (
  state: RoomState,
  seen: {
    left: ReadonlyMap<string, number> | null;
    rate: ObservedRate;
    poll: { floorMs: number; ceilingMs: number; divisor: number };
    /** Whether this process knows everybody's number. */
    isDrawn: boolean;
    skipped: Skipped;
    /** Of each performance; a long list is not sent. */
    performances: readonly number[];
  },
) => ({
  rev: state.rev,
  epoch: state.epoch,
  phase: shownPhase(state.phase),
  override: state.override,
  ...(isSoldOut(seen.left) ? { soldOut: true as const } : {}),
  now: state.nowMs,
  ...(state.drawnAtMs === 0 ? { opensAt: state.opensAtMs } : {}),
  ...(state.phase === 'idle' ? { lobbyAt: state.lobbyAtMs } : {}),
  front: state.front,
  tail: state.tail,
  waiting: state.waiting,
  perMinute: Math.round(seen.rate.perMinute),
  spread: Math.round(seen.rate.spread * 100) / 100,
  ...(state.nowMs < state.heldUntilMs ? { heldUntil: state.heldUntilMs } : {}),
  ...whatIsLonger(state, seen),
  near: widenNear(
    state.front,
    nearOf({ ...seen.rate, ratePerMinute: state.ratePerMinute }),
    seen.skipped,
  ),
  ...(state.front < seen.skipped.to ? { skipped: seen.skipped } : {}),
  poll: {
    f: seen.poll.floorMs,
    c: seen.poll.ceilingMs,
    d: seen.poll.divisor,
    m: state.pollMultiplier,
  },
  left: Object.fromEntries(seen.left ?? []),
  ...(seen.performances.length > 1 && seen.performances.length <= performancesTold
    ? { performances: [...seen.performances] }
    : {}),
  draw: seen.isDrawn ? { entries: state.drawEntries } : null,
  ...(state.message === null ? {} : { message: state.message }),
});

type Settings = { ratePerMinute: number; activeMax: number; opensAt: string };

/** The room as an operator sees it. */
export const makeRoomView = <S extends Settings>(
  state: RoomState,
  seen: {
    showId: string;
    settings: S;
    commitment: string;
    enabledAtMs: number;
    left: ReadonlyMap<string, number> | null;
    perMinute: number;
    admittedPerMinute: number;
  },
) => ({
  showId: seen.showId,
  rev: state.rev,
  epoch: state.epoch,
  phase: shownPhase(state.phase),
  override: state.override,
  overrideUntil: state.overrideUntilMs === 0 ? null : writeInstant(state.overrideUntilMs),
  settings: {
    ...seen.settings,
    // The current values: levers change them, too.
    ratePerMinute: state.ratePerMinute,
    activeMax: state.activeMax,
    opensAt: writeInstant(state.opensAtMs),
  },
  message: state.message,
  pollMultiplier: state.pollMultiplier,
  front: state.front,
  tail: state.tail,
  waiting: state.waiting,
  called: state.called,
  late: state.late,
  active: state.active,
  admitted: state.admitted,
  perMinute: seen.perMinute,
  meanStayMs: meanStayMsOf(state.active, seen.admittedPerMinute),
  left: Object.fromEntries(seen.left ?? []),
  commitment: seen.commitment,
  draw:
    state.drawnAtMs === 0
      ? null
      : { entries: state.drawEntries, seed: state.seed, root: state.root },
  enabledAt: writeInstant(seen.enabledAtMs),
});
export type RoomView<S extends Settings> = ReturnType<typeof makeRoomView<S>>;

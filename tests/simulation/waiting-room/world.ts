import { makeRandom, type Random } from '@usher/domain/random.ts';
import type {
  ControlChange,
  RoomAnswer,
  RoomControl,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';
import { makePeople } from './people.ts';
import type { CrashKind, Step } from './steps.ts';

/**
 * A small, busy world around one room, from a seed: people, an operator who pulls every lever,
 * a clock that jumps. It knows the room only by its answers, like the real world, and follows the
 * service's protocol: an entry is replaced only when it is over, and nobody presents a place that
 * was given to somebody else.
 */
export type World = ReturnType<typeof makeWorld>;

const startMs = 1_800_000_000_000;
/** Rooms of one file may share a store. */
let worlds = 0;

/** Some rooms have production limits, some have small ones that are reached fast. */
const termsOf = (random: Random): RoomTerms =>
  random.chance(0.3)
    ? {
        tickMs: 250,
        claimWindowMs: 30_000,
        passTtlMs: 600_000,
        passMaxMs: 1_800_000,
        presenceMs: 30_000,
        windowNumbers: 4096,
        lateOneIn: 4,
      }
    : {
        tickMs: 250,
        claimWindowMs: 2000,
        passTtlMs: 6000,
        passMaxMs: 15_000,
        presenceMs: 3000,
        windowNumbers: 8 + random.below(30),
        lateOneIn: 4,
      };

const rates = [1, 120, 600, 2400, 6000, 60_000];

const startOf = (random: Random): RoomControl => {
  const isOpen = random.chance(0.25);
  return {
    // Not the first epoch, so that places and passes of a lost epoch can be presented.
    rev: 1,
    epoch: 3,
    passEpoch: 2,
    phase: isOpen ? 'open' : 'idle',
    override: 'none',
    overrideUntilMs: 0,
    ratePerMinute: pick(random, rates),
    activeMax: 1 + random.below(8),
    lobbyAtMs: startMs + random.below(3000),
    opensAtMs: startMs + 60_000,
    message: null,
    pollMultiplier: 1,
    drawEntries: 0,
    seed: '',
    root: '',
    drawnAtMs: isOpen ? startMs : 0,
  };
};

export const pick = <T>(random: Random, from: readonly T[]): T => {
  const chosen = from[random.below(from.length)];
  if (chosen === undefined) throw new Error('nothing to pick from');
  return chosen;
};

export const makeWorld = (options: { seed: number; crashes: readonly CrashKind[] }) => {
  const random = makeRandom(options.seed);
  const terms = termsOf(random);
  const control = startOf(random);
  const people = makePeople(random, 8 + random.below(40), terms.passMaxMs);
  const operator = makeOperator(random);
  const { claimWindowMs, presenceMs, passTtlMs, passMaxMs } = terms;
  const strides = [
    0,
    1,
    100,
    249,
    250,
    251,
    300,
    500,
    700,
    1000,
    1000,
    2000,
    claimWindowMs,
    claimWindowMs + 1,
    presenceMs,
    2 * presenceMs,
    passTtlMs,
    passTtlMs + 1,
    passMaxMs,
    -1,
    -1000,
    -60_000,
  ];
  const seats = [0, 2, 5, ...new Array<number>(12).fill(100), null];

  const clockStep = (): Step =>
    random.chance(0.85)
      ? { kind: 'clock', byMs: 250 + random.below(400) }
      : { kind: 'clock', byMs: pick(random, strides) };

  return {
    seed: options.seed,
    showId: `show_${options.seed}_${++worlds}`,
    terms,
    control,
    startMs,
    next: (state: RoomState): Step => {
      const dice = random.next();
      if (dice < 0.42) {
        const count = 1 + random.below(5);
        return { kind: 'play', commands: people.commands(state, count) };
      }
      if (dice < 0.68) return { kind: 'tick', seatsLeft: pick(random, seats) };
      if (dice < 0.92) return clockStep();
      if (dice < 0.985) return operator.next(state);
      if (dice < 0.99) return { kind: 'create', control: { ...control, rev: 99, phase: 'closed' } };
      const { crashes } = options;
      return crashes.length === 0 ? clockStep() : { kind: 'crash', how: pick(random, crashes) };
    },
    /** What the room answered; the next steps depend on it. */
    learn: (step: Step, answers: readonly RoomAnswer[], state: RoomState): void => {
      if (step.kind === 'play') people.learn(step.commands, answers, state);
      if (step.kind === 'crash' && step.how === 'flush') people.forget();
      people.drawIfDue(state);
    },
    /** Asks for everybody with the tokens they have: returns all that a room knows of them. */
    rollCall: (state: RoomState): Step[] => [
      { kind: 'play', commands: people.rollCall(state) },
      { kind: 'clock', byMs: 400 },
      { kind: 'tick', seatsLeft: 100 },
      { kind: 'play', commands: people.rollCall(state) },
    ],
  };
};

/** Pulls every lever, mostly in an order that makes sense, sometimes twice or on an old state. */
const makeOperator = (random: Random) => {
  let count = 0;
  let last: Extract<Step, { kind: 'change' }> | null = null;

  const progress = (state: RoomState): ControlChange => {
    const drawnAtMs = state.nowMs;
    if (state.phase === 'lobby') return { seals: true };
    if (state.phase === 'sealed' || state.phase === 'idle') {
      const seals = state.phase === 'idle' ? { seals: true } : {};
      const holdsForMs = pick(random, [0, 500, 4000]);
      return {
        phase: 'open',
        seed: 'ab'.repeat(32),
        root: 'cd'.repeat(32),
        drawnAtMs,
        holdsForMs,
        ...seals,
      };
    }
    if (state.phase === 'open' && random.chance(0.7)) return limits();
    return { phase: pick(random, ['open', 'draining', 'open', 'closed'] as const) };
  };
  const limits = (): ControlChange =>
    random.chance(0.5)
      ? { activeMax: 1 + random.below(10) }
      : { ratePerMinute: pick(random, rates) };
  const override = (state: RoomState): ControlChange => {
    const overrideUntilMs = random.chance(0.6) ? state.nowMs + random.below(8000) : 0;
    if (state.override !== 'none' && random.chance(0.8))
      return { override: 'none', overrideUntilMs: 0 };
    return { override: pick(random, ['paused', 'bypass', 'reject'] as const), overrideUntilMs };
  };
  const other = (): ControlChange =>
    pick<ControlChange>(random, [
      { message: { ko: '잠시만요', en: 'One moment — «please»' } },
      { message: null, pollMultiplier: 1.5 },
      { revokesPasses: true },
      { holdsForMs: 1500 },
      { revokesPasses: true, override: 'paused', overrideUntilMs: 0 },
    ]);

  const chosen = (state: RoomState, dice: number): ControlChange => {
    if (dice < 0.5 || state.drawnAtMs === 0) return progress(state);
    if (dice < 0.65) return override(state);
    return dice < 0.92 ? limits() : other();
  };

  return {
    next: (state: RoomState): Step => {
      const dice = random.next();
      if (last !== null && dice < 0.06) return last;
      const isStopped = state.override !== 'none' && state.overrideUntilMs === 0;
      const change = isStopped && dice < 0.6 ? override(state) : chosen(state, dice);
      count += 1;
      const ifRev = random.chance(0.9) ? state.rev : state.rev - 1;
      last = { kind: 'change', changeId: `lev_${count}`, ifRev, change };
      return last;
    },
  };
};

import type { RoomAnswer, RoomCommand, RoomPass, RoomState } from '@usher/domain/room/types.ts';
import { keyOf } from './model.ts';
import type { Moment, Run } from './steps.ts';

/** How a promise was broken. */
export type Breach = { promise: number; at: number; says: string };

/** What somebody may rely on from the answers they got; nothing that only the store knows. */
export type Known = {
  key: string;
  /** The place that was given and not left since; null: none. */
  entry: number | null;
  /** 0 while it is unknown. */
  number: number;
  pass: RoomPass | null;
  passSinceMs: number;
  /** Until when an order that is being paid pins the pass; 0: not pinned. */
  pinnedUntilMs: number;
  /** When they were last told to wait; null: not since they joined, or unknown after a crash. */
  seenAtMs: number | null;
  /** When a claim was last answered that others go first; null: not since, or unknown (a kill). */
  lateAtMs: number | null;
  /** When they were called a second time; null: not with this number. */
  recalledAtMs: number | null;
};

/** A moment, with the ones before it. */
export type Scene = {
  at: number;
  moment: Moment;
  before: RoomState;
  nowMs: number;
  people: ReadonlyMap<string, Known>;
  /** Numbers of which somebody was seen with a pass. */
  admitted: ReadonlySet<number>;
};

export type Said = { command: RoomCommand; answer: RoomAnswer; known: Known; scene: Scene };

const stranger = (key: string): Known => ({
  key,
  entry: null,
  number: 0,
  pass: null,
  passSinceMs: 0,
  pinnedUntilMs: 0,
  seenAtMs: null,
  lateAtMs: null,
  recalledAtMs: null,
});

/**
 * Walks through a run: shows each answer with what its receiver knew before it, and each moment
 * with what was known before it.
 */
export const walk = (
  run: Run,
  on: { answer?: (said: Said) => void; moment?: (scene: Scene) => void },
): void => {
  let people = new Map<string, Known>();
  let admitted = new Set<number>();
  let before = run.start;
  for (const [at, moment] of run.moments.entries()) {
    const { nowMs } = moment.state;
    const scene = { at, moment, before, nowMs, people, admitted };
    on.moment?.(scene);
    const { step } = moment;
    if (step.kind === 'play')
      for (const [index, command] of step.commands.entries()) {
        const key = keyOf(command.person);
        const known = people.get(key) ?? stranger(key);
        const answer = moment.answers[index] ?? { outcome: 'none' };
        on.answer?.({ command, answer, known, scene });
        const now = learn(known, command, answer, scene);
        people.set(key, now);
        if (now.pass !== null) admitted.add(now.pass.number);
      }
    if (step.kind === 'crash' && step.how === 'flush') {
      people = new Map();
      admitted = new Set();
    }
    for (const [key, known] of people) people.set(key, afterMoment(known, before, moment));
    before = moment.state;
  }
};

const learn = (known: Known, command: RoomCommand, answer: RoomAnswer, scene: Scene): Known => {
  const { nowMs } = scene;
  if (answer.outcome === 'placed') {
    if (answer.entry === known.entry) return known;
    const isThere = answer.isNew && scene.moment.state.drawnAtMs > 0;
    return {
      ...stranger(known.key),
      entry: answer.entry,
      number: isThere ? answer.entry + 1 : 0,
      seenAtMs: isThere ? nowMs : null,
      // A pass of a lost place may have been presented before the place.
      ...(answer.isNew ? {} : { pass: known.pass, passSinceMs: known.passSinceMs }),
    };
  }
  if (answer.outcome === 'live') return learnPass(known, command, answer.pass, nowMs);
  if (answer.outcome === 'done' && command.kind === 'leave') return stranger(known.key);
  if (answer.outcome === 'done') return { ...known, pass: null, pinnedUntilMs: 0 };
  if (answer.outcome !== 'stands' || !('entry' in command) || command.entry !== known.entry)
    return known;
  const told = { ...known, number: command.number || known.number };
  if (answer.pass !== null) return learnPass(told, command, answer.pass, nowMs);
  if (answer.standing === 'waiting') return { ...told, seenAtMs: nowMs };
  if (answer.standing === 'late' && command.kind === 'claim') return { ...told, lateAtMs: nowMs };
  return told;
};

const learnPass = (known: Known, command: RoomCommand, pass: RoomPass, nowMs: number): Known => {
  const isAnother = known.pass?.number !== pass.number || known.pass.endsByMs !== pass.endsByMs;
  const pinned = command.kind === 'pin' ? command.untilMs : 0;
  return {
    ...known,
    pass,
    lateAtMs: null,
    passSinceMs: isAnother ? nowMs : known.passSinceMs,
    pinnedUntilMs: pass.orderId === '' ? 0 : Math.max(known.pinnedUntilMs, pinned),
  };
};

const afterMoment = (
  known: Known,
  before: RoomState,
  { step, decisions, state }: Moment,
): Known => {
  if (step.kind === 'crash' && step.how === 'kill')
    return { ...known, seenAtMs: null, lateAtMs: null };
  if (state.passEpoch > before.passEpoch) return { ...known, pass: null, pinnedUntilMs: 0 };
  const isRecalled = decisions.some(({ recalled }) => recalled.includes(known.number));
  return isRecalled ? { ...known, lateAtMs: null, recalledAtMs: state.nowMs } : known;
};

export const livePass = (known: Known, nowMs: number): RoomPass | null =>
  known.pass !== null && known.pass.endsAtMs > nowMs ? known.pass : null;

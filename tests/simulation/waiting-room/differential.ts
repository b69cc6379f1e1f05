import { isDeepStrictEqual } from 'node:util';
import type { RoomState } from '@usher/domain/room/types.ts';
import { modelStage, type Stage, type TestTime } from './stage.ts';
import type { CrashKind, Moment, Run, Step } from './steps.ts';
import { makeWorld, type World } from './world.ts';

export type Recorder = {
  stage: Stage;
  run: Run;
  showId: string;
  /** Does a step and records the store's answers; a `clock` step has already moved the time. */
  record: (step: Step, after?: RoomState | null) => Promise<Moment>;
};

/** Opens a room on a stage and records what happens to it. */
export const makeRecorder = async (stage: Stage, world: RoomAtStart): Promise<Recorder> => {
  const { showId } = world;
  const start = await stage.store().create(showId, world.control);
  const moments: Moment[] = [];
  let decidedMs = 0;
  return {
    stage,
    showId,
    run: { terms: world.terms, start, moments },
    record: async (step, after = null) => {
      const before = moments.at(-1)?.state ?? start;
      const seen = await doStep({ stage, showId }, before, step, after);
      const all = isDecision(before, seen) ? await stage.store().decisions(showId) : [];
      const decisions = all.filter(({ atMs }) => atMs > decidedMs);
      decidedMs = decisions.at(-1)?.atMs ?? decidedMs;
      const moment = { ...seen, decisions };
      moments.push(moment);
      return moment;
    },
  };
};
export type RoomAtStart = Pick<World, 'terms' | 'control' | 'showId'>;

/** Reads everything that a step can change, without calls whose answer is known. */
const doStep = async (
  { stage, showId }: Pick<Recorder, 'stage' | 'showId'>,
  before: RoomState,
  step: Step,
  after: RoomState | null,
): Promise<Omit<Moment, 'decisions'>> => {
  const store = stage.store();
  if (step.kind === 'tick')
    return { step, answers: [], outcome: null, state: await store.tick(showId, step.seatsLeft) };
  if (step.kind === 'change') return { step, answers: [], ...(await store.change(showId, step)) };
  if (step.kind === 'create') {
    const state = await store.create(showId, step.control);
    return { step, answers: [], outcome: null, state };
  }
  const answers = step.kind === 'play' ? await store.play(showId, step.commands) : [];
  if (step.kind === 'crash') await stage.crash(step.how, after);
  const state = await stage.store().read(showId);
  if (state === null) throw new Error(`${stage.name}: the room is gone, it was ${shown(before)}`);
  return { step, answers, outcome: null, state };
};

/** A call changes the front or the late people; only then is there a decision to look for. */
const isDecision = (before: RoomState, { step, state }: Omit<Moment, 'decisions'>): boolean =>
  step.kind === 'tick' && (before.front !== state.front || before.late !== state.late);

export type Game = {
  seed: number;
  steps: number;
  crashes: readonly CrashKind[];
  openStages: (world: World, time: TestTime) => Promise<Stage[]>;
};

/**
 * Plays a seed's sequence on the model and on every stage, step by step, and reads everybody's
 * standing at the end. Returns the record of each stage; throws at the first difference.
 */
export const playTogether = async (game: Game): Promise<Run[]> => {
  const world = makeWorld(game);
  const time: TestTime = { nowMs: world.startMs };
  const stages = await game.openStages(world, time);
  try {
    const model = await makeRecorder(modelStage(world.terms, time), world);
    const players: Recorder[] = [];
    for (const stage of stages) players.push(await makeRecorder(stage, world));
    const stateNow = (): RoomState => model.run.moments.at(-1)?.state ?? model.run.start;
    const takeStep = async (step: Step): Promise<void> => {
      if (step.kind === 'clock') time.nowMs += step.byMs;
      // A step that only read left no record, so a clock set back before a kill stays back.
      if (step.kind === 'crash') time.nowMs = Math.max(time.nowMs, stateNow().nowMs);
      const seen: { name: string; moment: Moment }[] = [];
      for (const player of players)
        seen.push({ name: player.stage.name, moment: await player.record(step) });
      const expected = await model.record(step, seen[0]?.moment.state ?? null);
      world.learn(step, expected.answers, expected.state);
      for (const { name, moment } of seen) {
        const says = difference(expected, moment);
        if (says !== null) throw new Error(report(game, name, model.run.moments, says));
      }
    };
    for (let at = 0; at < game.steps; at++) await takeStep(world.next(stateNow()));
    for (const step of world.rollCall(stateNow())) await takeStep(step);
    await compareWholes(game, model, players);
    return players.map(({ run }) => run);
  } finally {
    for (const stage of stages) await stage.close();
  }
};

/** Plays a seed's sequence on one stage; the world follows that stage's answers alone. */
export const playAlone = async (
  game: Omit<Game, 'openStages'> & {
    open: (world: World, time: TestTime) => Promise<Stage>;
  },
): Promise<Run> => {
  const world = makeWorld(game);
  const time: TestTime = { nowMs: world.startMs };
  const stage = await game.open(world, time);
  try {
    const { run, record } = await makeRecorder(stage, world);
    const stateNow = (): RoomState => run.moments.at(-1)?.state ?? run.start;
    for (let at = 0; at < game.steps; at++) {
      const step = world.next(stateNow());
      if (step.kind === 'clock') time.nowMs += step.byMs;
      const { answers, state } = await record(step);
      world.learn(step, answers, state);
    }
    return run;
  } finally {
    await stage.close();
  }
};

/** The record of the draw and of all decisions, which no single step shows. */
const compareWholes = async (game: Game, model: Recorder, players: readonly Recorder[]) => {
  const wholeOf = async ({ stage, showId }: Recorder) => ({
    entries: Buffer.from(await stage.store().entries(showId)).toString('hex'),
    decisions: (await stage.store().decisions(showId)).slice(-1000),
  });
  const expected = await wholeOf(model);
  for (const player of players) {
    const actual = await wholeOf(player);
    if (isDeepStrictEqual(expected, actual)) continue;
    const says = `at the end: ${shown(expected)}\n  ≠ ${shown(actual)}`;
    throw new Error(report(game, player.stage.name, model.run.moments, says));
  }
};

const difference = (expected: Moment, actual: Moment): string | null => {
  for (const name of ['answers', 'outcome', 'state', 'decisions'] as const) {
    if (isDeepStrictEqual(expected[name], actual[name])) continue;
    const [ours, theirs] = onlyDifferent(expected[name], actual[name]);
    return `${name}: the model says ${shown(ours)}\n  the store says ${shown(theirs)}`;
  }
  return null;
};

/** Only the differences between two lists or objects of the same shape. */
const onlyDifferent = (a: unknown, b: unknown): [unknown, unknown] => {
  if (!isObject(a) || !isObject(b)) return [a, b];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const different = names.filter((name) => !isDeepStrictEqual(a[name], b[name]));
  const only = (all: Record<string, unknown>) =>
    Object.fromEntries(different.map((name) => [name, all[name]]));
  return [only(a), only(b)];
};
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );

/** How many of the last steps are shown; a replay shows the rest. */
const stepsShown = 12;

const report = (game: Game, name: string, moments: readonly Moment[], says: string): string => {
  const from = Math.max(0, moments.length - stepsShown);
  const steps = moments
    .slice(from)
    .map(({ step, answers }, at) => `  ${from + at}: ${shown(step)}\n    → ${shown(answers)}`);
  return [
    `${name} went another way than the model with seed ${game.seed} at step ${moments.length - 1}.`,
    says,
    `The last of its ${moments.length} steps (the shortest prefix that shows it):`,
    ...steps,
    `Again: ROOM_SEED=${game.seed} npx vitest run --project system tests/simulation/waiting-room`,
  ].join('\n');
};

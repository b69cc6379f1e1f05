import { isDeepStrictEqual } from 'node:util';
import { encodeSeatBits, seatState } from '@usher/domain/seat-bits.ts';
import { makeSeatMap, type SeatMap } from '@usher/domain/seat-map.ts';
import {
  type CallStep,
  countSeats,
  type Delta,
  type House,
  type PlainStep,
  type Result,
  type SeatState,
  type Step,
  type View,
} from './calls.ts';
import type { Player, Plays } from './database.ts';
import { type History, sweptMax } from './history.ts';
import {
  applyStep,
  type Booking,
  type Future,
  listFutures,
  makeModel,
  viewModel,
} from './model.ts';

/** Where a database and the model differ. */
export type Fault = {
  /** The step, from 0; null: what can be seen afterwards. */
  readonly step: number | null;
  readonly what: string;
  readonly expected: unknown;
  readonly actual: unknown;
};

/** A row with its fields in one order, as text. */
const toText = (row: object): string =>
  JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Rows have no order. Only the rows that differ are in the fault. */
const compareViews = (expected: View, actual: View): Fault | null => {
  for (const table of Object.keys(expected) as (keyof View)[]) {
    const wanted = expected[table].map(toText).sort();
    const found = actual[table].map(toText).sort();
    if (isDeepStrictEqual(wanted, found)) continue;
    return {
      step: null,
      what: `the ${table}`,
      expected: wanted.filter((row) => !found.includes(row)),
      actual: found.filter((row) => !wanted.includes(row)),
    };
  }
  return null;
};

type Shown = (typeof seatState)[keyof typeof seatState];
/** A buyer sees a seat that is being paid for as held. */
const shown: Readonly<Record<SeatState, Shown>> = {
  held: seatState.HELD,
  paying: seatState.HELD,
  sold: seatState.SOLD,
  blocked: seatState.BLOCKED,
};

/** What a process knows that has only seen the deltas, from an empty house on. */
const makeMaps = (house: House) => {
  const maps = new Map<string, SeatMap>(
    house.map((each) => [each.id, makeSeatMap(countSeats(each), { version: 1, claims: [] })]),
  );
  const buyers = new Set<string>();
  return {
    /** Answers a fault unless each delta follows the version before it. */
    follow: (step: number, deltas: readonly Delta[]): Fault | null => {
      for (const delta of deltas) {
        const map = maps.get(delta.performance);
        const answer = map?.apply({ ...delta, deadlineMs: null });
        if (answer !== 'applied')
          return {
            step,
            what: `version ${delta.version} of ${delta.performance} after ${map?.version}`,
            expected: 'applied',
            actual: answer,
          };
      }
      return null;
    },
    compare: async (view: View, player: Player): Promise<Fault | null> => {
      const versions = await player.readVersions();
      for (const { buyer } of view.holds) buyers.add(buyer);
      for (const [performance, map] of maps) {
        const seats = view.seats.filter((seat) => seat.performance === performance);
        const states = new Array<Shown>(map.seatCount).fill(seatState.FREE);
        for (const { seat, state } of seats) states[seat] = shown[state];
        const known = { bits: map.bits(), version: map.version };
        const stored = { bits: encodeSeatBits(states), version: versions.get(performance) };
        if (!isDeepStrictEqual(known, stored))
          return { step: null, what: `the map of ${performance}`, expected: stored, actual: known };
        const all = states.map((_, seat) => seat);
        for (const buyer of buyers) {
          const others = seats.filter((seat) => seat.buyer !== null && seat.buyer !== buyer);
          const expected = others.map(({ seat }) => seat).sort((a, b) => a - b);
          const actual = map.takenByOthers(all, player.toId(buyer), 0);
          const what = `seats of ${performance} that the map says ${buyer} cannot have`;
          if (!isDeepStrictEqual(expected, actual)) return { step: null, what, expected, actual };
        }
      }
      return null;
    },
  };
};

type Steps = Pick<History, 'house'> & { readonly steps: readonly Step[] };
/** Gets each step and what its callers were told. */
type Note = (step: PlainStep, results: readonly Result[]) => void;

const foresee = (booking: Booking, step: Step): Future[] =>
  step.kind === 'together'
    ? listFutures(booking, step.steps)
    : [{ booking, answers: [applyStep(booking, step)] }];

const act = async (player: Player, step: Step) => {
  if (step.kind === 'together') {
    const { answers, deltas } = await player.applyTogether(step.gate, step.steps);
    return { answers: answers.map(({ results }) => results), deltas };
  }
  const { results, deltas } = await player.apply(step);
  return { answers: [results], deltas };
};

/** Leaves out bookings that are the same as an earlier one. */
const dropSame = (bookings: readonly Booking[]): Booking[] =>
  bookings.filter(
    (booking, at) => !bookings.slice(0, at).some((earlier) => isDeepStrictEqual(earlier, booking)),
  );

/** A history under way: every booking that agrees with all that callers were told so far. */
const startPlay = async (plays: Plays, house: House, note: Note) => {
  const player = await plays.start(house);
  const maps = makeMaps(house);
  let possible = [makeModel(house)];

  const playStep = async (step: Step, number: number): Promise<Fault | null> => {
    const futures = possible.flatMap((booking) => foresee(booking, step));
    const expected = futures.map(({ answers }) => answers);
    const done = await act(player, step).catch((error: unknown) => String(error));
    if (typeof done === 'string') return { step: number, what: 'an error', expected, actual: done };
    const { answers, deltas } = done;
    const agreeing = futures.filter((future) => isDeepStrictEqual(future.answers, answers));
    if (agreeing.length === 0)
      return { step: number, what: 'what the callers are told', expected, actual: answers };
    possible = dropSame(agreeing.map(({ booking }) => booking));
    const steps = step.kind === 'together' ? step.steps : [step];
    for (const [i, each] of steps.entries()) note(each, answers[i] ?? []);
    return maps.follow(number, deltas);
  };

  /** Compares what can be seen with what the possible bookings show. */
  const compareEnd = async (): Promise<Fault | null> => {
    const view = await player.view();
    await player.leave();
    const faults = possible.map((booking) => compareViews(viewModel(booking), view));
    const fault = faults.includes(null) ? null : (faults[0] ?? null);
    return fault ?? maps.compare(view, player);
  };

  /** Nothing may be left that lapses during a later history. */
  const sweep = async (): Promise<void> => {
    await player.apply({ kind: 'lapse', holdsMax: sweptMax }).catch(() => {
      // The database has a bug: that is what is being reported.
    });
  };
  return { playStep, compareEnd, sweep };
};

/**
 * Makes the calls of a history on the model and on the database, and compares what each caller is
 * told and what can be seen afterwards. Null: no difference.
 */
export const playHistory = async (
  plays: Plays,
  { house, steps }: Steps,
  note: Note = () => undefined,
): Promise<Fault | null> => {
  const play = await startPlay(plays, house, note);
  const lapseLast: Step = { kind: 'lapse', holdsMax: sweptMax };
  for (const [number, step] of [...steps, lapseLast].entries()) {
    const fault = await play.playStep(step, number);
    if (fault === null) continue;
    await play.sweep();
    return fault;
  }
  return play.compareEnd();
};

/** Shorter steps: without some, without one call of one, or one of two that come together. */
function* shorten(steps: readonly Step[]): Generator<readonly Step[]> {
  for (let size = steps.length >> 1; size >= 1; size >>= 1)
    for (let from = 0; from < steps.length; from += size) yield steps.toSpliced(from, size);
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'together') for (const one of step.steps) yield steps.with(at, one);
    if (!('calls' in step) || step.calls.length < 2) continue;
    for (let i = 0; i < step.calls.length; i++)
      yield steps.with(at, { ...step, calls: step.calls.toSpliced(i, 1) } as CallStep);
  }
}

/**
 * Enough to leave out everything that does not matter in a history of 45 steps. None where nobody
 * reads the history: `npm run mutate` only asks whether there is a fault.
 */
const replaysMax = process.env['TEST_SHRINK'] === 'no' ? 0 : 600;

/** The shortest history that still shows a fault, found by leaving out steps and calls. */
export const shrinkHistory = async (
  plays: Plays,
  { house, steps: all }: Steps,
  fault: Fault,
): Promise<{ steps: readonly Step[]; fault: Fault }> => {
  const end = fault.step === null ? all.length : fault.step + 1;
  let shortest = { steps: all.slice(0, end), fault };
  let replays = 0;
  for (let isShorter = true; isShorter; ) {
    isShorter = false;
    for (const steps of shorten(shortest.steps)) {
      if (replays++ >= replaysMax) return shortest;
      const found = await playHistory(plays, { house, steps });
      if (found?.what !== fault.what) continue;
      shortest = { steps: [...steps], fault: found };
      isShorter = true;
      break;
    }
  }
  return shortest;
};

/** What a person needs to repeat and understand a fault. */
const describeFault = (
  { seed, house }: History,
  { steps, fault }: { steps: readonly Step[]; fault: Fault },
): string => {
  const at = fault.step === null ? 'after all steps' : `at step ${fault.step}`;
  return [
    `seed ${seed}: the database differs from the model ${at}: ${fault.what}`,
    ...house.map((performance) => JSON.stringify(performance)),
    ...steps.map((step, number) => `${number} ${JSON.stringify(step)}`),
    `the model:    ${JSON.stringify(fault.expected)}`,
    `the database: ${JSON.stringify(fault.actual)}`,
  ].join('\n');
};

/** Plays histories in turn. Null: none differs; else the first that does, as short as possible. */
export const playAll = async (
  plays: Plays,
  histories: Iterable<History>,
  note: Note = () => undefined,
): Promise<string | null> => {
  for (const history of histories) {
    const fault = await playHistory(plays, history, note);
    if (fault === null) continue;
    return describeFault(history, await shrinkHistory(plays, history, fault));
  }
  return null;
};

import type { RoomAnswer, RoomCommand, RoomState } from '@usher/domain/room/types.ts';
import type { RoomJournal } from '../../../server/src/services/waiting-room/store.postgres.ts';
import type { RoomStore } from '../../../server/src/services/waiting-room/store.ts';
import { keyOf } from './model.ts';
import type { Stage, TestTime } from './stage.ts';
import { arrayJournal, memoryStage, type RoomToStage } from './stages.ts';
import type { CrashKind } from './steps.ts';

/**
 * Stores with one bug each, wrapped around the one in memory: what a promise's checker must find.
 * `with`: other promises that this bug breaks too.
 */
export type Planted = {
  promise: number;
  bug: string;
  with: readonly number[];
  crashes: readonly CrashKind[];
  open: (world: RoomToStage, time: TestTime) => Promise<Stage>;
};

type Wrap = (store: RoomStore) => RoomStore;

const wrapped = async (
  world: RoomToStage,
  time: TestTime,
  wrap: Wrap,
  journal: RoomJournal = arrayJournal(),
): Promise<Stage> => {
  const stage = await memoryStage(world, time, journal);
  const store = wrap(stage.store());
  return { ...stage, name: 'planted', store: () => store };
};

/** Wraps a store so that it reports changed states. */
const toldAs = (store: RoomStore, tell: (state: RoomState) => RoomState): RoomStore => ({
  ...store,
  tick: async (...args) => tell(await store.tick(...args)),
  create: async (...args) => tell(await store.create(...args)),
  read: async (showId) => {
    const state = await store.read(showId);
    return state === null ? null : tell(state);
  },
  change: async (...args) => {
    const { outcome, state } = await store.change(...args);
    return { outcome, state: tell(state) };
  },
});

/** Plays commands one by one, so that a wrapper can use the answers to earlier ones. */
const playedEach =
  (play: (showId: string, command: RoomCommand) => Promise<RoomAnswer>): RoomStore['play'] =>
  async (showId, commands) => {
    const answers: RoomAnswer[] = [];
    for (const command of commands) answers.push(await play(showId, command));
    return answers;
  };

const playOne = async (
  store: RoomStore,
  showId: string,
  command: RoomCommand,
): Promise<RoomAnswer> => {
  const [answer] = await store.play(showId, [command]);
  if (answer === undefined) throw new Error('a command was not answered');
  return answer;
};

/** Of two people who join at once, the second one gets the entry of the first. */
const lostUpdate: Wrap = (store) => ({
  ...store,
  play: async (showId, commands) => {
    let first: number | null = null;
    return (await store.play(showId, commands)).map((answer) => {
      if (answer.outcome !== 'placed' || !answer.isNew) return answer;
      first ??= answer.entry;
      return { ...answer, entry: first };
    });
  },
});

/** The cap is compared with two added. */
const laxCap: Wrap = (store) => {
  const told = toldAs(store, (state) => ({ ...state, activeMax: state.activeMax - 2 }));
  return {
    ...told,
    create: (showId, control) =>
      told.create(showId, { ...control, activeMax: control.activeMax + 2 }),
    change: (showId, wanted) => {
      const { activeMax } = wanted.change;
      if (activeMax === undefined) return told.change(showId, wanted);
      const change = { ...wanted.change, activeMax: activeMax + 2 };
      return told.change(showId, { ...wanted, change });
    },
  };
};

/** Every tick credits twice. */
const doubleCredit: Wrap = (store) => {
  const told = toldAs(store, (state) => ({ ...state, ratePerMinute: state.ratePerMinute / 2 }));
  return {
    ...told,
    create: (showId, control) =>
      told.create(showId, { ...control, ratePerMinute: control.ratePerMinute * 2 }),
    change: (showId, wanted) => {
      const { ratePerMinute } = wanted.change;
      if (ratePerMinute === undefined) return told.change(showId, wanted);
      const change = { ...wanted.change, ratePerMinute: ratePerMinute * 2 };
      return told.change(showId, { ...wanted, change });
    },
  };
};

/** Late people are told that they are late, but it is not recorded. */
const lateForgotten: Wrap = (store) => ({
  ...store,
  play: playedEach(async (showId, command) => {
    if (command.kind !== 'claim') return playOne(store, showId, command);
    const answer = await playOne(store, showId, { ...command, kind: 'appear' });
    const isLate = answer.outcome === 'stands' && answer.standing === 'late';
    return isLate ? answer : playOne(store, showId, command);
  }),
});

/** A place belongs to a session: joining from another device gives another place. */
const placeOfASession: Wrap = (store) => {
  const sessions = new Map<string, number>();
  const asSession = (person: Uint8Array): Uint8Array => {
    const session = sessions.get(keyOf(person)) ?? 0;
    return Uint8Array.from(person, (byte, at) => (at === 7 ? (byte + 64 * session) & 255 : byte));
  };
  return {
    ...store,
    play: playedEach(async (showId, command) => {
      const { person } = command;
      if (command.kind === 'join' && command.presented === null)
        sessions.set(keyOf(person), (sessions.get(keyOf(person)) ?? -1) + 1);
      return playOne(store, showId, { ...command, person: asSession(person) });
    }),
  };
};

/** The end of the journal is missing when it is read again. */
const lossyJournal = (): RoomJournal => {
  const journal = arrayJournal();
  let written = 0;
  return {
    ...journal,
    write: async (owner, leaseMs, chunks) => {
      written += 1;
      // Every fifth commit is confirmed but not written.
      return written % 5 === 0 ? true : journal.write(owner, leaseMs, chunks);
    },
  };
};

/** Presented passes are accepted whatever their epoch. */
const anyEpoch: Wrap = (store) => ({
  ...store,
  play: playedEach(async (showId, command) => {
    if (command.kind !== 'touch' || command.presented === null)
      return playOne(store, showId, command);
    const state = await store.read(showId);
    const epoch = (state?.epoch ?? 1) - 1;
    return playOne(store, showId, { ...command, presented: { ...command.presented, epoch } });
  }),
});

/** The pause is answered and shown, but has no effect. */
const deafPause: Wrap = (store) => {
  let isPaused = false;
  const told = toldAs(store, (state) => (isPaused ? { ...state, override: 'paused' } : state));
  return {
    ...told,
    change: async (showId, wanted) => {
      const { override, overrideUntilMs } = wanted.change;
      const pauses = override === 'paused' && overrideUntilMs === 0;
      const change = pauses ? { ...wanted.change, override: 'none' as const } : wanted.change;
      const { outcome } = await store.change(showId, { ...wanted, change });
      if (outcome === 'changed' && override !== undefined) isPaused = pauses;
      const state = await told.read(showId);
      if (state === null) throw new Error('the room is gone');
      return { outcome, state };
    },
  };
};

/** A payment is told that its pass is pinned, but the pass is not. */
const deafPin: Wrap = (store) => ({
  ...store,
  play: playedEach(async (showId, command) => {
    if (command.kind !== 'pin') return playOne(store, showId, command);
    const { kind: _, untilMs, orderId, person } = command;
    const answer = await playOne(store, showId, { kind: 'touch', person, presented: null });
    if (answer.outcome !== 'live') return answer;
    const { nowMs = 0 } = (await store.read(showId)) ?? {};
    const endsAtMs = Math.max(answer.pass.endsAtMs, Math.min(untilMs, nowMs + 15_000));
    return { outcome: 'live', pass: { ...answer.pass, orderId, endsAtMs } };
  }),
});

/** A waiting person sets the presence bit of the next number. */
const offByOne: Wrap = (store) => ({
  ...store,
  play: playedEach(async (showId, command) => {
    const front = (await store.read(showId))?.front ?? 0;
    const isWaiting = command.kind === 'appear' && command.number > front;
    const shifted = isWaiting ? { ...command, number: command.number + 1 } : command;
    return playOne(store, showId, shifted);
  }),
});

const withTerms =
  (terms: Partial<RoomToStage['terms']>): Planted['open'] =>
  (world, time) =>
    memoryStage({ ...world, terms: { ...world.terms, ...terms } }, time, arrayJournal());

const around =
  (wrap: Wrap): Planted['open'] =>
  (world, time) =>
    wrapped(world, time, wrap);

export const plantedBugs: readonly Planted[] = [
  // A person with another's entry cannot use it (4, 5) or can (8); entries do not rise (13).
  { promise: 1, bug: 'a lost update', with: [4, 5, 8, 13], crashes: [], open: around(lostUpdate) },
  // More slots are also a larger share for late people (4).
  { promise: 2, bug: 'a cap that is off by two', with: [4], crashes: [], open: around(laxCap) },
  { promise: 3, bug: 'credit given twice', with: [], crashes: [], open: around(doubleCredit) },
  { promise: 4, bug: 'forgotten late people', with: [], crashes: [], open: around(lateForgotten) },
  // A device does not know the other device's place, and is refused (4).
  { promise: 5, bug: 'a place per session', with: [4], crashes: [], open: around(placeOfASession) },
  {
    promise: 6,
    bug: 'a journal that loses commits',
    crashes: ['kill'],
    // Then everything that people were told may be untrue.
    with: [1, 2, 4, 5, 8, 12, 13],
    open: (world, time) => memoryStage(world, time, lossyJournal()),
  },
  { promise: 8, bug: 'unchecked epochs', with: [], crashes: [], open: around(anyEpoch) },
  {
    promise: 9,
    bug: 'a front that goes step by step',
    // The list of late people, too.
    with: [4],
    crashes: [],
    open: withTerms({ windowNumbers: 2 }),
  },
  { promise: 11, bug: 'a pause without effect', with: [], crashes: [], open: around(deafPause) },
  // A pass that is not counted still works for its holder (2).
  { promise: 12, bug: 'a pin without effect', with: [2], crashes: [], open: around(deafPin) },
  { promise: 13, bug: 'presence off by one', with: [], crashes: [], open: around(offByOne) },
];

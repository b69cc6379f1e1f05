import assert from 'node:assert/strict';
import type {
  ControlChange,
  PersonKey,
  PresentedPass,
  PresentedPlace,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomPass,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';

/** One room of a store, with a clock that the promise can move, also back. */
export type TestedRoom = {
  play(commands: readonly RoomCommand[]): Promise<RoomAnswer[]>;
  tick(seatsLeft: number | null): Promise<RoomState>;
  read(): Promise<RoomState | null>;
  change(wanted: {
    changeId: string;
    ifRev: number;
    change: ControlChange;
  }): Promise<{ outcome: 'changed' | 'conflict'; state: RoomState }>;
  create(control: RoomControl): Promise<RoomState>;
  entries(): Promise<Uint8Array>;
  decisions(): Promise<RoomDecision[]>;
  advance(ms: number): Promise<void>;
};

/** A promise of every store; `keeps` throws if it is broken. The title is the guarantee. */
export type RoomPromise = { title: string; keeps: (room: TestedRoom) => Promise<void> };

export const startMs = 1_800_000_000_000;

/** The terms that a store is opened with for these promises. */
export const promisedTerms: RoomTerms = {
  tickMs: 250,
  claimWindowMs: 30_000,
  passTtlMs: 600_000,
  passMaxMs: 1_800_000,
  presenceMs: 30_000,
  windowNumbers: 4096,
  lateOneIn: 4,
};

/** Open, drawn without a lobby (a number is entry + 1), faster than any promise asks for. */
export const openControl: RoomControl = {
  rev: 1,
  epoch: 3,
  passEpoch: 2,
  phase: 'open',
  override: 'none',
  overrideUntilMs: 0,
  ratePerMinute: 600_000,
  activeMax: 1000,
  lobbyAtMs: startMs + 1000,
  opensAtMs: startMs + 2000,
  message: null,
  pollMultiplier: 1,
  drawEntries: 0,
  seed: 'cafe',
  root: 'beef',
  drawnAtMs: startMs - 1,
};
export const undrawn = { seed: '', root: '', drawnAtMs: 0 };

export const personOf = (who: number): PersonKey => {
  const person = new Uint8Array(8);
  new DataView(person.buffer).setBigUint64(
    0,
    (BigInt(who) * 0x9e3779b97f4a7c15n) & (2n ** 64n - 1n),
  );
  return person;
};
export const countTo = (count: number, from = 1): number[] =>
  Array.from({ length: count }, (_, at) => from + at);

export const enoughSeats = 1_000_000;
export const placed = (entry: number, isNew: boolean): RoomAnswer => ({
  outcome: 'placed',
  entry,
  isNew,
});
export const none: RoomAnswer = { outcome: 'none' };
export const done: RoomAnswer = { outcome: 'done' };

/** A room with people who know their entries, like their devices. */
export type Stage = Awaited<ReturnType<typeof setStage>>;

export const setStage = async (room: TestedRoom, differing: Partial<RoomControl> = {}) => {
  const created = await room.create({ ...openControl, ...differing });
  const entries = new Map<number, number>();
  let changes = 0;
  const one = async (command: RoomCommand): Promise<RoomAnswer> => {
    const [answer] = await room.play([command]);
    assert(answer, 'one answer for one command');
    return answer;
  };
  const remember = (who: number, answer: RoomAnswer): RoomAnswer => {
    if (answer.outcome === 'placed') entries.set(who, answer.entry);
    return answer;
  };
  const joinOf = (
    who: number,
    more: { presented?: PresentedPlace; replaces?: number; mayEnter?: boolean } = {},
  ): RoomCommand => ({
    kind: 'join',
    person: personOf(who),
    presented: more.presented ?? null,
    replaces: more.replaces ?? null,
    mayEnter: more.mayEnter ?? true,
  });
  /** Entry and number as the service would pass them; entry 0 for people who have none. */
  const placeOf = (who: number, entry = entries.get(who) ?? 0) => ({
    person: personOf(who),
    entry,
    number: entry + 1,
  });

  const read = async (): Promise<RoomState> => {
    const state = await room.read();
    assert(state, 'a room that was created is there');
    return state;
  };
  const join = async (who: number, more: Parameters<typeof joinOf>[1] = {}) =>
    remember(who, await one(joinOf(who, more)));
  const appear = (who: number, entry?: number) => one({ kind: 'appear', ...placeOf(who, entry) });
  const claim = (who: number, entry?: number) => one({ kind: 'claim', ...placeOf(who, entry) });
  const leave = (who: number, entry?: number) => one({ kind: 'leave', ...placeOf(who, entry) });
  /** The next tick that is due. */
  const tick = async (seatsLeft: number | null = enoughSeats): Promise<RoomState> => {
    await room.advance(promisedTerms.tickMs);
    return room.tick(seatsLeft);
  };
  /** Advances time in a room that ticks but calls nobody; the promise does the last tick. */
  const wait = async (ms: number): Promise<void> => {
    const stepMs = promisedTerms.presenceMs / 2;
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      await room.advance(Math.min(stepMs, leftMs));
      if (leftMs > stepMs) await room.tick(0);
    }
  };
  const change = async (wanted: ControlChange): Promise<RoomState> => {
    const { rev } = await read();
    changes++;
    const changeId = `change-${changes}`;
    const { outcome, state } = await room.change({ changeId, ifRev: rev, change: wanted });
    assert.equal(outcome, 'changed');
    return state;
  };
  /** All of them join, in this order. */
  const crowd = async (people: readonly number[]): Promise<void> => {
    for (let from = 0; from < people.length; from += 500) {
      const part = people.slice(from, from + 500);
      const answers = await room.play(part.map((who) => joinOf(who)));
      for (const [at, who] of part.entries()) remember(who, answers[at] ?? none);
    }
  };
  return {
    room,
    created,
    joinOf,
    join,
    appear,
    claim,
    leave,
    read,
    tick,
    wait,
    change,
    crowd,
    one,
    advance: room.advance,
    touch: (who: number, presented: PresentedPass | null = null) =>
      one({ kind: 'touch', person: personOf(who), presented }),
    pin: (who: number, orderId: string, untilMs: number) =>
      one({ kind: 'pin', person: personOf(who), orderId, untilMs }),
    unpin: (who: number, orderId: string) => one({ kind: 'unpin', person: personOf(who), orderId }),
    complete: (who: number, orderId: string) =>
      one({ kind: 'complete', person: personOf(who), orderId }),
    /** All of these people send a heartbeat. */
    beat: async (people: readonly number[]): Promise<RoomAnswer[]> =>
      room.play(people.map((who) => ({ kind: 'appear', ...placeOf(who) }))),
    /** Joins, is called and claims. */
    admit: async (who: number): Promise<RoomPass> => {
      await join(who);
      await tick();
      return passIn(await claim(who));
    },
  };
};

export const passIn = (answer: RoomAnswer): RoomPass => {
  if (answer.outcome === 'live') return answer.pass;
  const pass = answer.outcome === 'stands' ? answer.pass : null;
  assert(pass, `no pass but ${JSON.stringify(answer)}`);
  return pass;
};
/** A person's standing, in a word; the outcome if they have none. */
export const wordOf = (answer: RoomAnswer): string =>
  answer.outcome === 'stands' ? answer.standing : answer.outcome;
export const assertStands = (answer: RoomAnswer, standing: string): void =>
  assert.equal(wordOf(answer), standing);
/** The given counts of a state. */
export const assertCounts = (state: RoomState, counts: Partial<RoomState>): void => {
  const names = Object.keys(counts) as (keyof RoomState)[];
  const found = Object.fromEntries(names.map((name) => [name, state[name]]));
  assert.deepEqual(found, counts);
};

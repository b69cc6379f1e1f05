import type {
  ControlChange,
  RoomAnswer,
  RoomCommand,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';
import { roomPromises } from '@usher/tests/contracts/room/all.ts';
import { promisedTerms, startMs, type TestedRoom } from '@usher/tests/contracts/room/stage.ts';
import { expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { testedRoom } from './store.contract.ts';
import { forgetfulJournal, openMemoryRooms } from './store.memory.ts';

type Breaks = (room: TestedRoom) => TestedRoom;

const keyOf = (person: Uint8Array): string => person.join();

/** A store that hears something else than was said. */
const hearing =
  (heard: (command: RoomCommand) => RoomCommand): Breaks =>
  (room) => ({ ...room, play: (commands) => room.play(commands.map(heard)) });
/** A store that says something else than is so. */
const saying =
  (said: (answer: RoomAnswer, command: RoomCommand) => RoomAnswer): Breaks =>
  (room) => ({
    ...room,
    play: async (commands) => {
      const answers = await room.play(commands);
      return answers.map((answer, at) => said(answer, commands[at] as RoomCommand));
    },
  });
const showing =
  (shown: (state: RoomState) => RoomState): Breaks =>
  (room) => ({
    ...room,
    tick: async (seatsLeft) => shown(await room.tick(seatsLeft)),
    read: async () => {
      const state = await room.read();
      return state && shown(state);
    },
  });
/** A store that is set otherwise than was asked. */
const setting =
  (set: (wanted: ControlChange) => ControlChange): Breaks =>
  (room) => ({
    ...room,
    create: (control) => room.create({ ...control, ...set(control) }),
    change: (wanted) => room.change({ ...wanted, change: set(wanted.change) }),
  });

const forgetsPlaces: Breaks = (room) => {
  const known = new Map<string, number>();
  const playOne = async (command: RoomCommand): Promise<RoomAnswer> => {
    const entry = known.get(keyOf(command.person));
    if (command.kind === 'join' && entry !== undefined)
      await room.play([{ kind: 'leave', person: command.person, entry, number: 0 }]);
    const [answer] = await room.play([command]);
    if (answer?.outcome === 'placed') known.set(keyOf(command.person), answer.entry);
    return answer ?? { outcome: 'none' };
  };
  return { ...room, play: (commands) => Promise.all(commands.map(playOne)) };
};
const callsTheAbsent: Breaks = (room) => {
  const asked = new Map<string, RoomCommand>();
  return {
    ...room,
    play: async (commands) => {
      const answers = await room.play(commands);
      for (const [at, { person }] of commands.entries()) {
        const answer = answers[at];
        if (answer?.outcome !== 'placed') continue;
        const { entry } = answer;
        asked.set(keyOf(person), { kind: 'appear', person, entry, number: entry + 1 });
      }
      return answers;
    },
    tick: async (seatsLeft) => {
      await room.play([...asked.values()]);
      return room.tick(seatsLeft);
    },
  };
};
const losesALeaver: Breaks = (room) => ({
  ...room,
  play: async (commands) => {
    const heard = commands.filter(({ kind }) => kind !== 'leave');
    const answers = (await room.play(heard)).values();
    return commands.map(({ kind }) =>
      kind === 'leave' ? { outcome: 'done' } : (answers.next().value ?? { outcome: 'none' }),
    );
  },
});
const timeGoesBack: Breaks = (room) => {
  let nowMs = startMs;
  const broken = showing((state) => ({ ...state, nowMs }))(room);
  return {
    ...broken,
    advance: async (ms) => {
      nowMs += ms;
      await room.advance(ms);
    },
  };
};

const joins = (change: Partial<Extract<RoomCommand, { kind: 'join' }>>) =>
  hearing((it) => (it.kind === 'join' ? { ...it, ...change } : it));
const laterBy = (ms: number, kind: RoomCommand['kind']) =>
  saying((answer, command) =>
    answer.outcome === 'live' && command.kind === kind
      ? { ...answer, pass: { ...answer.pass, endsAtMs: answer.pass.endsAtMs + ms } }
      : answer,
  );

const broken: Readonly<Record<string, Breaks>> = {
  'gives another place to who joins again': forgetsPlaces,
  'gives an entry twice': saying((it) =>
    it.outcome === 'placed' && it.entry === 4 ? { ...it, entry: 3 } : it,
  ),
  'says that a known place is new': saying((it) =>
    it.outcome === 'placed' ? { ...it, isNew: true } : it,
  ),
  'lets in against the caller’s will': joins({ mayEnter: true }),
  'replaces nothing': joins({ replaces: null }),
  'knows no lost place again': joins({ presented: null }),
  'believes tokens of this epoch': hearing((it) =>
    it.kind === 'join' && it.presented !== null
      ? { ...it, presented: { ...it.presented, epoch: 0 } }
      : it,
  ),
  'gives the pass to who only asks': hearing((it) =>
    it.kind === 'appear' ? { ...it, kind: 'claim' } : it,
  ),
  'forgets the late': saying((it) =>
    it.outcome === 'stands' && it.standing === 'late' ? { outcome: 'none' } : it,
  ),
  'does not take late ones in': hearing((it) =>
    it.kind === 'claim' && it.number === 1 ? { ...it, kind: 'appear' } : it,
  ),
  'calls who is not there': callsTheAbsent,
  'calls one too many': setting((it) =>
    it.activeMax === undefined ? it : { ...it, activeMax: it.activeMax + 1 },
  ),
  'calls though nobody knows the seats': (room) => ({
    ...room,
    tick: (left) => room.tick(left ?? 9),
  }),
  'lets the front go back': showing((it) => ({ ...it, front: it.front > 40 ? 40 : it.front })),
  hurries: setting((it) =>
    it.ratePerMinute === undefined ? it : { ...it, ratePerMinute: it.ratePerMinute + 1000 },
  ),
  'does not pause': setting((it) => (it.override === 'paused' ? { ...it, override: 'none' } : it)),
  'holds nothing': setting(({ holdsForMs, ...it }) => it),
  'ticks whenever it is asked': (room) => ({
    ...room,
    tick: async (seatsLeft) => {
      await room.advance(promisedTerms.tickMs);
      return room.tick(seatsLeft);
    },
  }),
  'lets time go back': timeGoesBack,
  'lets a pass outlive its absolute end': laterBy(1, 'touch'),
  'does not slide': hearing((it) =>
    it.kind === 'touch' ? { kind: 'unpin', person: it.person, orderId: 'none' } : it,
  ),
  'does not wait for money': hearing((it) =>
    it.kind === 'pin' ? { ...it, untilMs: startMs } : it,
  ),
  'lets any order go': hearing((it) =>
    it.kind === 'unpin' || it.kind === 'complete' ? { ...it, orderId: 'order_1' } : it,
  ),
  'makes revoked passes again': hearing((it) =>
    it.kind === 'touch' && it.presented !== null
      ? { ...it, presented: { ...it.presented, epoch: 2 } }
      : it,
  ),
  'makes no lost pass again': hearing((it) =>
    it.kind === 'touch' ? { ...it, presented: null } : it,
  ),
  'keeps the slot of who leaves': losesALeaver,
  'changes what somebody else has changed': (room) => ({
    ...room,
    change: async (it) => room.change({ ...it, ifRev: (await room.read())?.rev ?? 0 }),
  }),
  'takes a repeated change for another': (room) => {
    let times = 0;
    return {
      ...room,
      change: (it) => room.change({ ...it, changeId: `${it.changeId} ${times++}` }),
    };
  },
  'revokes nothing': setting(({ revokesPasses, ...it }) => it),
  'draws between those who came after the seal': (room) => ({
    ...room,
    entries: async () => new Uint8Array([...(await room.entries()), ...new Uint8Array(8)]),
  }),
  'tells of decisions by halves': (room) => ({
    ...room,
    decisions: async () => (await room.decisions()).map((it) => ({ ...it, recalled: [] })),
  }),
  'recreates a room': (room) => ({
    ...room,
    create: async (control) => ({ ...(await room.create(control)), rev: control.rev }),
  }),
};

const wrongTerms: readonly Partial<RoomTerms>[] = [
  { tickMs: 249 },
  { tickMs: 251 },
  { claimWindowMs: 29_999 },
  { claimWindowMs: 30_001 },
  { passTtlMs: 599_999 },
  { passMaxMs: 1_800_001 },
  { presenceMs: 29_999 },
  { presenceMs: 30_001 },
  { windowNumbers: 4095 },
  { windowNumbers: 4097 },
];

/** The first promise that a store does not keep; null when it keeps them all. */
const notKept = async (breaks: Breaks, terms: Partial<RoomTerms>): Promise<string | null> => {
  for (const { title, keeps } of Object.values(roomPromises).flat()) {
    const clock = manualClock(startMs);
    const store = await openMemoryRooms({
      journal: forgetfulJournal,
      clock,
      log: silentLog,
      owner: 'test',
      isAlone: true,
      terms: { ...promisedTerms, ...terms },
    });
    const room = testedRoom({ store, advance: (ms) => clock.advance(ms) });
    const isKept = await keeps(breaks(room)).then(
      () => true,
      () => false,
    );
    await store.close();
    if (!isKept) return title;
  }
  return null;
};

test('the suite accepts a store that breaks nothing', async () => {
  expect(await notKept((room) => room, {})).toBeNull();
});
for (const [what, breaks] of Object.entries(broken))
  test(`the suite catches a store that ${what}`, async () => {
    expect(await notKept(breaks, {})).not.toBeNull();
  });
for (const terms of wrongTerms)
  test(`the suite catches a store with the terms ${JSON.stringify(terms)}`, async () => {
    expect(await notKept((room) => room, terms)).not.toBeNull();
  });

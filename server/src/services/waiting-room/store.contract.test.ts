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

/** A store that receives other commands than were sent. */
const hearing =
  (heard: (command: RoomCommand) => RoomCommand): Breaks =>
  (room) => ({ ...room, play: (commands) => room.play(commands.map(heard)) });
/** A store that gives wrong answers. */
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
/** A store that applies other settings than were requested. */
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
/** Asks again for every late person who asked once, also when they have gone away. */
const callsLatePeopleWhoAreGone: Breaks = (room) => {
  const asked = new Map<string, RoomCommand>();
  return {
    ...room,
    play: async (commands) => {
      const answers = await room.play(commands);
      for (const [at, command] of commands.entries()) {
        const answer = answers[at];
        const isLate = answer?.outcome === 'stands' && answer.standing === 'late';
        if (command.kind === 'claim' && isLate) asked.set(keyOf(command.person), command);
      }
      return answers;
    },
    tick: async (seatsLeft) => {
      for (const [key, command] of asked) {
        const [answer] = await room.play([{ ...command, kind: 'appear' } as RoomCommand]);
        const isLate = answer?.outcome === 'stands' && answer.standing === 'late';
        if (isLate) await room.play([command]);
        else asked.delete(key);
      }
      return room.tick(seatsLeft);
    },
  };
};
/** A person who missed two calls is late once more. */
const forgivesTheSecondLapse: Breaks = (room) => {
  const served = new Set<string>();
  return saying((answer, { person }) => {
    if (answer.outcome !== 'stands') return answer;
    if (answer.pass !== null) served.add(keyOf(person));
    const isLapsed = answer.standing === 'over' && !served.has(keyOf(person));
    return isLapsed ? { ...answer, standing: 'late' } : answer;
  })(room);
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
  'gives a person who joins again another place': forgetsPlaces,
  'gives the same entry twice': saying((it) =>
    it.outcome === 'placed' && it.entry === 4 ? { ...it, entry: 3 } : it,
  ),
  'says that a known place is new': saying((it) =>
    it.outcome === 'placed' ? { ...it, isNew: true } : it,
  ),
  'gives a place although the caller forbade it': joins({ mayEnter: true }),
  'replaces nothing': joins({ replaces: null }),
  'does not restore a lost place': joins({ presented: null }),
  'restores places from tokens of the current epoch': hearing((it) =>
    it.kind === 'join' && it.presented !== null
      ? { ...it, presented: { ...it.presented, epoch: 0 } }
      : it,
  ),
  'gives a pass to a person who only asks': hearing((it) =>
    it.kind === 'appear' ? { ...it, kind: 'claim' } : it,
  ),
  'forgets late people': saying((it) =>
    it.outcome === 'stands' && it.standing === 'late' ? { outcome: 'none' } : it,
  ),
  'does not admit late people': hearing((it) =>
    it.kind === 'claim' && it.number === 1 ? { ...it, kind: 'appear' } : it,
  ),
  'calls people who are absent': callsTheAbsent,
  'calls late people who asked and went away': callsLatePeopleWhoAreGone,
  'gives a person who missed two calls a third one': forgivesTheSecondLapse,
  'calls one person too many': setting((it) =>
    it.activeMax === undefined ? it : { ...it, activeMax: it.activeMax + 1 },
  ),
  'calls people while the number of seats left is unknown': (room) => ({
    ...room,
    tick: (left) => room.tick(left ?? 9),
  }),
  'moves the front back': showing((it) => ({ ...it, front: it.front > 40 ? 40 : it.front })),
  'exceeds the rate': setting((it) =>
    it.ratePerMinute === undefined ? it : { ...it, ratePerMinute: it.ratePerMinute + 1000 },
  ),
  'does not pause': setting((it) => (it.override === 'paused' ? { ...it, override: 'none' } : it)),
  'does not hold back releases': setting(({ holdsForMs, ...it }) => it),
  'ticks at every call': (room) => ({
    ...room,
    tick: async (seatsLeft) => {
      await room.advance(promisedTerms.tickMs);
      return room.tick(seatsLeft);
    },
  }),
  'lets its clock go back': timeGoesBack,
  'lets a pass outlive its absolute end': laterBy(1, 'touch'),
  'does not extend a pass that is used': hearing((it) =>
    it.kind === 'touch' ? { kind: 'unpin', person: it.person, orderId: 'none' } : it,
  ),
  'does not keep a pass while its order waits for payment': hearing((it) =>
    it.kind === 'pin' ? { ...it, untilMs: startMs } : it,
  ),
  'lets any order unpin or complete a pass': hearing((it) =>
    it.kind === 'unpin' || it.kind === 'complete' ? { ...it, orderId: 'order_1' } : it,
  ),
  'restores revoked passes': hearing((it) =>
    it.kind === 'touch' && it.presented !== null
      ? { ...it, presented: { ...it.presented, epoch: 2 } }
      : it,
  ),
  'does not restore a lost pass': hearing((it) =>
    it.kind === 'touch' ? { ...it, presented: null } : it,
  ),
  'keeps the slot of a person who leaves': losesALeaver,
  'accepts a change based on an outdated rev': (room) => ({
    ...room,
    change: async (it) => room.change({ ...it, ifRev: (await room.read())?.rev ?? 0 }),
  }),
  'treats a repeated change as a new one': (room) => {
    let times = 0;
    return {
      ...room,
      change: (it) => room.change({ ...it, changeId: `${it.changeId} ${times++}` }),
    };
  },
  'does not revoke passes': setting(({ revokesPasses, ...it }) => it),
  'draws among people who came after the seal': (room) => ({
    ...room,
    entries: async () => new Uint8Array([...(await room.entries()), ...new Uint8Array(8)]),
  }),
  'reports decisions incompletely': (room) => ({
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
  { lateOneIn: 3 },
  { lateOneIn: 5 },
];

/** The first promise that a store breaks; null if it keeps them all. */
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

import { describe, expect, test } from 'vitest';
import { makeRestoringMachine, makeRoomMachine, type RoomMachine } from './machine.ts';
import { type Dice, makeDice } from './promises/dice.ts';
import { openControl, personOf, promisedTerms, startMs, undrawn } from './promises/stage.ts';
import type { RoomAnswer, RoomCommand } from './words.ts';

const peopleMax = 60;

/** Somebody does something, some time passes; the chances are those of a busy room. */
const makeCrowd = (dice: Dice) => {
  const entries = new Map<number, number>();
  const commandOf = (who: number): RoomCommand => {
    const person = personOf(who);
    const entry = entries.get(who) ?? 0;
    const place = { person, entry, number: entry + 1 };
    const orderId = `order_${dice(2)}`;
    const pinned = { person, orderId, untilMs: startMs + dice(4_000_000) };
    const epoch = dice(4);
    const presented = dice(4) > 0 ? null : { number: entry + 1, epoch, endsByMs: startMs + 9e6 };
    const kinds: readonly RoomCommand[] = [
      {
        ...{ kind: 'join', person, replaces: dice(3) > 0 ? null : entry, mayEnter: dice(9) > 0 },
        presented: dice(9) > 0 ? null : { entry: who + 100, epoch },
      },
      { kind: 'appear', ...place },
      { kind: 'claim', ...place },
      { kind: 'claim', ...place },
      { kind: 'touch', person, presented },
      { kind: 'pin', ...pinned },
      { kind: 'unpin', person, orderId },
      { kind: 'complete', person, orderId },
      { kind: 'leave', ...place },
    ];
    return kinds[dice(12)] ?? { kind: 'appear', ...place };
  };
  const heard = (who: number, answer: RoomAnswer | undefined): void => {
    if (answer?.outcome === 'placed') entries.set(who, answer.entry);
  };
  return { commandOf, heard, entryOf: (who: number) => entries.get(who) ?? 0 };
};

const act = (
  machine: RoomMachine,
  crowd: ReturnType<typeof makeCrowd>,
  dice: Dice,
  now: number,
) => {
  const { rev } = machine.state(now);
  const seatsLeft = dice(20) === 0 ? null : dice(30);
  if (dice(3) === 0) machine.tick(seatsLeft, now);
  if (dice(60) === 0)
    machine.change(
      {
        ...{ changeId: `change-${dice(1_000_000)}`, ifRev: rev },
        change: {
          ...{ activeMax: 1 + dice(12), ratePerMinute: 60 * (1 + dice(100)) },
          ...{ revokesPasses: dice(4) === 0, holdsForMs: dice(2000) },
          ...(dice(3) === 0 ? { override: 'paused', overrideUntilMs: now + dice(9000) } : {}),
        },
      },
      now,
    );
  const who = dice(peopleMax);
  const [answer] = machine.play([crowd.commandOf(who)], now);
  crowd.heard(who, answer);
};

/** Everything that can be asked of a room. */
const seen = (machine: RoomMachine, crowd: ReturnType<typeof makeCrowd>, now: number) => {
  const people = Array.from({ length: peopleMax }, (_, who) => {
    const entry = crowd.entryOf(who);
    return machine.play([{ kind: 'appear', person: personOf(who), entry, number: entry + 1 }], now);
  });
  return {
    ...{ people, state: machine.state(now), decisions: machine.decisions() },
    largestNow: machine.state(0).nowMs,
    entries: [...machine.entries()],
  };
};

const restored = (chunks: readonly Uint8Array[]): RoomMachine => {
  const machine = makeRestoringMachine(promisedTerms);
  for (const chunk of chunks) machine.restore(chunk);
  // What it was made from is not written once more.
  expect(machine.recordBytes).toBe(0);
  return machine;
};

const control = { ...openControl, activeMax: 8, ratePerMinute: 1200 };

describe('records', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'make the room again as it was, at any moment (%i)',
    (seed) => {
      const dice = makeDice(seed);
      const crowd = makeCrowd(dice);
      const isLobby = seed % 4 === 0;
      const begun = isLobby ? { ...control, phase: 'lobby' as const, ...undrawn } : control;
      const machine = makeRoomMachine(begun, promisedTerms);
      const chunks: Uint8Array[] = [];
      let now = startMs;
      let recalled = 0;
      for (let step = 0; step < 2000; step++) {
        now += dice(4) === 0 ? dice(40) * dice(40) : dice(100);
        if (isLobby && step === 500)
          machine.change(
            {
              ...{ changeId: 'open', ifRev: machine.state(now).rev },
              change: { seals: true, phase: 'open', drawnAtMs: now, seed: 'cafe', root: 'beef' },
            },
            now,
          );
        act(machine, crowd, dice, now);
        if (dice(20) === 0) chunks.push(machine.takeRecords());
        if (step % 50 !== 49) continue;
        chunks.push(machine.takeRecords());
        expect(seen(restored(chunks), crowd, now)).toEqual(seen(machine, crowd, now));
        recalled += machine.decisions().flatMap((decision) => decision.recalled).length;
      }
      expect(machine.state(now).admitted).toBeGreaterThan(10);
      expect(recalled).toBeGreaterThan(0);
    },
  );

  test('keep the bucket: a room made again calls as many as the other one', () => {
    const slow = { ...control, ratePerMinute: 1200, activeMax: 1000 };
    const machine = makeRoomMachine(slow, promisedTerms);
    const people = Array.from({ length: 200 }, (_, who) => who);
    const all = people.map((who): RoomCommand => {
      return {
        kind: 'join',
        person: personOf(who),
        presented: null,
        replaces: null,
        mayEnter: true,
      };
    });
    machine.play(all, startMs);
    machine.tick(1000, startMs);
    machine.tick(1000, startMs + 300);
    const first = [machine.takeRecords()];
    // A change carries the bucket: what came in without a record, and what it was reckoned by.
    machine.tick(0, startMs + 600);
    const change = { ratePerMinute: 600 };
    const wanted = { changeId: 'slower', ifRev: 1, change };
    machine.change(wanted, startMs + 700);
    const other = restored([...first, machine.takeRecords()]);
    expect(other.change(wanted, startMs + 700).outcome).toBe('changed');
    const show = people.map((who): RoomCommand => {
      return { kind: 'appear', person: personOf(who), entry: who, number: who + 1 };
    });
    for (const each of [machine, other]) each.play(show, startMs + 700);
    const later = (each: RoomMachine) =>
      [900, 1200, 1700].map((ms) => each.tick(1000, startMs + ms).front);
    expect(later(other)).toEqual(later(machine));
    expect(later(machine)[0]).toBeGreaterThan(10);
  });

  test('of a join are 9 bytes, and there is none of what changed nothing', () => {
    const machine = makeRoomMachine(control, promisedTerms);
    const join = (who: number): RoomCommand => {
      return {
        kind: 'join',
        person: personOf(who),
        presented: null,
        replaces: null,
        mayEnter: true,
      };
    };
    machine.play([join(1)], startMs);
    machine.tick(0, startMs);
    machine.takeRecords();
    machine.play([join(1)], startMs);
    machine.play([{ kind: 'appear', person: personOf(1), entry: 0, number: 1 }], startMs);
    machine.play([{ kind: 'claim', person: personOf(1), entry: 0, number: 1 }], startMs);
    machine.tick(0, startMs + 1000);
    expect(machine.recordBytes).toBe(0);
    machine.play([join(2), join(3)], startMs);
    expect(machine.recordBytes).toBe(18);
  });

  test('that are cut short, or of no known kind, are refused and not guessed', () => {
    const machine = makeRoomMachine(control, promisedTerms);
    const records = machine.takeRecords();
    for (const length of [records.length - 1, 12, 3])
      expect(() => restored([records.slice(0, length)])).toThrow('cut short');
    expect(() => restored([new Uint8Array([99])])).toThrow('no record is of the kind 99');
  });
});

test('a room made again calls nobody until whoever is there has shown themselves', () => {
  const machine = makeRoomMachine(control, promisedTerms);
  const person = personOf(1);
  machine.play(
    [{ kind: 'join', person, presented: null, replaces: null, mayEnter: true }],
    startMs,
  );
  machine.tick(0, startMs);
  const other = restored([machine.takeRecords()]);
  other.resume(startMs + 1000);
  const fronts = (at: readonly number[]): number[] =>
    at.map((ms) => other.tick(9, startMs + 1000 + ms).front);
  expect(fronts([0, 250, 29_000])).toEqual([0, 0, 0]);
  other.play([{ kind: 'appear', person, entry: 0, number: 1 }], startMs + 30_000);
  expect(fronts([29_500, 29_999, 30_250])).toEqual([0, 0, 1]);
});

test('a room made again has nothing saved up: the next call is paid for by time', () => {
  const machine = makeRoomMachine({ ...control, ratePerMinute: 1 }, promisedTerms);
  const person = personOf(1);
  machine.play(
    [{ kind: 'join', person, presented: null, replaces: null, mayEnter: true }],
    startMs,
  );
  machine.tick(0, startMs);
  const other = restored([machine.takeRecords()]);
  other.resume(startMs + 100_000);
  const frontAfter = (ms: number): number => {
    const now = startMs + 100_000 + ms;
    other.play([{ kind: 'appear', person, entry: 0, number: 1 }], now);
    return other.tick(9, now).front;
  };
  expect([30_000, 59_999, 60_249].map(frontAfter)).toEqual([0, 0, 1]);
});

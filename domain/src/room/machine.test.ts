import {
  openControl,
  personOf,
  promisedTerms,
  startMs,
  undrawn,
} from '@usher/tests/contracts/room/stage.ts';
import { describe, expect, test } from 'vitest';
import { makeRandom, type Random } from '../random.ts';
import { makeRestoringMachine, makeRoomMachine, type RoomMachine } from './machine.ts';
import type { RoomAnswer, RoomCommand } from './types.ts';

const peopleMax = 60;

/** Random actions and pauses, with the probabilities of a busy room. */
const makeCrowd = (dice: Random['below']) => {
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
        kind: 'join',
        person,
        replaces: dice(3) > 0 ? null : entry,
        mayEnter: dice(9) > 0,
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
  dice: Random['below'],
  now: number,
) => {
  const { rev } = machine.state(now);
  const seatsLeft = dice(20) === 0 ? null : dice(30);
  if (dice(3) === 0) machine.tick(seatsLeft, now);
  if (dice(60) === 0)
    machine.change(
      {
        changeId: `change-${dice(1_000_000)}`,
        ifRev: rev,
        change: {
          activeMax: 1 + dice(12),
          ratePerMinute: 60 * (1 + dice(100)),
          revokesPasses: dice(4) === 0,
          holdsForMs: dice(2000),
          ...(dice(3) === 0 ? { override: 'paused', overrideUntilMs: now + dice(9000) } : {}),
        },
      },
      now,
    );
  const who = dice(peopleMax);
  const [answer] = machine.play([crowd.commandOf(who)], now);
  crowd.heard(who, answer);
};

/** Everything that can be read from a room. */
const seen = (machine: RoomMachine, crowd: ReturnType<typeof makeCrowd>, now: number) => {
  const largestNow = machine.state(0).nowMs;
  const people = Array.from({ length: peopleMax }, (_, who) => {
    const entry = crowd.entryOf(who);
    return machine.play([{ kind: 'appear', person: personOf(who), entry, number: entry + 1 }], now);
  });
  return {
    people,
    state: machine.state(now),
    decisions: machine.decisions(),
    largestNow,
    entries: [...machine.entries()],
  };
};

const restored = (chunks: readonly Uint8Array[]): RoomMachine => {
  const machine = makeRestoringMachine(promisedTerms);
  for (const chunk of chunks) machine.restore(chunk);
  // The records that it was restored from are not written again.
  expect(machine.recordBytes).toBe(0);
  return machine;
};

const control = { ...openControl, activeMax: 8, ratePerMinute: 1200 };
const joinOf = (who: number): RoomCommand => ({
  kind: 'join',
  person: personOf(who),
  presented: null,
  replaces: null,
  mayEnter: true,
});
/** People who joined as 0, 1, 2 … */
const appearanceOf = (who: number): RoomCommand => ({
  kind: 'appear',
  person: personOf(who),
  entry: who,
  number: who + 1,
});

describe('records', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('restore the room exactly, at any moment (%i)', (seed) => {
    const dice = makeRandom(seed).below;
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
            changeId: 'open',
            ifRev: machine.state(now).rev,
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
  });

  test.each([
    ['after a call', false],
    ['after a change', true],
  ])('keep the bucket: a room restored %s calls as many people as the original', (_, changes) => {
    const machine = makeRoomMachine({ ...control, activeMax: 1000 }, promisedTerms);
    const people = Array.from({ length: 200 }, (_each, who) => who);
    machine.play(people.map(joinOf), startMs);
    machine.tick(1000, startMs);
    machine.tick(1000, startMs + 300);
    const chunks = [machine.takeRecords()];
    // Credit earned without a record is computed again; a change contains the credit at that time.
    machine.tick(0, startMs + 560);
    const wanted = { changeId: 'nothing', ifRev: 1, change: {} };
    if (changes) machine.change(wanted, startMs + 600);
    const other = restored([...chunks, machine.takeRecords()]);
    if (changes) expect(other.change(wanted, startMs + 600).outcome).toBe('changed');
    expect(other.state(0).rev).toBe(machine.state(0).rev);
    const fronts = [machine, other].map((each) => {
      each.play(people.map(appearanceOf), startMs + 600);
      return [820, 1100].map((ms) => each.tick(1000, startMs + ms).front);
    });
    expect(fronts).toEqual([
      [27, 33],
      [27, 33],
    ]);
  });

  test('of a join take 9 bytes, and commands without effect write none', () => {
    const machine = makeRoomMachine(control, promisedTerms);
    machine.play([joinOf(1)], startMs);
    machine.tick(0, startMs);
    machine.takeRecords();
    machine.play([joinOf(1)], startMs);
    machine.play([{ kind: 'appear', person: personOf(1), entry: 0, number: 1 }], startMs);
    machine.play([{ kind: 'claim', person: personOf(1), entry: 0, number: 1 }], startMs);
    machine.tick(0, startMs + 1000);
    expect(machine.recordBytes).toBe(0);
    machine.play([joinOf(2), joinOf(3)], startMs);
    expect(machine.recordBytes).toBe(18);
  });

  test('that are cut short or of unknown kind are refused', () => {
    const machine = makeRoomMachine(control, promisedTerms);
    const records = machine.takeRecords();
    for (const length of [records.length - 1, 12, 3])
      expect(() => restored([records.slice(0, length)])).toThrow('cut short');
    expect(() => restored([new Uint8Array([99])])).toThrow('unknown kind of record 99');
  });
});

test('a restored room calls nobody until the people present have sent heartbeats', () => {
  const machine = makeRoomMachine(control, promisedTerms);
  machine.play([joinOf(0)], startMs);
  machine.tick(0, startMs);
  const other = restored([machine.takeRecords()]);
  other.resume(startMs + 1000);
  const fronts = (at: readonly number[]): number[] =>
    at.map((ms) => other.tick(9, startMs + 1000 + ms).front);
  expect(fronts([0, 250, 29_000])).toEqual([0, 0, 0]);
  other.play([appearanceOf(0)], startMs + 30_000);
  expect(fronts([29_500, 29_999, 30_250])).toEqual([0, 0, 1]);
});

test('a restored room has no credit: the next call has to be earned by time', () => {
  const machine = makeRoomMachine({ ...control, ratePerMinute: 1 }, promisedTerms);
  machine.play([joinOf(0)], startMs);
  machine.tick(0, startMs);
  machine.change({ changeId: 'nothing', ifRev: 1, change: {} }, startMs);
  const other = restored([machine.takeRecords()]);
  other.resume(startMs + 100_000);
  const frontAfter = (ms: number): number => {
    const now = startMs + 100_000 + ms;
    other.play([appearanceOf(0)], now);
    return other.tick(9, now).front;
  };
  const at = [250, 20_000, 40_000, 59_999, 60_249];
  expect(at.map(frontAfter)).toEqual([0, 0, 0, 0, 1]);
});

test('presence in a restored room counts from then on', () => {
  const machine = makeRoomMachine(control, promisedTerms);
  machine.play([joinOf(0)], startMs);
  machine.tick(0, startMs);
  const other = restored([machine.takeRecords()]);
  other.resume(startMs + 1000);
  const at = (ms: number): number => startMs + 1000 + ms;
  other.play([appearanceOf(0)], at(10_000));
  for (const ms of [20_000, 30_000, 45_000]) other.tick(0, at(ms));
  // Seen before the first half minute had ended, and not in the second one.
  expect(other.tick(9, at(60_000))).toMatchObject({ called: 0, front: 1 });
});

import type { Random } from '@usher/domain/random.ts';
import type {
  PresentedPass,
  PresentedPlace,
  RoomAnswer,
  RoomCommand,
  RoomStanding,
  RoomState,
} from '@usher/domain/room/types.ts';

/** What one account's devices have: their tokens and their last known standing. */
type Somebody = {
  key: Uint8Array;
  entry: number | null;
  standing: RoomStanding | 'unknown';
  places: PresentedPlace[];
  passes: PresentedPass[];
  orderId: string;
  /** A place or pass of an epoch that the room has lost, never given in this run. */
  isOfAnEpochLost: boolean;
};

/** Commands that may arrive twice, late, after others: from a device, a proxy or a retry. */
const echoesKept = 60;
/** So far above the tail that no join of the same batch can be given it. */
const lostGap = 20;

export type People = ReturnType<typeof makePeople>;

const keyFor = (index: number): Uint8Array => {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  // Bytes that may break a text or a hash table: zeros, high bits, line feeds.
  view.setUint32(0, Math.imul(index + 1, 0x9e37_79b1) >>> 0);
  view.setUint32(4, index % 3 === 0 ? index : 0x0a00_ff00 + index);
  return key;
};

export const makePeople = (random: Random, count: number, passMaxMs: number) => {
  const crowd = Array.from(
    { length: count },
    (_, index): Somebody => ({
      key: keyFor(index),
      entry: null,
      standing: 'unknown',
      places: [],
      passes: [],
      orderId: `ord_${index}`,
      isOfAnEpochLost: index % 9 === 4,
    }),
  );
  const byKey = new Map(crowd.map((who) => [who.key.toString(), who]));
  let echoes: RoomCommand[] = [];
  let numbers: number[] | null = null;
  let lostEntries = 0;

  const anyOf = <T>(from: readonly T[]): T | null => from[random.below(from.length)] ?? null;
  const numberOf = (entry: number, state: RoomState): number => {
    if (state.drawnAtMs === 0 || numbers === null || random.chance(0.02)) return 0;
    return numbers[entry] ?? entry + 1;
  };
  const asked = (who: Somebody, entry: number, state: RoomState) => ({
    person: who.key,
    entry,
    number: numberOf(entry, state),
  });

  const lostPlace = (state: RoomState): PresentedPlace => {
    lostEntries = Math.max(lostEntries, state.tail) + lostGap;
    return { entry: lostEntries, epoch: state.epoch - 1 };
  };
  const join = (who: Somebody): RoomCommand => {
    const isLost = who.entry === null && who.isOfAnEpochLost;
    return {
      kind: 'join',
      person: who.key,
      presented: isLost || random.chance(0.4) ? anyOf(who.places) : null,
      replaces: who.standing === 'over' ? who.entry : null,
      mayEnter: random.chance(0.93),
    };
  };
  const touch = (who: Somebody, state: RoomState): RoomCommand => {
    const entry = who.entry ?? anyOf(who.places)?.entry ?? null;
    const number = entry === null ? 0 : numberOf(entry, state);
    if (number === 0 || !random.chance(who.isOfAnEpochLost ? 0.5 : 0.03))
      return { kind: 'touch', person: who.key, presented: anyOf(who.passes) };
    const epoch = state.epoch - random.below(3);
    const endsByMs = state.nowMs + random.below(passMaxMs) - 1000;
    return { kind: 'touch', person: who.key, presented: { number, epoch, endsByMs } };
  };
  const orderOf = (who: Somebody): string => (random.chance(0.85) ? who.orderId : 'ord_foreign');

  const act = (who: Somebody, state: RoomState): RoomCommand => {
    // While the room does not know it, the tail may pass the lost place: then use a new one.
    if (who.isOfAnEpochLost && who.entry === null && who.passes.length === 0)
      who.places = [lostPlace(state)];
    if (who.entry === null) return random.chance(0.8) ? join(who) : touch(who, state);
    const entry = random.chance(0.97) ? who.entry : random.below(state.tail + 2);
    const place = asked(who, entry, state);
    const dice = random.next();
    if (who.standing === 'active' ? dice < 0.1 : dice < 0.35) return { kind: 'appear', ...place };
    if (who.standing === 'over' && dice < 0.8) return join(who);
    if (who.standing === 'active') return useOf(who, state, dice);
    if (dice < 0.75) return { kind: 'claim', ...place };
    if (dice < 0.85) return join(who);
    if (dice < 0.91) return touch(who, state);
    if (dice < 0.95) return { kind: 'leave', ...place };
    return useOf(who, state, random.next());
  };
  const useOf = (who: Somebody, state: RoomState, dice: number): RoomCommand => {
    const { key: person } = who;
    const orderId = orderOf(who);
    if (dice < 0.35) return touch(who, state);
    const untilMs = state.nowMs + random.below(40_000) - 1000;
    if (dice < 0.55) return { kind: 'pin', person, orderId, untilMs };
    if (dice < 0.7) return { kind: 'unpin', person, orderId };
    if (dice < 0.9) return { kind: 'complete', person, orderId };
    if (dice < 0.95) return { kind: 'leave', ...asked(who, who.entry ?? 0, state) };
    return { kind: 'claim', ...asked(who, who.entry ?? 0, state) };
  };

  const learnOne = (command: RoomCommand, answer: RoomAnswer, state: RoomState): void => {
    const who = byKey.get(command.person.toString());
    if (who === undefined) return;
    if (answer.outcome === 'placed') {
      if (who.entry !== answer.entry) who.standing = 'unknown';
      who.entry = answer.entry;
      who.places = [...who.places.slice(-3), { entry: answer.entry, epoch: state.epoch }];
    }
    const isOfNow = 'entry' in command && command.entry === who.entry;
    if (answer.outcome === 'stands' && isOfNow) who.standing = answer.standing;
    if (answer.outcome === 'done') {
      if (command.kind === 'leave' && isOfNow) who.standing = 'unknown';
      if (command.kind === 'complete') who.standing = 'over';
      if (command.kind === 'leave') who.places = [];
    }
    if (answer.outcome === 'none' && command.kind === 'touch' && who.standing === 'active')
      who.standing = 'unknown';
    const pass = 'pass' in answer ? answer.pass : null;
    if (pass === null) return;
    if (answer.outcome === 'live') who.standing = 'active';
    const { number, endsByMs } = pass;
    who.passes = [...who.passes.slice(-2), { number, endsByMs, epoch: state.epoch }];
  };

  return {
    commands: (state: RoomState, wanted: number): RoomCommand[] => {
      const commands = Array.from({ length: wanted }, () => {
        const echo = random.chance(0.08) ? anyOf(echoes) : null;
        return echo ?? act(crowd[random.below(crowd.length)]!, state);
      });
      echoes = [...echoes, ...commands].slice(-echoesKept);
      return commands;
    },
    learn: (
      commands: readonly RoomCommand[],
      answers: readonly RoomAnswer[],
      state: RoomState,
    ): void => {
      for (const [at, command] of commands.entries()) {
        const answer = answers[at];
        if (answer !== undefined) learnOne(command, answer, state);
      }
    },
    /** The room has lost its data; the devices still have their tokens. */
    forget: (): void => {
      for (const who of crowd) who.standing = 'unknown';
    },
    /** The numbers of the draw: any bijection will do here. */
    drawIfDue: (state: RoomState): void => {
      if (numbers !== null || state.drawnAtMs === 0) return;
      const drawn = Array.from({ length: state.drawEntries }, (_, at) => at + 1);
      for (let last = drawn.length - 1; last > 0; last--) {
        const other = random.below(last + 1);
        [drawn[last], drawn[other]] = [drawn[other]!, drawn[last]!];
      }
      numbers = drawn;
    },
    rollCall: (state: RoomState): RoomCommand[] =>
      crowd.flatMap((who): RoomCommand[] => {
        const { key: person, entry } = who;
        if (entry === null) return [{ kind: 'touch', person, presented: null }];
        const number = state.drawnAtMs === 0 ? 0 : (numbers?.[entry] ?? entry + 1);
        return [
          { kind: 'touch', person, presented: null },
          { kind: 'appear', person, entry, number },
          { kind: 'claim', person, entry, number },
          { kind: 'appear', person, entry, number },
        ];
      }),
  };
};

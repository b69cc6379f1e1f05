import { type Measured, measure, measureIdle, rounded } from './measure.ts';
import { findSaturation, runAtRate } from './open-loop.ts';
import { openRoom, type Room } from './room.ts';
import { runRoomStores } from './room-stores.ts';
import type { TestServer } from './test-server.ts';

export type S1Size = {
  fromPerS: number;
  toPerS: number;
  stepSeconds: number;
  /** How many people join over HTTP. */
  people: number;
  /** Joins directly at the stores, without HTTP. */
  atTheDoor: { people: readonly number[]; hugePeople: number };
};
export const s1Size: S1Size = {
  fromPerS: 1000,
  toPerS: 32_000,
  stepSeconds: 4,
  people: 100_000,
  atTheDoor: { people: [100_000, 1_000_000], hugePeople: 10_000_000 },
};

/** One in ten joins twice: another tab, another device, a retry. */
const twiceEvery = 10;
const hourMs = 3_600_000;

/** Joins in order of arrival; every tenth call is a repeated join. */
const makeJoinOp = (room: Room) => {
  let calls = 0;
  let people = 0;
  const op = () => {
    calls += 1;
    const isAgain = calls % twiceEvery === 0 && people > 0;
    return room.join(isAgain ? (calls * 7919) % people : people++);
  };
  return { op, people: () => people };
};

/** Fills the room from `from` to `to` people as fast as possible, with 256 concurrent calls. */
export const fillRoom = async (
  room: Room,
  range: { from: number; to: number },
  say: (line: string) => void,
): Promise<number> => {
  const startMs = performance.now();
  let next = range.from;
  const worker = async (): Promise<void> => {
    while (next < range.to) {
      const nth = next++;
      const end = await room.join(nth);
      if (end.kind !== 'done') throw new Error(`person ${nth} could not join: ${end.reason}`);
      if (nth % 100_000 === 99_999) say(`${nth + 1} people have joined`);
    }
  };
  await Promise.all(Array.from({ length: 256 }, worker));
  return (range.to - range.from) / ((performance.now() - startMs) / 1000);
};

/** A crowd joins the lobby within seconds, one in ten of them twice. */
export const runS1 = async (
  target: TestServer,
  size: S1Size,
  redisFolder: string | null,
  say: (line: string) => void,
) => {
  const room = await openRoom(target, {
    opensInMs: 6 * hourMs,
    ratePerMinute: 600,
    activeMax: 500,
  });
  const { op, people } = makeJoinOp(room);
  await runAtRate({ perS: size.fromPerS, seconds: 2, op });
  const tryRate = async (perS: number) => {
    const load = await runAtRate({ perS, seconds: size.stepSeconds, op });
    say(`S1: ${perS}/s offered, ${load.donePerS.toFixed(0)}/s joined`);
    return load;
  };
  const { fromPerS, toPerS } = size;
  const { bestPerS, tried } = await findSaturation({ fromPerS, toPerS, tryRate });
  const idle = await measureIdle(target, 5);
  const joins: Measured = await measure(target, idle, () =>
    runAtRate({ perS: Math.max(bestPerS, fromPerS), seconds: size.stepSeconds, op }),
  );
  const [from, came] = [people(), Math.max(people(), size.people)];
  const filledPerS = from < came ? await fillRoom(room, { from, to: came }, say) : 0;
  const now = await room.now();
  say('S1: at the door of the stores');
  const atTheDoor = await runRoomStores({ ...size.atTheDoor, redisFolder });
  return {
    scenario: 'S1',
    store: target.store,
    ...joins,
    requestsPerOp: 1,
    people: came,
    /** More numbers than people would mean second places. */
    duplicates: now.tail - came,
    filledPerS: rounded(filledPerS, 0),
    atTheDoor,
    steps: tried.map(({ offeredPerS, donePerS }) => ({ offeredPerS, donePerS })),
    invariantViolations: (await target.violations()) + Math.abs(now.tail - came),
  };
};

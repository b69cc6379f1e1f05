import { setTimeout as sleep } from 'node:timers/promises';
import type { House } from './house.ts';
import { type Measured, measure, measureIdle, rounded } from './measure.ts';
import { findSaturation, type Load, runAtRate } from './open-loop.ts';
import { openRoom, type Room } from './room.ts';
import { fillRoom } from './s1.ts';

export type S2Size = {
  /** People waiting while polls are measured; the last one is what the scenario is about. */
  waiting: readonly number[];
  admitPerS: number;
  fromPerS: number;
  toPerS: number;
  stepSeconds: number;
};
export const s2Size: S2Size = {
  ...{ waiting: [10_000, 100_000, 1_000_000], admitPerS: 500 },
  ...{ fromPerS: 4000, toPerS: 128_000, stepSeconds: 3 },
};

/** People are asked to say that they are there less than 180 s before their turn. */
const aheadOfTurn = 2000;

/**
 * What goes on near the front while the others poll: at `perS` people say that they are there, and
 * as many claim the pass of their turn, in the order of their numbers. `stop` answers how many were
 * admitted a second.
 */
const admitMeanwhile = async (room: Room, perS: number) => {
  const startMs = performance.now();
  const before = await room.read();
  let [appeared, claimed] = [before.admitted, before.admitted];
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const due = Math.floor(((performance.now() - startMs) * perS) / 1000) + before.admitted;
      const calls: Promise<unknown>[] = [];
      while (appeared < due + aheadOfTurn && calls.length < 200)
        calls.push(room.call('GET', '/me', appeared++, null));
      while (claimed < due && calls.length < 400)
        calls.push(room.call('POST', '/claim', claimed++, '{}'));
      await Promise.all(calls);
      await sleep(20);
    }
  };
  const running = loop();
  return {
    stop: async (): Promise<number> => {
      isOver = true;
      await running;
      const { admitted } = await room.read();
      return (admitted - before.admitted) / ((performance.now() - startMs) / 1000);
    },
  };
};

/** The rate at which polls saturate the server, and what one costs there. */
const measurePolls = async (house: House, room: Room, size: S2Size, say: (l: string) => void) => {
  let nth = 0;
  const op = () => room.poll(nth++);
  const tryRate = async (perS: number): Promise<Load> => {
    const load = await runAtRate({ perS, seconds: size.stepSeconds, op });
    say(`S2: ${perS} polls/s offered, ${load.donePerS.toFixed(0)}/s answered`);
    return load;
  };
  const { fromPerS, toPerS } = size;
  const { bestPerS } = await findSaturation({ fromPerS, toPerS, tryRate });
  const idle = await measureIdle(house, 5);
  const polls: Measured = await measure(house, idle, () =>
    runAtRate({ perS: Math.max(bestPerS, 1000), seconds: 2 * size.stepSeconds, op }),
  );
  return polls;
};

export const runS2 = async (house: House, size: S2Size, say: (line: string) => void) => {
  const limits = { ratePerMinute: size.admitPerS * 60, activeMax: 90_000 };
  const room = await openRoom(house, { opensInMs: 0, ...limits });
  const rows: Record<string, unknown>[] = [];
  let filled = 0;
  let last: Measured | null = null;
  for (const waiting of size.waiting) {
    await fillRoom(room, { from: filled, to: waiting }, say);
    filled = waiting;
    last = await measurePolls(house, room, size, say);
    rows.push({ waiting, perS: last.throughputPerS, cpuMicrosPerPoll: last.cpuMicrosPerOp });
  }
  if (last === null) throw new Error('nothing was measured');
  const admitting = await admitMeanwhile(room, size.admitPerS);
  let nth = 0;
  const meanwhile = await runAtRate({
    perS: Math.round(last.throughputPerS * 0.7),
    seconds: 4 * size.stepSeconds,
    op: () => room.poll(nth++),
  });
  const admittedPerS = await admitting.stop();
  const { active } = await room.read();
  return {
    ...{ scenario: 'S2', store: house.store, ...last, requestsPerOp: 1 },
    bySize: rows,
    whileAdmitting: {
      pollsPerS: rounded(meanwhile.donePerS, 0),
      p99Ms: rounded(meanwhile.latency.quantileMs(0.99), 1),
      errors: meanwhile.errors,
      admittedPerS: rounded(admittedPerS, 0),
      active,
    },
    invariantViolations: (await house.violations()) + (active > limits.activeMax ? 1 : 0),
  };
};

import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { type Measured, measure, measureIdle, rounded } from './measure.ts';
import { findSaturation, type Load, runAtRate } from './open-loop.ts';
import { openRoom, type Room } from './room.ts';
import { fillRoom } from './s1.ts';
import type { TestServer } from './test-server.ts';

export type S2Size = {
  /** People waiting while polls are measured; the last one is what the scenario is about. */
  waiting: readonly number[];
  admitPerS: number;
  fromPerS: number;
  toPerS: number;
  stepSeconds: number;
};
export const s2Size: S2Size = {
  waiting: [10_000, 100_000, 1_000_000],
  admitPerS: 500,
  fromPerS: 4000,
  toPerS: 128_000,
  stepSeconds: 3,
};

/** Clients send heartbeats only less than 180 s before their turn. */
const aheadOfTurn = 2000;

/**
 * The work near the front while the others poll: people send heartbeats, each before
 * the turn, and claim the pass when they are called. `stop` returns the admissions per second.
 */
const admitMeanwhile = async (room: Room, perS: number) => {
  const startMs = performance.now();
  const before = await room.read();
  /** People who sent a heartbeat and have not claimed yet, by number. */
  const there: { nth: number; number: number }[] = [];
  let appeared = 0;
  let isOver = false;
  const appear = async (nth: number): Promise<void> => {
    const { body } = await room.call('GET', '/me', nth, null);
    there.push({ nth, number: Number(/"number":(\d+)/.exec(body.toString())?.[1]) });
  };
  const round = async (): Promise<void> => {
    const { front } = await room.now();
    const calls: Promise<unknown>[] = [];
    while (appeared < front + aheadOfTurn && calls.length < perS) calls.push(appear(appeared++));
    there.sort((a, b) => a.number - b.number);
    const called = there.findIndex(({ number }) => number > front);
    for (const { nth } of there.splice(0, called < 0 ? there.length : called))
      calls.push(room.call('POST', '/claim', nth, '{}'));
    await Promise.all(calls);
  };
  await round();
  await room.pull('resume');
  const loop = async (): Promise<void> => {
    while (!isOver) {
      await round();
      await sleep(50);
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
const measurePolls = async (
  target: TestServer,
  room: Room,
  size: S2Size,
  say: (l: string) => void,
) => {
  let nth = 0;
  const op = () => room.poll(nth++);
  const tryRate = async (perS: number): Promise<Load> => {
    const load = await runAtRate({ perS, seconds: size.stepSeconds, op });
    say(`S2: ${perS} polls/s offered, ${load.donePerS.toFixed(0)}/s answered`);
    return load;
  };
  const { fromPerS, toPerS } = size;
  const { bestPerS } = await findSaturation({ fromPerS, toPerS, tryRate });
  const idle = await measureIdle(target, 5);
  const polls: Measured = await measure(target, idle, () =>
    runAtRate({ perS: Math.max(bestPerS, 1000), seconds: 2 * size.stepSeconds, op }),
  );
  return polls;
};

export const runS2 = async (target: TestServer, size: S2Size, say: (line: string) => void) => {
  const limits = { ratePerMinute: size.admitPerS * 60, activeMax: 90_000 };
  const room = await openRoom(target, { opensInMs: 0, ...limits });
  const rows: Record<string, unknown>[] = [];
  let filled = 0;
  let last: Measured | null = null;
  await until('the room is open', async () => (await room.now()).phase === 'open');
  // Nobody sends heartbeats yet: the front would pass over the whole line.
  await room.pull('pause');
  for (const waiting of size.waiting) {
    await fillRoom(room, { from: filled, to: waiting }, say);
    filled = waiting;
    last = await measurePolls(target, room, size, say);
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
    scenario: 'S2',
    store: target.store,
    ...last,
    requestsPerOp: 1,
    bySize: rows,
    whileAdmitting: {
      pollsPerS: rounded(meanwhile.donePerS, 0),
      p99Ms: rounded(meanwhile.latency.quantileMs(0.99), 1),
      errors: meanwhile.errors,
      admittedPerS: rounded(admittedPerS, 0),
      active,
    },
    invariantViolations: (await target.violations()) + (active > limits.activeMax ? 1 : 0),
  };
};

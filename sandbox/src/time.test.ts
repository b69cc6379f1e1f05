import { expect, test } from 'vitest';
import { makeTime } from './time.ts';

const frozen = { now: () => 1000, wake: () => () => {} };

test('sandbox time runs timers in the order of their instants, each at its own', () => {
  const time = makeTime(frozen);
  const ran: [string, number][] = [];
  for (const [name, delayMs] of [['c', 30] as const, ['a', 10] as const, ['b', 20] as const]) {
    time.after(delayMs, () => ran.push([name, time.nowMs()]));
  }
  time.advance(25);
  expect(ran).toEqual([
    ['a', 1010],
    ['b', 1020],
  ]);
  expect(time.nowMs()).toBe(1025);
  time.advance(5);
  expect(ran.at(-1)).toEqual(['c', 1030]);
});

test('sandbox time keeps the order of equal instants and of timers that set timers', () => {
  const time = makeTime(frozen);
  const ran: string[] = [];
  time.after(10, () => {
    ran.push('first');
    time.after(0, () => ran.push('nested'));
  });
  time.after(10, () => ran.push('second'));
  time.after(11, () => ran.push('third'));
  time.advance(50);
  expect(ran).toEqual(['first', 'second', 'nested', 'third']);
});

test('sandbox time does not run a timer that was stopped', () => {
  const time = makeTime(frozen);
  const ran: string[] = [];
  const stop = time.after(10, () => ran.push('stopped'));
  time.after(20, () => ran.push('kept'));
  stop();
  time.advance(100);
  expect(ran).toEqual(['kept']);
});

test('sandbox time postpones what the real world answers until an advance has ended', () => {
  const time = makeTime(frozen);
  const ran: [string, number][] = [];
  time.after(10, () => {
    time.whenStill(() => ran.push(['asked', time.nowMs()]));
    ran.push(['due', time.nowMs()]);
  });
  time.advance(100);
  time.whenStill(() => ran.push(['at once', time.nowMs()]));
  expect(ran).toEqual([
    ['due', 1010],
    ['asked', 1100],
    ['at once', 1100],
  ]);
});

test('sandbox time wakes for the earliest timer, and again if an earlier one is set', () => {
  let now = 0;
  const asked: { delayMs: number; run: () => void; isStopped: boolean }[] = [];
  const time = makeTime({
    now: () => now,
    wake: (delayMs, run) => {
      const wakeup = { delayMs, run, isStopped: false };
      asked.push(wakeup);
      return () => {
        wakeup.isStopped = true;
      };
    },
  });
  const ran: string[] = [];
  time.after(50, () => ran.push('late'));
  time.after(20, () => ran.push('early'));
  expect(asked.map(({ delayMs, isStopped }) => [delayMs, isStopped])).toEqual([
    [50, true],
    [20, false],
  ]);
  now = 20;
  asked[1]!.run();
  expect(ran).toEqual(['early']);
  expect(asked[2]!.delayMs).toBe(30);
});

test('sandbox time orders thousands of timers like a sort does', () => {
  const time = makeTime(frozen);
  const ran: number[] = [];
  const delays = Array.from({ length: 3000 }, (_, at) => (at * 7919) % 1009);
  for (const delayMs of delays) time.after(delayMs, () => ran.push(delayMs));
  time.advance(2000);
  expect(ran).toEqual([...delays].sort((a, b) => a - b));
});

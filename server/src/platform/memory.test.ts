import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { expect, test } from 'vitest';
import { manualClock } from './clock.ts';
import { silentLog } from './log.ts';
import { openMemoryKeeper, releaseMemory } from './memory.ts';

const open = () => {
  const clock = manualClock(0);
  const state = { share: 0.5, usedBytes: 60e6, released: 0 };
  const keeper = openMemoryKeeper({
    clock,
    log: silentLog,
    share: () => state.share,
    usedBytes: () => state.usedBytes,
    release: () => void state.released++,
  });
  afterThisFile(keeper.close);
  /** One minute with this load. */
  const pass = async (share: number): Promise<number> => {
    state.share = share;
    await clock.advance(60_000);
    return state.released;
  };
  return { clock, state, keeper, pass };
};

test('memory is released once after each rush, when the process is idle', async () => {
  const { pass } = open();
  expect(await pass(0.9)).toBe(0);
  expect(await pass(0.1)).toBe(0);
  expect(await pass(0.02)).toBe(1);
  expect(await pass(0.02)).toBe(1);
  expect(await pass(0.1)).toBe(1);
  expect(await pass(0.02)).toBe(1);
  expect(await pass(0.9)).toBe(1);
  expect(await pass(0.02)).toBe(2);
});

test('memory is released after a start, even without a rush', async () => {
  const { pass } = open();
  expect(await pass(0.01)).toBe(1);
});

test('a large heap is not released, since requests would wait, until it has shrunk', async () => {
  const { state, pass } = open();
  state.usedBytes = 400e6;
  await pass(0.9);
  expect(await pass(0.01)).toBe(0);
  state.usedBytes = 100e6;
  expect(await pass(0.01)).toBe(1);
});

test('nothing is measured after the close', async () => {
  const { clock, keeper, pass } = open();
  await keeper.close();
  expect(clock.sleeping).toBe(0);
  expect(await pass(0.01)).toBe(0);
});

test('a release returns the memory that garbage held, and leaves no global `gc`', () => {
  let garbage: { number: number }[] | null = [];
  for (let number = 0; number < 1_000_000; number++) garbage.push({ number });
  const heldBytes = process.memoryUsage().heapTotal;
  expect(garbage).toHaveLength(1_000_000);
  garbage = null;
  releaseMemory();
  expect(process.memoryUsage().heapTotal).toBeLessThan(heldBytes - 20e6);
  expect(globalThis).not.toHaveProperty('gc');
});

import { until } from '@usher/tests/support/until.ts';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { type Batcher, makeBatcher } from './batcher.ts';
import { Failure } from './failure.ts';

type Limits = { sizeMax?: number; inFlightMax?: number; waitingMax?: number };
type Batch = { items: readonly number[]; end(): void; fail(error: unknown): void };

/** A batcher in which every batch waits until the test ends it; a result is ten times its item. */
const open = (limits: Limits = {}) => {
  const batches: Batch[] = [];
  const batcher = makeBatcher<number, number>({
    name: 'test',
    ...limits,
    run: (items) =>
      new Promise((resolve, reject) =>
        batches.push({
          items,
          end: () => resolve(items.map((item) => item * 10)),
          fail: reject,
        }),
      ),
  });
  const started = (count: number) => until(`batch ${count}`, () => batches.length === count);
  return { batcher, batches, started };
};
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const addAll = (batcher: Batcher<number, number>, items: readonly number[]) =>
  items.map((item) => batcher.add(item));
/** Waits for one full turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('group commit', () => {
  test('sends a single call without delay, in the same turn', async () => {
    const { batcher, batches } = open();
    const call = batcher.add(1);
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1]]);
    batches[0]?.end();
    expect(await call).toBe(10);
  });

  test('puts the calls of one turn into one batch, in arrival order', async () => {
    const { batcher, batches, started } = open();
    const calls = addAll(batcher, numbers(1, 100));
    await started(1);
    expect(batches[0]?.items).toEqual(numbers(1, 100));
    batches[0]?.end();
    expect(await Promise.all(calls)).toEqual(numbers(1, 100).map((item) => item * 10));
  });

  test('collects calls that arrive while batches are in flight into the next batch', async () => {
    const { batcher, batches, started } = open({ inFlightMax: 1 });
    const calls = [batcher.add(1)];
    await started(1);
    for (const item of numbers(2, 50)) {
      calls.push(batcher.add(item));
      if (item % 10 === 0) await turn();
    }
    expect(batches).toHaveLength(1);
    batches[0]?.end();
    await started(2);
    expect(batches[1]?.items).toEqual(numbers(2, 50));
    batches[1]?.end();
    await Promise.all(calls);
  });

  test('never exceeds sizeMax per batch or inFlightMax batches at once', async () => {
    const { batcher, batches, started } = open({ sizeMax: 4, inFlightMax: 2 });
    const calls = addAll(batcher, numbers(1, 10));
    await started(2);
    await turn();
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([numbers(1, 4), numbers(5, 8)]);
    batches[1]?.end();
    await started(3);
    expect(batches[2]?.items).toEqual([9, 10]);
    for (const batch of batches) batch.end();
    await Promise.all(calls);
  });

  test('rejects exactly the calls of a batch that fails', async () => {
    const { batcher, batches, started } = open({ sizeMax: 2, inFlightMax: 1 });
    const calls = addAll(batcher, numbers(1, 4));
    const settled = Promise.allSettled(calls);
    await started(1);
    batches[0]?.fail(new Error('lost'));
    await started(2);
    batches[1]?.end();
    const lost = { status: 'rejected', reason: new Error('lost') };
    expect(await settled).toEqual([
      lost,
      lost,
      ...[30, 40].map((value) => ({ status: 'fulfilled', value })),
    ]);
  });

  test('rejects the calls of a batch that throws before its first await', async () => {
    const batcher = makeBatcher<number, number>({
      name: 'test',
      run: () => {
        throw new Error('lost at once');
      },
    });
    await expect(batcher.add(1)).rejects.toThrow('lost at once');
    await batcher.close();
  });

  test('treats a wrong number of results as a bug and gives no call another’s result', async () => {
    for (const answers of [[], [1], [1, 2, 3]]) {
      const batcher = makeBatcher<number, number>({ name: 'test', run: async () => answers });
      const calls = await Promise.allSettled(addAll(batcher, [1, 2]));
      expect(calls.map((call) => call.status)).toEqual(['rejected', 'rejected']);
      expect(String((calls[0] as PromiseRejectedResult).reason)).toContain('assertion failed');
    }
  });

  test('refuses calls beyond waitingMax, and accepts calls again when there is room', async () => {
    const { batcher, batches, started } = open({ sizeMax: 1, inFlightMax: 1, waitingMax: 3 });
    const calls = addAll(batcher, [1]);
    await started(1);
    calls.push(...addAll(batcher, [2, 3, 4]));
    const refused = await batcher.add(5).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Failure);
    expect(refused).toMatchObject({ code: 'OVERLOADED', retryable: true });
    batches[0]?.end();
    await started(2);
    calls.push(batcher.add(6));
    for (let next = 1; next < 5; next++) {
      batches[next]?.end();
      if (next < 4) await started(next + 2);
    }
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 40, 60]);
    expect(batches.flatMap(({ items }) => items)).not.toContain(5);
  });

  test('on close waits for all accepted calls and refuses later ones', async () => {
    const { batcher, batches, started } = open({ sizeMax: 2, inFlightMax: 1 });
    const calls = addAll(batcher, numbers(1, 4));
    await started(1);
    let closed = 0;
    const closing = [batcher.close(), batcher.close()].map((close) => close.then(() => closed++));
    await expect(batcher.add(5)).rejects.toMatchObject({ code: 'OVERLOADED' });
    batches[0]?.end();
    await started(2);
    await turn();
    expect(closed).toBe(0);
    batches[1]?.end();
    await Promise.all(closing);
    expect(await Promise.all(calls)).toEqual([10, 20, 30, 40]);
  });

  test('closes even if the last batch fails', async () => {
    const { batcher, batches, started } = open();
    const call = batcher.add(1).catch(String);
    await started(1);
    const closing = batcher.close();
    batches[0]?.fail(new Error('lost'));
    await closing;
    expect(await call).toBe('Error: lost');
  });

  test('reports the sizes of its batches', async () => {
    const registry = new Registry();
    const sizes = new Histogram({
      name: 'sizes',
      help: 'sizes',
      buckets: [1, 2, 4],
      labelNames: ['batch'],
      registers: [registry],
    });
    const batcher = makeBatcher<number, number>({
      name: 'holds',
      sizes,
      run: async (items) => items,
    });
    await Promise.all(addAll(batcher, [1, 2, 3]));
    expect(await registry.metrics()).toContain('sizes_sum{batch="holds"} 3');
  });
});

/** The guarantees of group commit, for any order in which calls arrive and batches end. */
const holdsUnder = async (
  s: fc.Scheduler,
  limits: Required<Limits>,
  makeOne: typeof makeBatcher,
) => {
  const order: number[] = [];
  let most = 0;
  let inFlight = 0;
  const batcher = makeOne<number, number>({
    name: 'test',
    ...limits,
    run: async (items) => {
      most = Math.max(most, ++inFlight);
      order.push(...items);
      const fails = items.includes(7);
      await s.schedule(Promise.resolve(), `batch of ${items.length}`);
      inFlight--;
      if (fails) throw new Error('lost');
      return items.map((item) => item * 10);
    },
  });
  const asked: number[] = [];
  const calls = numbers(1, 20).map((item) =>
    s.schedule(Promise.resolve(item), `call ${item}`).then(async () => {
      asked.push(item);
      return batcher.add(item).catch((error: Error) => error);
    }),
  );
  const answers = await s.waitFor(Promise.all(calls));
  await s.waitFor(batcher.close());
  const refused = new Set(
    numbers(1, 20).filter((_, i) => (answers[i] as { code?: string }).code === 'OVERLOADED'),
  );
  expect(order).toEqual(asked.filter((item) => !refused.has(item)));
  expect(most).toBeLessThanOrEqual(limits.inFlightMax);
  expect(inFlight).toBe(0);
  for (const [i, answer] of answers.entries())
    if (typeof answer === 'number') expect(answer).toBe((i + 1) * 10);
};
const limitsOf = fc.record({
  sizeMax: fc.integer({ min: 1, max: 5 }),
  inFlightMax: fc.integer({ min: 1, max: 3 }),
  waitingMax: fc.integer({ min: 1, max: 20 }),
});

test('group commit runs each call once, in order, within limits, however batches end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), limitsOf, (s, limits) => holdsUnder(s, limits, makeBatcher)),
    { numRuns: 200 },
  );
});

test('guard off: sending the newest call first or ignoring a limit fails that check', async () => {
  // The planted bugs: one batch per call, and the newest first.
  const unlimited = ((options: Parameters<typeof makeBatcher<number, number>>[0]) => ({
    add: async (item: number) => (await options.run([item]))[0],
    close: async () => undefined,
  })) as unknown as typeof makeBatcher;
  const backwards = ((options: Parameters<typeof makeBatcher<number, number>>[0]) =>
    makeBatcher<number, number>({
      ...options,
      run: async (items) => (await options.run(items.toReversed())).toReversed(),
    })) as unknown as typeof makeBatcher;
  for (const planted of [unlimited, backwards]) {
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), limitsOf, (s, limits) => holdsUnder(s, limits, planted)),
      { numRuns: 200, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  }
});

import { expect, test } from 'vitest';
import { makeCache, makeRecentMap } from './cache.ts';
import { manualClock } from './clock.ts';

type Options = {
  freshMs?: number;
  weightMax?: number;
  weigh?: (value: string | null) => number;
};
const open = (options: Options = {}) => {
  const clock = manualClock(0);
  const errors: unknown[] = [];
  const loads: ((value: string | null | Error) => void)[] = [];
  const cache = makeCache<string | null>({
    clock,
    freshMs: 1000,
    staleMs: 500,
    weightMax: 100,
    ...options,
    onError: (error) => errors.push(error),
  });
  /** A load that ends when the test says so. */
  const load = () =>
    new Promise<string | null>((resolve, reject) => {
      loads.push((value) => (value instanceof Error ? reject(value) : resolve(value)));
    });
  const at = (value: string) => async () => value;
  return { clock, errors, loads, cache, load, at };
};
const turn = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

test('concurrent reads of one key share one load', async () => {
  const { cache, load, loads } = open();
  const reads = [cache.get('a', load), cache.get('a', load), cache.get('a', load)];
  await turn();
  expect(loads).toHaveLength(1);
  loads[0]?.('one');
  expect(await Promise.all(reads)).toEqual(['one', 'one', 'one']);
});

test('a fresh value is returned without a load', async () => {
  const { cache, at, clock } = open();
  await cache.get('a', at('one'));
  await clock.advance(1000);
  expect(await cache.get('a', at('two'))).toBe('one');
});

test('a stale value is returned at once and reloaded once in the background', async () => {
  const { cache, at, clock, load, loads } = open();
  await cache.get('a', at('one'));
  await clock.advance(1001);
  expect(await cache.get('a', load)).toBe('one');
  expect(await cache.get('a', load)).toBe('one');
  expect(loads).toHaveLength(1);
  loads[0]?.('two');
  await turn();
  expect(await cache.get('a', at('three'))).toBe('two');
});

test('a value older than the stale period is reloaded before it is returned', async () => {
  const { cache, at, clock } = open();
  await cache.get('a', at('one'));
  await clock.advance(1501);
  expect(await cache.get('a', at('two'))).toBe('two');
});

test('a failed load rejects the waiting reads; the next read tries again', async () => {
  const { cache, load, loads, at } = open();
  const reads = [cache.get('a', load), cache.get('a', load)];
  await turn();
  loads[0]?.(new Error('lost'));
  for (const read of reads) await expect(read).rejects.toThrow('lost');
  expect(await cache.get('a', at('two'))).toBe('two');
});

test('a failed background refresh is reported, and the stale value stays', async () => {
  const { cache, at, clock, errors } = open();
  await cache.get('a', at('one'));
  await clock.advance(1200);
  await cache.get('a', () => Promise.reject(new Error('lost')));
  await turn();
  expect(errors).toEqual([new Error('lost')]);
  expect(await cache.get('a', at('two'))).toBe('one');
});

test('a value is not kept if its key was dropped during the load', async () => {
  const { cache, load, loads, at } = open();
  const before = cache.get('a', load);
  await turn();
  cache.drop('a');
  const after = cache.get('a', at('new'));
  loads[0]?.('old');
  expect(await before).toBe('old');
  expect(await after).toBe('new');
  expect(await cache.get('a', at('newer'))).toBe('new');
});

test('clearing the cache removes everything, including loads in progress', async () => {
  const { cache, load, loads, at } = open();
  await cache.get('a', at('one'));
  const before = cache.get('b', load);
  await turn();
  cache.clear();
  loads[0]?.('old');
  expect(await before).toBe('old');
  expect(cache.size).toBe(0);
  expect(await cache.get('b', at('new'))).toBe('new');
});

test('the cache’s weight is bounded; the least recently read value is evicted first', async () => {
  const { cache, at } = open({ weightMax: 3 });
  for (const key of ['a', 'b', 'c']) await cache.get(key, at(key));
  await cache.get('a', at('read again'));
  await cache.get('d', at('d'));
  expect(cache.size).toBe(3);
  expect(await cache.get('a', at('loaded'))).toBe('a');
  expect(await cache.get('b', at('loaded'))).toBe('loaded');
});

test('a value heavier than the whole cache is returned but not kept', async () => {
  const { cache, at } = open({ weightMax: 3, weigh: (value) => value?.length ?? 0 });
  await cache.get('a', at('aa'));
  expect(await cache.get('b', at('long'))).toBe('long');
  expect(cache.size).toBe(1);
  expect(await cache.get('a', at('b'))).toBe('aa');
});

test('a name that does not exist takes no space in the cache', async () => {
  const { cache, at } = open();
  expect(await cache.get('a', async () => null)).toBeNull();
  expect(cache.size).toBe(0);
  expect(await cache.get('a', at('made since'))).toBe('made since');
});

test('a name that no longer exists is removed by the refresh that finds out', async () => {
  const { cache, at, clock } = open();
  await cache.get('a', at('one'));
  await clock.advance(1200);
  expect(await cache.get('a', async () => null)).toBe('one');
  await turn();
  expect(cache.size).toBe(0);
  expect(await cache.get('a', async () => null)).toBeNull();
});

test('a value that never becomes stale stays until it is dropped', async () => {
  const { cache, at, clock } = open({ freshMs: Infinity });
  await cache.get('a', at('one'));
  await clock.advance(1e12);
  expect(await cache.get('a', at('two'))).toBe('one');
  cache.drop('a');
  expect(await cache.get('a', at('two'))).toBe('two');
});

test('a value of weight 0 is kept as well', async () => {
  const { cache, at } = open({ weightMax: 3, weigh: (value) => value?.length ?? 0 });
  await cache.get('a', at(''));
  expect(await cache.get('a', at('b'))).toBe('');
});

test('a map of recent values forgets the least recently used one when it is full', () => {
  const map = makeRecentMap<{ n: number }>(2);
  map.set('a', { n: 1 });
  map.set('b', { n: 2 });
  expect(map.get('a')).toEqual({ n: 1 });
  map.set('c', { n: 3 });
  expect(['a', 'b', 'c'].map((key) => map.get(key)?.n)).toEqual([1, undefined, 3]);
  map.set('a', { n: 4 });
  expect(map.get('a')).toEqual({ n: 4 });
});

test('a fresh value is not returned to a read that waits for a load after a drop', async () => {
  const { cache, load, loads, at } = open({ freshMs: Infinity });
  await cache.get('a', at('one'));
  cache.drop('a');
  const reads = [cache.get('a', load), cache.get('a', load)];
  await turn();
  loads[0]?.('two');
  expect(await Promise.all(reads)).toEqual(['two', 'two']);
  expect(loads).toHaveLength(1);
});

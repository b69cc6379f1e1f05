import { makeRandom } from '@usher/domain/random.ts';
import { manualClock } from '@usher/tests/support/clock.ts';
import { expect, test } from 'vitest';
import { makeWakes } from './wakes.ts';

const setUp = () => {
  const clock = manualClock(1000);
  const stopping = new AbortController();
  const advance = async (ms: number): Promise<void> => {
    // Let the new sleeper set its timer first.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    await clock.advance(ms);
  };
  return { clock, advance, stopping, wakes: makeWakes({ clock, signal: stopping.signal }) };
};

test('a thousand sleepers wake in the order of their times, none too early', async () => {
  const { clock, advance, wakes } = setUp();
  const random = makeRandom(5);
  const woken: { wantedMs: number; atMs: number }[] = [];
  for (let person = 0; person < 1000; person++) {
    const wantedMs = random.below(10_000);
    void wakes.sleep(wantedMs).then(() => woken.push({ wantedMs, atMs: clock.monotonicMs() }));
  }
  await advance(10_000);
  const wanted = woken.map(({ wantedMs }) => wantedMs);
  expect(wanted).toHaveLength(1000);
  expect(wanted).toEqual([...wanted].sort((a, b) => a - b));
  expect(woken.filter(({ wantedMs, atMs }) => atMs < wantedMs)).toEqual([]);
  expect(wakes.sleeping).toBe(0);
});

test('a new sleeper that is due before the first one wakes on time', async () => {
  const { clock, advance, wakes } = setUp();
  const woken: string[] = [];
  void wakes.sleep(500).then(() => woken.push('late'));
  await advance(100);
  void wakes.sleep(50).then(() => woken.push('early'));
  await advance(60);
  expect(woken).toEqual(['early']);
  expect(clock.sleeping).toBe(1);
  await advance(400);
  expect(woken).toEqual(['early', 'late']);
});

test('one timer is enough for all sleepers, and after the last there is none', async () => {
  const { clock, advance, wakes } = setUp();
  for (let person = 0; person < 100; person++) void wakes.sleep(person + 1);
  expect([wakes.sleeping, clock.sleeping]).toEqual([100, 1]);
  await advance(200);
  expect([wakes.sleeping, clock.sleeping]).toEqual([0, 0]);
});

test('when the run is stopped, everybody wakes at once and nobody sleeps again', async () => {
  const { stopping, wakes } = setUp();
  const sleeps = [wakes.sleep(1000), wakes.sleep(60_000)];
  stopping.abort();
  await Promise.all(sleeps);
  await wakes.sleep(60_000);
  expect(wakes.sleeping).toBe(0);
});

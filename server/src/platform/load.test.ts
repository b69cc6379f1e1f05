import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { watchLoad } from './load.ts';

test('a busy thread has a high load, a waiting one does not', async () => {
  const working = watchLoad();
  const endMs = systemClock.monotonicMs() + 50;
  while (systemClock.monotonicMs() < endMs);
  const worked = working.share();

  const waiting = watchLoad();
  let looks = 0;
  await until('some pauses are over', () => ++looks > 10);
  expect(worked).toBeGreaterThan(0.9);
  expect(waiting.share()).toBeLessThan(worked);
});

import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { openTestRedis } from '@usher/tests/support/redis.ts';
import { describeNeeding } from '@usher/tests/support/stack.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { makeIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { openRedis, type Redis } from './redis.ts';
import { makeSharedUsedChallenges } from './used-challenges.ts';

const clock = systemClock;
const ids = makeIds(clock);
const inTenMinutes = () => clock.nowMs() + 600_000;

const open = async () => {
  const server = await openTestRedis();
  const metrics = makeMetrics();
  const redis = await openRedis({ url: server.url, log: silentLog, metrics });
  afterThisFile(redis.close);
  afterThisFile(metrics.close);
  return { server, redis };
};

describeNeeding('redis', 'used challenges in Redis', () => {
  test('are accepted once, by any process', async () => {
    const { server, redis } = await open();
    const processes = [1, 2].map(() => makeSharedUsedChallenges({ redis, clock, ids }));
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, i) => processes[i % 2]?.firstUse('one', inTenMinutes())),
    );
    expect(asked.filter((isFirst) => isFirst)).toHaveLength(1);
    expect(await processes[1]?.firstUse('another', inTenMinutes())).toBe(true);
    const keptMs = Number(await server.cli('PTTL', 'usher:used-challenge:one'));
    expect(keptMs).toBeGreaterThan(600_000);
    expect(keptMs).toBeLessThanOrEqual(660_000);
  });

  test('are accepted from the first call even if it reaches Redis twice', async () => {
    const { redis } = await open();
    const twice: Redis = {
      ...redis,
      run: async (script, keys, args) => {
        await redis.run(script, keys, args);
        return redis.run(script, keys, args);
      },
    };
    const used = makeSharedUsedChallenges({ redis: twice, clock, ids });
    expect(await used.firstUse('one', inTenMinutes())).toBe(true);
    expect(await used.firstUse('one', inTenMinutes())).toBe(false);
  });
});

import { expect, test } from 'vitest';
import { openTestCluster, openTestRedis } from './redis.ts';
import { describeNeeding } from './stack.ts';

describeNeeding('redis', 'a Redis for tests', () => {
  test('keeps its data over a kill -9, and says nothing while it is dead', async () => {
    const redis = await openTestRedis({ appendfsync: 'always' });
    await redis.cli('SET', 'place', '7');
    await redis.signal('SIGKILL');
    expect(redis.isRunning).toBe(false);
    await expect(redis.cli('PING')).rejects.toThrow();
    await redis.start();
    expect(await redis.cli('GET', 'place')).toBe('7');
  });

  test('a Cluster has another primary when its primary was killed, and takes it back', async () => {
    const cluster = await openTestCluster();
    const dead = await cluster.kill('place');
    const now = await cluster.primaryOf('place');
    expect(now.port).not.toBe(dead.port);
    expect(await now.cli('SET', 'place', '7')).toBe('OK');
    await dead.start();
    await cluster.ready();
    expect(await dead.cli('ROLE')).toMatch(/^slave\n/);
  });
});

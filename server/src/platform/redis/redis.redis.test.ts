import { silentLog } from '@usher/tests/support/log.ts';
import { openTestCluster, openTestRedis } from '@usher/tests/support/redis.ts';
import { describeNeeding } from '@usher/tests/support/stack.ts';
import { afterAll, expect, test } from 'vitest';
import { makeMetrics } from '../metrics.ts';
import { openRedis, type Redis } from './redis.ts';
import { makeScript } from './script.ts';

const sum = makeScript({
  name: 'sum',
  text: "redis.call('INCRBY', KEYS[1], ARGV[1]) return tonumber(redis.call('GET', KEYS[1]))",
  read: Number,
});
const unreachable = { code: 'STORE_UNREACHABLE', retryable: true };

describeNeeding('redis', 'a Redis', () => {
  const metrics = makeMetrics();
  const opened: Redis[] = [];
  const open = async (url: string): Promise<Redis> => {
    const own = makeMetrics();
    const redis = await openRedis({ url, log: silentLog, metrics: own });
    opened.push(redis);
    return redis;
  };
  afterAll(async () => {
    for (const redis of opened) await redis.close();
    metrics.close();
  });

  test('that has lost its scripts gets them again, without callers noticing', async () => {
    const server = await openTestRedis();
    const redis = await openRedis({ url: server.url, log: silentLog, metrics });
    opened.push(redis);
    expect(await redis.run(sum, ['count'], [1])).toBe(1);
    await server.cli('SCRIPT', 'FLUSH');
    expect(await redis.run(sum, ['count'], [2])).toBe(3);
    expect(await redis.run(sum, ['count'], [3])).toBe(6);
    const trips = await metrics.registry.getSingleMetricAsString('usher_redis_trips_total');
    // Two calls sent the text: it was unknown at first, and after the flush.
    expect(trips).toContain('usher_redis_trips_total{script="sum"} 5');
  });

  test('returns bytes unchanged', async () => {
    const server = await openTestRedis();
    const redis = await open(server.url);
    const echo = makeScript({
      name: 'echo',
      text: 'return { ARGV[1], 7 }',
      wantsBytes: true,
      read: (reply) => reply as [Buffer, number],
    });
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    expect(await redis.run(echo, ['key'], [bytes])).toEqual([bytes, 7]);
  });

  test('that restarts is connected again, with its data', async () => {
    const server = await openTestRedis({ appendfsync: 'always' });
    const redis = await open(server.url);
    await redis.run(sum, ['count'], [4]);
    await server.signal('SIGKILL');
    const waiting = redis.run(sum, ['count'], [0]);
    await server.start();
    expect(await waiting).toBe(4);
  });

  test('that stops responding is a failure with unknown outcome', async () => {
    const server = await openTestRedis();
    const redis = await open(server.url);
    await redis.run(sum, ['count'], [1]);
    await server.signal('SIGSTOP');
    await expect(redis.run(sum, ['count'], [1])).rejects.toMatchObject(unreachable);
    await server.signal('SIGCONT');
    // Run once, never, or twice: that is what unknown means.
    expect(await redis.run(sum, ['count'], [0])).toBeGreaterThanOrEqual(1);
  });

  test('that is full or has no primary is a retryable failure; a script’s bug is not', async () => {
    const server = await openTestRedis();
    const redis = await open(server.url);
    const raise = (message: string) =>
      makeScript({
        name: 'raise',
        read: Number,
        text: `return redis.error_reply('${message}')`,
      });
    for (const message of ['OOM full', 'LOADING data', 'CLUSTERDOWN it is', 'MASTERDOWN away'])
      await expect(redis.run(raise(message), ['key'], [])).rejects.toMatchObject(unreachable);
    const bug = redis.run(raise('WRONGTYPE no such list'), ['key'], []);
    await expect(bug).rejects.not.toHaveProperty('code', unreachable.code);
  });

  test('that is unreachable is reported at the start', async () => {
    const server = await openTestRedis();
    await server.stop();
    await expect(open(server.url)).rejects.toMatchObject(unreachable);
  });

  test('requires its user and password', async () => {
    const server = await openTestRedis();
    await server.cli('CONFIG', 'SET', 'requirepass', 'p@ss:word');
    const address = server.url.replace('//', `//default:${encodeURIComponent('p@ss:word')}@`);
    const redis = await open(address);
    expect(await redis.run(sum, ['count'], [1])).toBe(1);
    await expect(open(server.url)).rejects.toMatchObject(unreachable);
  });

  test('of several addresses must be a Cluster', async () => {
    const [one, other] = [await openTestRedis(), await openTestRedis()];
    expect((await open(one.url)).isCluster).toBe(false);
    await expect(open(`${one.url},${other.url}`)).rejects.toThrow('those of a Cluster');
  });

  test('of a Cluster is found by any live address; all primaries get scripts', async () => {
    const cluster = await openTestCluster();
    const redis = await open(`redis://127.0.0.1:1,${cluster.nodes[4]?.url}`);
    expect(redis.isCluster).toBe(true);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const primaries = await Promise.all(keys.map((key) => cluster.primaryOf(key)));
    expect(new Set(primaries).size).toBe(3);
    for (const key of keys) expect(await redis.run(sum, [key], [1])).toBe(1);
  });

  // While the response was pending, the client also asked for the slots: if that leaves anything
  // open, this file fails.
  test('of a Cluster that stops responding is closed, and queried no more', async () => {
    const cluster = await openTestCluster();
    const redis = await open(cluster.nodes[0]?.url ?? '');
    for (const node of cluster.nodes) await node.signal('SIGSTOP');
    await expect(redis.run(sum, ['a'], [1])).rejects.toMatchObject(unreachable);
    await redis.close();
    for (const node of cluster.nodes) await node.signal('SIGCONT');
  });
});

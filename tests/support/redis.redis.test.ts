import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAlive } from '../../server/src/platform/postgres/embedded/processes.ts';
import { openTestCluster, openTestRedis } from './redis.ts';
import { scratchFolder } from './scratch.ts';
import { describeNeeding } from './stack.ts';
import { until } from './until.ts';

describeNeeding('redis', 'a Redis for tests', () => {
  test('keeps its data over a kill -9, and does not answer while it is down', async () => {
    const redis = await openTestRedis({ appendfsync: 'always' });
    await redis.cli('SET', 'place', '7');
    await redis.signal('SIGKILL');
    expect(redis.isRunning).toBe(false);
    await expect(redis.cli('PING')).rejects.toThrow();
    await redis.start();
    expect(await redis.cli('GET', 'place')).toBe('7');
  });

  test('ends with the process that started it, however that process ends', async () => {
    const servers = new URL('redis-servers.ts', import.meta.url);
    const code = `const { startRedisServer } = await import(${JSON.stringify(servers.href)});
      const server = await startRedisServer({ folder: ${JSON.stringify(await scratchFolder())} });
      console.log((await server.cli('INFO', 'server')).match(/process_id:(\\d+)/)[1]);
      await new Promise(() => {});`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await until('the server is gone', () => !isAlive(pid));
  });

  test('as a Cluster promotes a replica after a kill, and takes the old primary back', async () => {
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

import { join } from 'node:path';
import { afterThisFile } from './after-file.ts';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, startRedisServer } from './redis-servers.ts';
import { scratchFolder } from './scratch.ts';

/**
 * A Redis of the test file's own, ended when the file is done. Only in tests of
 * `describeNeeding('redis', …)`.
 */
export const openTestRedis = async (
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer> => {
  const folder = join(await scratchFolder(), 'redis');
  const server = await startRedisServer({ folder, settings });
  afterThisFile(() => server.stop());
  return server;
};

/** The same, a Cluster of three primaries and three replicas. */
export const openTestCluster = async (): Promise<RedisCluster> => {
  const cluster = await startRedisCluster(join(await scratchFolder(), 'redis'));
  afterThisFile(() => cluster.stop());
  return cluster;
};

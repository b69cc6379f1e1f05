import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freeRedisPorts, type RedisServer, startRedisServer } from './redis-servers.ts';
import { until } from './until.ts';

/** A Redis Cluster of three primaries with a replica each. Independent of the test runner. */
export type RedisCluster = {
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** The primary that has the key's slot, as the living nodes agree. */
  primaryOf(key: string): Promise<RedisServer>;
  /** Its replica. */
  replicaOf(key: string): Promise<RedisServer>;
  /**
   * Kill -9 of that primary, or a stop like a hung machine's; resolves with it when its replica has
   * taken its place and everybody knows.
   */
  kill(key: string, how?: 'SIGKILL' | 'SIGSTOP'): Promise<RedisServer>;
  /** Every node is up, knows the whole Cluster, and every replica has its primary's data. */
  ready(): Promise<void>;
  stop(): Promise<void>;
};

const limitMs = 60_000;

const settings = {
  'cluster-enabled': 'yes',
  'cluster-config-file': 'nodes.conf',
  'cluster-node-timeout': '1000',
  // A replica stands for election however old its data is, and stays with its primary.
  'cluster-replica-validity-factor': '0',
  'cluster-migration-barrier': '99',
  'cluster-require-full-coverage': 'no',
};

export const startRedisCluster = async (folder: string): Promise<RedisCluster> => {
  const ports = await freeRedisPorts(6);
  const nodes = await Promise.all(
    ports.map((port) => startRedisServer({ folder, port, settings })),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const living = (): RedisServer[] => nodes.filter((node) => node.isAnswering);
  const ready = () =>
    until('the Cluster is ready', () => isReady(living()), limitMs).then(() => {});
  const primaryOf = async (key: string): Promise<RedisServer> => {
    const slot = Number(await living()[0]?.cli('CLUSTER', 'KEYSLOT', key));
    const port = await until(
      `the primary of ${key} is agreed on`,
      async () => agreed(await Promise.all(living().map((node) => ownerOf(node, slot)))),
      limitMs,
    );
    return nodes.find((node) => node.port === port) ?? raise(`no node has port ${port}`);
  };
  const replicaOf = async (key: string): Promise<RedisServer> => {
    const primary = await primaryOf(key);
    const role = await primary.cli('INFO', 'replication');
    const port = Number(/^slave0:ip=[^,]*,port=(\d+)/m.exec(role)?.[1]);
    return nodes.find((node) => node.port === port) ?? raise(`no replica has port ${port}`);
  };
  const kill = async (key: string, how: 'SIGKILL' | 'SIGSTOP' = 'SIGKILL') => {
    const primary = await primaryOf(key);
    await primary.signal(how);
    await until('a replica was promoted', async () => (await primaryOf(key)) !== primary, limitMs);
    return primary;
  };
  const url = nodes.map((node) => node.url).join(',');
  try {
    await join(nodes);
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, nodes, primaryOf, replicaOf, kill, ready, stop };
};

const join = async (nodes: readonly RedisServer[]): Promise<void> => {
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const options = ['--cluster-replicas', '1', '--cluster-yes'];
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, ...options], {
    timeout: limitMs,
  });
};

const isReady = async (nodes: readonly RedisServer[]): Promise<boolean> => {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const cluster = await node.cli('CLUSTER', 'INFO');
      const role = await node.cli('INFO', 'replication');
      return (
        /cluster_state:ok/.test(cluster) &&
        /cluster_slots_fail:0/.test(cluster) &&
        /cluster_known_nodes:6/.test(cluster) &&
        !/master_link_status:down/.test(role)
      );
    }),
  );
  return answers.every(Boolean);
};

/** The port of the slot's primary as this node sees it; null while it knows none. */
const ownerOf = async (node: RedisServer, slot: number): Promise<number | null> => {
  const lines = (await node.cli('CLUSTER', 'NODES')).split('\n');
  const owner = lines.find((line) => {
    const [, , flags = '', , , , , , ...ranges] = line.split(' ');
    return flags.includes('master') && !flags.includes('fail') && ranges.some((r) => has(r, slot));
  });
  const port = /:(\d+)@/.exec(owner ?? '')?.[1];
  return port === undefined ? null : Number(port);
};

const has = (range: string, slot: number): boolean => {
  const [from = -1, to = from] = range.split('-').map(Number);
  return slot >= from && slot <= to;
};

const agreed = (ports: readonly (number | null)[]): number | null => {
  const [first = null] = ports;
  return ports.every((port) => port === first) ? first : null;
};

const raise = (message: string): never => {
  throw new Error(message);
};

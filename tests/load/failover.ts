import type { Readable } from 'node:stream';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { until } from '../support/until.ts';

const limitMs = 1_800_000;

/** What a stampede prints when the sale is announced. */
const announced = /on sale: (\d+) seats at (\S+), show (\S+)/;

type Now = { left: Record<string, number>; front: number };

/**
 * Follows a stampede that runs on the Cluster, by its output on `progress`; when a third of the
 * seats is sold, kills the primary that keeps its room. Resolves when the replica has taken over.
 */
export const killInTheMiddle = async (
  cluster: RedisCluster,
  progress: Readable,
  say: (line: string) => void,
): Promise<void> => {
  let said = '';
  let hasEnded = false;
  progress.on('data', (chunk: Buffer | string) => {
    said += String(chunk);
  });
  progress.once('close', () => {
    hasEnded = true;
  });
  const must = <T>(answer: T): T => {
    if (hasEnded) throw new Error('the stampede ended before a primary was killed');
    return answer;
  };
  const [, seats = '0', url = '', showId = ''] = await until(
    'the sale is announced',
    () => must(announced.exec(said)),
    limitMs,
  );
  await until(
    'a third of the seats is sold',
    async () => {
      const answer = await fetch(`${url}/api/v1/shows/${showId}/queue/now`);
      const { left } = must(answer.ok ? ((await answer.json()) as Now) : { left: {} });
      const unsold = Object.values(left).reduce((sum, count) => sum + count, 0);
      return answer.ok && unsold <= (Number(seats) * 2) / 3;
    },
    limitMs,
  );
  const killed = await cluster.kill(`{${showId}}`);
  say(`  killed the primary on port ${killed.port}; its replica has taken over`);
};

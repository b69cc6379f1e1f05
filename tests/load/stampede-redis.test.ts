import { expect, test } from 'vitest';
import { openTestCluster } from '../support/redis.ts';
import { describeNeeding } from '../support/stack.ts';
import { killInTheMiddle } from './failover.ts';
import { expectFair, fewPeople, limitMs, reportIn, stampede } from './stampede-run.ts';

describeNeeding('redis', 'on a Redis Cluster', () => {
  test(
    'killing a primary during the sale loses no place, and the cap holds',
    async () => {
      const cluster = await openTestCluster();
      const { end, said, printed, child } = await stampede([...fewPeople, '--redis', cluster.url]);
      if (child.stderr === null) throw new Error('its words come through a pipe');
      await killInTheMiddle(cluster, child.stderr, () => undefined);
      expect([await end, said()]).toEqual([0, expect.anything()]);
      const report = reportIn(printed());
      expectFair(report);
      expect(report.epochs).toBeGreaterThan(1);
    },
    limitMs,
  );
});

import { silentLog } from '../../../server/src/platform/log.ts';
import { makeMetrics } from '../../../server/src/platform/metrics.ts';
import { openRedis, type Redis } from '../../../server/src/platform/redis/redis.ts';
import { afterThisFile } from '../../support/after-file.ts';

/** The program's own connection to a Redis of the tests, closed when the file is done. */
export const openRedisOf = async (url: string): Promise<Redis> => {
  const metrics = makeMetrics();
  const redis = await openRedis({ url, log: silentLog, metrics });
  afterThisFile(async () => {
    await redis.close();
    metrics.close();
  });
  return redis;
};

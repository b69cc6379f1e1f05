import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { UsedChallenges } from '../proof-of-work.ts';
import type { Redis } from './redis.ts';
import { makeScript } from './script.ts';

const firstUse = makeScript({
  name: 'first-use',
  text: readFileSync(new URL('./first-use.lua', import.meta.url), 'utf8'),
  read: (reply) => reply === 1,
});

/** Clocks of two processes differ by less, so Redis remembers a challenge while any accepts it. */
const overlapMs = 60_000;

/** Used challenges of all processes. Throws the failures of Redis. */
export const makeSharedUsedChallenges = (deps: {
  redis: Redis;
  clock: Clock;
  ids: Ids;
}): UsedChallenges => {
  const { redis, clock, ids } = deps;
  return {
    firstUse: (id, untilMs) => {
      const keptMs = Math.max(untilMs - clock.nowMs(), 0) + overlapMs;
      return redis.run(firstUse, [`usher:used-challenge:${id}`], [ids.secret(), keptMs]);
    },
  };
};

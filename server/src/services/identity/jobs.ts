import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import { sessionKeptMs } from './limits.ts';
import type { IdentityStore } from './store.ts';

/** Small enough that a delete holds its locks for milliseconds. */
const sessionsAtOnce = 5000;

export const makePruneSessions = (deps: {
  clock: Clock;
  log: Log;
  prune: IdentityStore['prune'];
}): Job => ({
  name: 'identity-prune-sessions',
  // A few minutes past the hour, when few other jobs run.
  schedule: '23 * * * *',
  run: async () => {
    const beforeMs = deps.clock.nowMs() - sessionKeptMs;
    let total = 0;
    let pruned: number;
    do {
      pruned = await deps.prune(beforeMs, sessionsAtOnce);
      total += pruned;
    } while (pruned === sessionsAtOnce);
    if (total > 0) deps.log.info({ sessions: total }, 'pruned expired sessions');
  },
});

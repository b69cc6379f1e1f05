import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import { codeKeptMs, sessionKeptMs } from './limits.ts';
import type { IdentityStore } from './store.ts';

/** Small enough that a delete holds its locks for milliseconds. */
const rowsAtOnce = 5000;

/** Prunes until nothing is left; returns how many rows were deleted. */
const pruneAll = async (
  prune: (beforeMs: number, limit: number) => Promise<number>,
  beforeMs: number,
): Promise<number> => {
  let total = 0;
  let pruned: number;
  do {
    pruned = await prune(beforeMs, rowsAtOnce);
    total += pruned;
  } while (pruned === rowsAtOnce);
  return total;
};

export const makePruneSessions = (deps: {
  clock: Clock;
  log: Log;
  prune: IdentityStore['prune'];
}): Job => ({
  name: 'identity-prune-sessions',
  // A few minutes past the hour, when few other jobs run.
  schedule: '23 * * * *',
  run: async () => {
    const sessions = await pruneAll(deps.prune, deps.clock.nowMs() - sessionKeptMs);
    if (sessions > 0) deps.log.info({ sessions }, 'pruned expired sessions');
  },
});

export const makePruneCodes = (deps: {
  clock: Clock;
  log: Log;
  pruneCodes: IdentityStore['pruneCodes'];
}): Job => ({
  name: 'identity-prune-codes',
  schedule: '27 * * * *',
  run: async () => {
    const codes = await pruneAll(deps.pruneCodes, deps.clock.nowMs() - codeKeptMs);
    if (codes > 0) deps.log.info({ codes }, 'pruned codes that ended');
  },
});

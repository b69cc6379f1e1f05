import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import type { CheckSoldOut } from './events.ts';
import { begunLookBackMs, toldAtOnce } from './limits.ts';
import { listSoldOutToCheck, takeUntold } from './store.ts';

/**
 * Tells buyers that a sale opened. Writes what it has to within `tx`, so that each like is told
 * exactly once: the note that it was told is committed together with it, or neither is.
 */
export type Tell = (
  tx: Sql,
  likes: readonly { accountId: string; showId: string }[],
) => Promise<void>;

const everyMinute = '* * * * *';

export const makeTellOpenings = (deps: {
  db: Database;
  clock: Clock;
  log: Log;
  tell: Tell;
}): Job => ({
  name: 'catalogue-tell-openings',
  schedule: everyMinute,
  run: async () => {
    let total = 0;
    let told: number;
    do {
      told = await deps.db.transaction(async (tx) => {
        const likes = await takeUntold(tx, deps.clock.nowMs(), toldAtOnce);
        if (likes.length > 0) await deps.tell(tx, likes);
        return likes.length;
      });
      total += told;
    } while (told === toldAtOnce);
    if (total > 0) deps.log.info({ likes: total }, 'buyers are told that a sale opened');
  },
});

export const makeCheckSoldOut = (deps: {
  db: Database;
  clock: Clock;
  checkSoldOut: CheckSoldOut;
}): Job => ({
  name: 'catalogue-check-sold-out',
  schedule: everyMinute,
  run: async () => {
    const nowMs = deps.clock.nowMs();
    const shows = await listSoldOutToCheck(deps.db, nowMs, nowMs - begunLookBackMs);
    await deps.checkSoldOut(
      deps.db,
      shows.map((show) => show.showId),
    );
  },
});

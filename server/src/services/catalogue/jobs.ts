import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { appendSaleOpened } from './events.ts';
import { begunLookBackMs, openingsAheadMs, toldAtOnce } from './limits.ts';
import type { CheckSoldOut } from './sold-out.ts';
import {
  listOpeningSoon,
  listSoldOutToCheck,
  planOpening,
  takeUntold,
  tellOpeningJob,
} from './store.ts';

const everyMinute = '* * * * *';
const openingSchema = z.strictObject({ showId: z.string() });

/**
 * Notifies those who like a show that its sale has opened: a job that is due at the opening, and
 * each minute one for whatever has no such job, because it was lost or is older than they are.
 */
export const makeOpeningJobs = (deps: {
  db: Database;
  clock: Clock;
  log: Log;
  relayWake: () => void;
}): Job[] => {
  const { db, clock } = deps;
  const tell = async (showId: string | null): Promise<void> => {
    let total = 0;
    let told: number;
    do {
      told = await db.transaction(async (tx) => {
        const nowMs = clock.nowMs();
        const likes = await takeUntold(tx, { showId, nowMs, limit: toldAtOnce });
        if (likes.length > 0) await appendSaleOpened(tx, likes, nowMs);
        return likes.length;
      });
      total += told;
    } while (told === toldAtOnce);
    if (total === 0) return;
    deps.relayWake();
    deps.log.info({ likes: total }, 'notified buyers that a sale opened');
  };
  return [
    {
      name: 'catalogue-tell-openings',
      schedule: everyMinute,
      run: async () => {
        await tell(null);
        const nowMs = clock.nowMs();
        for (const show of await listOpeningSoon(db, nowMs, nowMs + openingsAheadMs))
          await planOpening(db, show);
      },
    },
    {
      name: tellOpeningJob,
      run: (payload) => tell(openingSchema.parse(payload).showId),
    },
  ];
};

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

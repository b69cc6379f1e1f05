import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { appendSaleOpened } from './events.ts';
import { begunLookBackMs, toldAtOnce } from './limits.ts';
import type { CheckSoldOut } from './sold-out.ts';
import { listSoldOutToCheck, takeUntold } from './store.ts';

const everyMinute = '* * * * *';

export const makeTellOpenings = (deps: {
  db: Database;
  clock: Clock;
  log: Log;
  relayWake: () => void;
}): Job => ({
  name: 'catalogue-tell-openings',
  schedule: everyMinute,
  run: async () => {
    let total = 0;
    let told: number;
    do {
      told = await deps.db.transaction(async (tx) => {
        const nowMs = deps.clock.nowMs();
        const likes = await takeUntold(tx, nowMs, toldAtOnce);
        if (likes.length > 0) await appendSaleOpened(tx, likes, nowMs);
        return likes.length;
      });
      total += told;
    } while (told === toldAtOnce);
    if (total === 0) return;
    deps.relayWake();
    deps.log.info({ likes: total }, 'notified buyers that a sale opened');
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

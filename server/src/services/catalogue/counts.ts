import { type Clock, makeLoop } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Worker } from '../../platform/worker.ts';
import { countsOverlapMs, countsReadEveryMs } from './limits.ts';
import type { Counts } from './store.ts';

/**
 * Likes and sold out of every show, in memory (100 bytes a show), so that no list or page queries
 * them: changes are read once a second for all shows together.
 */
export type AllCounts = {
  of(showId: string): Counts;
  /** Applies what this process has just written, without waiting for the next read. */
  set(showId: string, counts: Counts): void;
  /** Reads the changes periodically from now on. */
  start(): Worker;
};

const none: Counts = { likes: 0, soldOut: false };

export const makeCounts = async (deps: {
  clock: Clock;
  log: Log;
  read: (
    sinceMs: number | null,
  ) => Promise<{ counts: (Counts & { showId: string })[]; readAtMs: number }>;
}): Promise<AllCounts> => {
  const counts = new Map<string, Counts>();
  let sinceMs: number | null = null;
  const set = (showId: string, { likes, soldOut }: Counts): void => {
    if (likes === 0 && !soldOut) counts.delete(showId);
    else counts.set(showId, { likes, soldOut });
  };
  const read = async (): Promise<void> => {
    const changed = await deps.read(sinceMs);
    for (const each of changed.counts) set(each.showId, each);
    sinceMs = changed.readAtMs - countsOverlapMs;
  };
  await read();
  return {
    of: (showId) => counts.get(showId) ?? none,
    set,
    start: () =>
      makeLoop({
        clock: deps.clock,
        everyMs: countsReadEveryMs,
        run: read,
        onError: (error) => deps.log.warn({ err: error }, 'reading likes and sold out failed'),
      }),
  };
};

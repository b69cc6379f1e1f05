import type { Clock } from '../../platform/clock.ts';
import { makeLoop } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Consumer } from '../../platform/outbox/relay.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Memory } from './cache.ts';
import { countsOverlapMs, countsReadEveryMs } from './limits.ts';
import { type Counts, writeSoldOut } from './store.ts';

/** Every edit of a show is told here, its id as the message. */
export const catalogueChannel = 'catalogue_changed';

/**
 * Likes and sold out of every show, in memory (100 bytes a show), so that no list and no page asks
 * for them: what changed is read once a second for all shows together.
 */
export type AllCounts = {
  of(showId: string): Counts;
  /** What this process has just written, without waiting for the next read. */
  set(showId: string, counts: Counts): void;
  close(): Promise<void>;
};

const none: Counts = { likes: 0, soldOut: false };

export const openCounts = async (deps: {
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
  const reading = makeLoop({
    clock: deps.clock,
    everyMs: countsReadEveryMs,
    run: read,
    onError: (error) => deps.log.warn({ err: error }, 'likes and sold out could not be read'),
  });
  return { of: (showId) => counts.get(showId) ?? none, set, close: () => reading.stop() };
};

export type CheckSoldOut = (sql: Sql, showIds: readonly string[]) => Promise<void>;

/** Looks at the seats of shows and notes which are sold out: nothing to be bought is left. */
export const makeSoldOutCheck =
  (deps: {
    memory: Pick<Memory, 'known' | 'performances'>;
    stock: { full(showIds: readonly string[]): Promise<ReadonlySet<string>> };
    clock: Clock;
  }): CheckSoldOut =>
  async (sql, showIds) => {
    const { memory, stock, clock } = deps;
    const found: { showId: string; soldOut: boolean }[] = [];
    const nowMs = clock.nowMs();
    const full = await stock.full(showIds);
    // In one order everywhere, so that two who write at the same time do not wait for each other.
    for (const showId of [...showIds].sort()) {
      if ((await memory.known(showId)) === null) continue;
      const later = (await memory.performances(showId)).filter((each) => each.startsAtMs > nowMs);
      found.push({ showId, soldOut: later.length > 0 && later.every(({ id }) => full.has(id)) });
    }
    if (found.length > 0) await writeSoldOut(sql, found);
  };

/** Looks whether a show is sold out whenever an order of it has moved. */
export const makeSoldOutConsumer = (checkSoldOut: CheckSoldOut): Consumer => ({
  name: 'catalogue-sold-out',
  isRepeatable: true,
  types: ['order.placed', 'order.paid', 'order.failed', 'order.expired', 'order.cancelled'],
  handle: (tx, events) => checkSoldOut(tx, [...new Set(events.map((event) => event.showId))]),
});

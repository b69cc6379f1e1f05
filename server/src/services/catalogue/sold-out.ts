import type { Clock } from '../../platform/clock.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Memory } from './cache.ts';
import { writeSoldOut } from './store.ts';

export type CheckSoldOut = (sql: Sql, showIds: readonly string[]) => Promise<void>;

/** Checks the seats of shows and records which are sold out: nothing is left to buy. */
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
    // In the same order everywhere, so that concurrent writers cannot deadlock.
    for (const showId of [...showIds].sort()) {
      if ((await memory.known(showId)) === null) continue;
      const later = (await memory.performances(showId)).filter((each) => each.startsAtMs > nowMs);
      found.push({ showId, soldOut: later.length > 0 && later.every(({ id }) => full.has(id)) });
    }
    if (found.length > 0) await writeSoldOut(sql, found);
  };

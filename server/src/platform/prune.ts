import type { Job } from './jobs.ts';
import type { Log } from './log.ts';
import type { Database } from './postgres/sql.ts';

/** Rows that one statement deletes: short locks, and a large table is processed in steps. */
const rowsAtOnce = 5000;

type Swept = { what: string; sql: string };

/**
 * What is deleted, and when: stored responses after 24 hours (architecture.md), dead letters a week
 * after they were replayed. The journal is kept.
 */
const sweeps: readonly Swept[] = [
  {
    what: 'answers',
    sql: `DELETE FROM platform.answers WHERE (scope, key) IN (
      SELECT scope, key FROM platform.answers
      WHERE answered_at < clock_timestamp() - interval '24 hours'
      ORDER BY answered_at LIMIT $1) RETURNING 1 AS gone`,
  },
  {
    what: 'replayed dead letters',
    sql: `DELETE FROM platform.dead_letters WHERE (consumer, seq) IN (
      SELECT consumer, seq FROM platform.dead_letters
      WHERE replayed_at < clock_timestamp() - interval '7 days' LIMIT $1) RETURNING 1 AS gone`,
  },
  {
    // Checked only for a day after the migration from one mark for all consumers to cursors.
    what: 'seen events',
    sql: `DELETE FROM platform.inbox WHERE (consumer, seq) IN (
      SELECT i.consumer, i.seq FROM platform.inbox i
      WHERE NOT EXISTS (SELECT FROM platform.cursors c WHERE c.inbox_until > clock_timestamp())
      LIMIT $1) RETURNING 1 AS gone`,
  },
];

/** Deletes expired rows. Returns how many rows of each kind were deleted. */
export const prune = async (db: Database): Promise<Record<string, number>> => {
  const gone: Record<string, number> = {};
  for (const { what, sql } of sweeps) {
    let rows: number;
    do {
      rows = (await db.query(sql, [rowsAtOnce])).length;
      gone[what] = (gone[what] ?? 0) + rows;
    } while (rows === rowsAtOnce);
  }
  return gone;
};

export const makePruneJob = (db: Database, log: Log): Job => ({
  name: 'platform-prune',
  schedule: '*/10 * * * *',
  run: async () => {
    log.debug({ gone: await prune(db) }, 'pruned old responses and dead letters');
  },
});

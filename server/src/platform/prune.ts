import type { Job } from './jobs.ts';
import type { Log } from './log.ts';
import type { Database } from './postgres/sql.ts';

/** Rows that one statement deletes: short locks, and a large table is worked off in steps. */
const rowsAtOnce = 5000;

type Swept = { what: string; sql: string };

/**
 * What is forgotten, and when: answers to repeated requests after 24 hours (architecture.md),
 * events a week after everybody has them, and what a consumer has seen a day after that, so that
 * an event which still exists is never taken twice.
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
    // An event that a dead letter still names is kept until the letter was replayed.
    what: 'events',
    sql: `DELETE FROM platform.outbox WHERE seq IN (
      SELECT o.seq FROM platform.outbox o
      WHERE o.published_at < clock_timestamp() - interval '7 days' AND NOT EXISTS (
        SELECT FROM platform.dead_letters d WHERE d.event_id = o.id AND d.replayed_at IS NULL)
      ORDER BY o.published_at LIMIT $1) RETURNING 1 AS gone`,
  },
  {
    what: 'replayed dead letters',
    sql: `DELETE FROM platform.dead_letters WHERE (consumer, event_id) IN (
      SELECT consumer, event_id FROM platform.dead_letters
      WHERE replayed_at < clock_timestamp() - interval '7 days' LIMIT $1) RETURNING 1 AS gone`,
  },
  {
    what: 'seen events',
    sql: `DELETE FROM platform.inbox WHERE (consumer, event_id) IN (
      SELECT i.consumer, i.event_id FROM platform.inbox i
      WHERE i.seen_at < clock_timestamp() - interval '8 days'
        AND NOT EXISTS (SELECT FROM platform.outbox o WHERE o.id = i.event_id)
      ORDER BY i.seen_at LIMIT $1) RETURNING 1 AS gone`,
  },
];

/** Forgets what nobody needs any more. Answers how many rows of each kind went. */
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
    log.debug({ gone: await prune(db) }, 'old answers and events are forgotten');
  },
});

import type { Clock } from '../clock.ts';
import type { Database, Sql } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import {
  type Consumer,
  type EventRow,
  eventColumns,
  type OutboxEvent,
  toEvent,
} from './consumer.ts';

export type DeadLetter = {
  consumer: string;
  eventId: string;
  showId: string;
  type: string;
  payload: unknown;
  tries: number;
  error: string;
  diedAt: Date;
};

/** Gives up an event within the transaction that lets its show continue. */
export const bury = async (
  tx: Sql,
  consumer: string,
  event: OutboxEvent,
  { tries, error }: { tries: number; error: string },
): Promise<void> => {
  await tx.query(
    `INSERT INTO platform.dead_letters
       (consumer, event_id, show_id, type, payload, tries, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (consumer, event_id) DO UPDATE
     SET tries = excluded.tries, error = excluded.error, died_at = clock_timestamp(),
       replayed_at = NULL`,
    [consumer, event.id, event.showId, event.type, JSON.stringify(event.payload), tries, error],
  );
};

/** Those that can be replayed, oldest first. */
export const listDeadLetters = async (db: Database, limit: number): Promise<DeadLetter[]> => {
  const rows = await db.query<{
    consumer: string;
    event_id: string;
    show_id: string;
    type: string;
    payload: unknown;
    tries: number;
    error: string;
    died_at: Date;
  }>(
    `SELECT consumer, event_id, show_id, type, payload, tries, error, died_at
     FROM platform.dead_letters WHERE replayed_at IS NULL
     ORDER BY died_at, consumer, event_id LIMIT $1`,
    [limit],
  );
  return rows.map((row) => ({
    consumer: row.consumer,
    eventId: row.event_id,
    showId: row.show_id,
    type: row.type,
    payload: row.payload,
    tries: row.tries,
    error: row.error,
    diedAt: row.died_at,
  }));
};

/**
 * Delivers a dead letter to its consumer again; throws what the consumer throws. If another process
 * serves the consumer, the letter is parked for it: it is processed within seconds, or fails again.
 */
export const replayDeadLetter = (
  deps: { db: Database; clock: Clock; tracing: Tracing },
  consumer: Consumer | undefined,
  name: string,
  eventId: string,
): Promise<'replayed' | 'unknown'> =>
  deps.db.transaction(async (tx) => {
    // If two operators replay it, the second waits here and finds that it was replayed.
    const [row] = await tx.query<EventRow>(
      `WITH replayed AS (
         UPDATE platform.dead_letters SET replayed_at = clock_timestamp()
         WHERE consumer = $1 AND event_id = $2 AND replayed_at IS NULL RETURNING event_id)
       SELECT ${eventColumns} FROM replayed JOIN platform.outbox o ON o.id = replayed.event_id`,
      [name, eventId],
    );
    if (row === undefined) return 'unknown';
    const event = toEvent(row);
    if (consumer === undefined) {
      await tx.query(
        `INSERT INTO platform.parked (consumer, show_id, seq, tries, again_at)
         VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING`,
        [name, event.showId, event.seq, new Date(deps.clock.nowMs())],
      );
      return 'replayed';
    }
    const traceIds = event.traceId === null ? [] : [event.traceId];
    await deps.tracing.events(name, traceIds, () => consumer.handle(tx, [event]));
    return 'replayed';
  });

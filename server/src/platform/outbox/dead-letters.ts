import type { Database } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import { type Consumer, deliver, type EventRow, type OutboxEvent, toEvent } from './consumer.ts';

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

export const bury = (
  db: Database,
  consumer: Consumer,
  event: OutboxEvent,
  { tries, error }: { tries: number; error: unknown },
): Promise<unknown> =>
  db.query(
    `INSERT INTO platform.dead_letters
       (consumer, event_id, show_id, type, payload, tries, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      consumer.name,
      event.id,
      event.showId,
      event.type,
      JSON.stringify(event.payload),
      tries,
      // A text of PostgreSQL cannot hold a NUL.
      String(error).replaceAll('\0', ' ').slice(0, 2000),
    ],
  );

/** Those that wait to be replayed, oldest first. */
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

/** Hands a dead letter to its consumer again; throws what the consumer throws. */
export const replayDeadLetter = async (
  deps: { db: Database; tracing: Tracing; consumers: readonly Consumer[] },
  name: string,
  eventId: string,
): Promise<'replayed' | 'unknown'> => {
  const consumer = deps.consumers.find((candidate) => candidate.name === name);
  const rows = await deps.db.query<EventRow>(
    `SELECT o.seq, o.id, o.show_id, o.type, o.payload, o.trace_id, o.created_at
     FROM platform.dead_letters d JOIN platform.outbox o ON o.id = d.event_id
     WHERE d.consumer = $1 AND d.event_id = $2 AND d.replayed_at IS NULL`,
    [name, eventId],
  );
  const row = rows[0];
  if (consumer === undefined || row === undefined) return 'unknown';
  await deliver(deps, consumer, [toEvent(row)]);
  await deps.db.query(
    `UPDATE platform.dead_letters SET replayed_at = clock_timestamp()
     WHERE consumer = $1 AND event_id = $2`,
    [name, eventId],
  );
  return 'replayed';
};

import type { Clock } from '../clock.ts';
import type { Database, Sql } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';
import {
  type Consumer,
  type EventRow,
  eventColumns,
  type JournalEvent,
  readEventId,
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
  event: JournalEvent,
  { tries, error }: { tries: number; error: string },
): Promise<void> => {
  await tx.query(
    `INSERT INTO platform.dead_letters (consumer, seq, tries, error) VALUES ($1, $2, $3, $4)
     ON CONFLICT (consumer, seq) DO UPDATE
     SET tries = excluded.tries, error = excluded.error, died_at = clock_timestamp(),
       replayed_at = NULL`,
    [consumer, event.seq, tries, error],
  );
};

type LetterRow = EventRow & { consumer: string; tries: number; error: string; died_at: Date };

/** Those that can be replayed, oldest first. */
export const listDeadLetters = async (db: Database, limit: number): Promise<DeadLetter[]> => {
  const rows = await db.query<LetterRow>(
    `SELECT d.consumer, d.tries, d.error, d.died_at, ${eventColumns}
     FROM platform.dead_letters d JOIN platform.journal j ON j.seq = d.seq
     WHERE d.replayed_at IS NULL
     ORDER BY d.died_at, d.consumer, d.seq LIMIT $1`,
    [limit],
  );
  return rows.map((row) => {
    const { id, showId, type, payload } = toEvent(row);
    return {
      consumer: row.consumer,
      eventId: id,
      showId,
      type,
      payload,
      tries: row.tries,
      error: row.error,
      diedAt: row.died_at,
    };
  });
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
         WHERE consumer = $1 AND seq = $2 AND replayed_at IS NULL RETURNING seq)
       SELECT ${eventColumns} FROM replayed JOIN platform.journal j ON j.seq = replayed.seq`,
      [name, readEventId(eventId)],
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

import type { Database, Sql } from '../postgres/sql.ts';
import type { Tracing } from '../tracing.ts';

export type OutboxEvent = {
  readonly seq: number;
  readonly id: string;
  readonly showId: string;
  readonly type: string;
  readonly payload: unknown;
  /** Of the request that caused it; null when none did (a lapse, a job). */
  readonly traceId: string | null;
  readonly createdAtMs: number;
};

/**
 * Hears of events at least once, in order for each show. `handle` writes its effect through `tx`,
 * together with the note that the events were seen, so that the effect happens once.
 */
export type Consumer = {
  readonly name: string;
  readonly types: readonly string[];
  /**
   * Twice is as once: it looks at how things are now. That it saw an event is not noted then, which
   * is a row for each.
   */
  readonly isRepeatable?: boolean;
  handle(tx: Sql, events: readonly OutboxEvent[]): Promise<void>;
};

export type EventRow = {
  seq: number;
  id: string;
  show_id: string;
  type: string;
  payload: unknown;
  trace_id: string | null;
  created_at: Date;
};
export const toEvent = (row: EventRow): OutboxEvent => ({
  seq: row.seq,
  id: row.id,
  showId: row.show_id,
  type: row.type,
  payload: row.payload,
  traceId: row.trace_id,
  createdAtMs: row.created_at.getTime(),
});

/** Hands a consumer those of the events that it has not seen, in the transaction of the effects. */
export const deliver = (
  deps: { db: Database; tracing: Tracing },
  consumer: Consumer,
  events: readonly OutboxEvent[],
): Promise<void> => {
  const traceIds = events.flatMap((event) => event.traceId ?? []);
  return deps.tracing.events(consumer.name, [...new Set(traceIds)], () =>
    deps.db.transaction(async (tx) => {
      if (consumer.isRepeatable) return consumer.handle(tx, events);
      const fresh = await tx.query<{ event_id: string }>(
        `INSERT INTO platform.inbox (consumer, event_id) SELECT $1, unnest($2::text[])
         ON CONFLICT DO NOTHING RETURNING event_id`,
        [consumer.name, events.map((event) => event.id)],
      );
      const freshIds = new Set(fresh.map((row) => row.event_id));
      const unseen = events.filter((event) => freshIds.has(event.id));
      if (unseen.length > 0) await consumer.handle(tx, unseen);
    }),
  );
};

import type { Sql } from '../postgres/sql.ts';

/** An event that is not an order's move: those are appended by orders.place and orders.move. */
export type NewEvent = {
  readonly atMs: number;
  readonly showId: string;
  readonly type: string;
  /** Without `at`, which the reader adds. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** A trace id, if a request caused it. */
  readonly requestId: string | null;
};

/** Appends events in the given order, in the transaction of the change that they report. */
export const appendEvents = async (tx: Sql, events: readonly NewEvent[]): Promise<void> => {
  await tx.query(
    `SELECT platform.append_journal(array_agg(ROW(e.at, e.show_id, e.type, NULL, NULL, NULL, NULL,
       NULL, e.request_id, e.payload)::platform.journal_entry ORDER BY e.position))
     FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::json[])
       WITH ORDINALITY AS e (at, show_id, type, request_id, payload, position)`,
    [
      events.map((event) => new Date(event.atMs)),
      events.map((event) => event.showId),
      events.map((event) => event.type),
      events.map((event) => event.requestId),
      events.map((event) => JSON.stringify(event.payload)),
    ],
  );
};

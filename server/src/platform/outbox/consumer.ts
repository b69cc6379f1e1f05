import type { Sql } from '../postgres/sql.ts';

export type OutboxEvent = {
  readonly seq: number;
  readonly id: string;
  readonly showId: string;
  readonly type: string;
  readonly payload: unknown;
  /** Of the request that caused it; null if none did (an expiry, a job). */
  readonly traceId: string | null;
  readonly createdAtMs: number;
};

/**
 * Receives events at least once, in order per show. `handle` writes its effect through `tx`,
 * in the transaction that moves the consumer's cursor, so that the effect happens once.
 */
export type Consumer = {
  /** Names its cursor: under a new name it starts again at the oldest event that is kept. */
  readonly name: string;
  readonly types: readonly string[];
  /** Idempotent: it reads the current state, or skips what it has already written. */
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
export const eventColumns = 'o.seq, o.id, o.show_id, o.type, o.payload, o.trace_id, o.created_at';

export const toEvent = (row: EventRow): OutboxEvent => ({
  seq: row.seq,
  id: row.id,
  showId: row.show_id,
  type: row.type,
  payload: row.payload,
  traceId: row.trace_id,
  createdAtMs: row.created_at.getTime(),
});

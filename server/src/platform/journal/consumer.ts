import { idPrefixes } from '@usher/domain/ids.ts';
import type { Sql } from '../postgres/sql.ts';

export type JournalEvent = {
  readonly seq: number;
  readonly id: string;
  readonly showId: string;
  readonly type: string;
  /** As contract/src/events.ts describes it. */
  readonly payload: unknown;
  /** Of the request that caused it; null if none did (an expiry, a job). */
  readonly traceId: string | null;
  readonly atMs: number;
};

/**
 * Receives events at least once, in order per show. `handle` writes its effect through `tx`,
 * in the transaction that moves the consumer's cursor, so that the effect happens once.
 */
export type Consumer = {
  /** Names its cursor: under a new name it starts again at the first event of the journal. */
  readonly name: string;
  readonly types: readonly string[];
  /** Idempotent: it reads the current state, or skips what it has already written. */
  readonly isRepeatable?: boolean;
  handle(tx: Sql, events: readonly JournalEvent[]): Promise<void>;
};

const idDigits = 26;

/** The id of the event with this number: digits only, and in the order of the numbers. */
export const makeEventId = (seq: number): string =>
  `${idPrefixes.event}_${String(seq).padStart(idDigits, '0')}`;

/** The number of an event; null if no event has such an id. */
export const readEventId = (id: string): number | null => {
  const seq = Number(id.slice(idPrefixes.event.length + 1));
  return Number.isSafeInteger(seq) && id === makeEventId(seq) ? seq : null;
};

/** A row of the journal that is an event. */
export type EventRow = {
  seq: number;
  at: Date;
  show_id: string;
  type: string;
  order_id: string | null;
  request_id: string | null;
  payload: Readonly<Record<string, unknown>>;
};
export const eventColumns = 'j.seq, j.at, j.show_id, j.type, j.order_id, j.request_id, j.payload';

/** What an event says: its payload, with what the columns say. */
export const makePayload = (row: Pick<EventRow, 'at' | 'order_id' | 'payload'>): unknown => {
  const at = row.at.toISOString();
  return row.order_id === null
    ? { ...row.payload, at }
    : { ...row.payload, orderId: row.order_id, at };
};

const traceId = /^[0-9a-f]{32}$/;

export const toEvent = (row: EventRow): JournalEvent => ({
  seq: row.seq,
  id: makeEventId(row.seq),
  showId: row.show_id,
  type: row.type,
  payload: makePayload(row),
  // A job has a name there.
  traceId: row.request_id !== null && traceId.test(row.request_id) ? row.request_id : null,
  atMs: row.at.getTime(),
});

import type { Database, Sql } from '../postgres/sql.ts';

/** A process that has not renewed its lease for this long has lost it; another takes over. */
const leaseSeconds = 5;
const renewSeconds = 2.5;

/** A consumer that this process currently delivers to. */
type HeldCursor = {
  readonly consumer: string;
  readonly seq: number;
  /** Age of the oldest event that it has not processed; 0 if there is none. */
  readonly lagSeconds: number;
  readonly hasParked: boolean;
};

/** Thrown inside a transaction if another process delivers to the consumer: nothing is done. */
export class CursorElsewhere extends Error {}

/** The cursors of consumers. `owner` names this process; one at a time delivers to a consumer. */
export const makeCursors = (db: Database, owner: string) => ({
  /** Creates the missing ones. A new consumer starts at the first event of the journal. */
  add: async (consumers: readonly string[]): Promise<void> => {
    await db.query(
      `INSERT INTO platform.cursors (consumer, seq) SELECT unnest($1::text[]), 0
       ON CONFLICT DO NOTHING`,
      [consumers],
    );
  },

  /** Takes or renews the leases of these consumers, unless another process has them. */
  hold: (consumers: readonly string[]): Promise<HeldCursor[]> =>
    db.query<HeldCursor>(
      `WITH due AS (
         SELECT consumer FROM platform.cursors
         WHERE consumer = ANY ($1) AND (until < statement_timestamp() OR (owner = $2
           AND until < statement_timestamp() + $4 * interval '1 second'))
         FOR UPDATE SKIP LOCKED
       ), renewed AS (
         UPDATE platform.cursors c
         SET owner = $2, until = statement_timestamp() + $3 * interval '1 second'
         FROM due WHERE c.consumer = due.consumer RETURNING c.consumer, c.seq
       ), held AS (
         SELECT consumer, seq FROM renewed
         UNION ALL
         SELECT consumer, seq FROM platform.cursors WHERE consumer = ANY ($1) AND owner = $2
           AND until >= statement_timestamp() + $4 * interval '1 second'
       ), seen AS (
         SELECT h.consumer, h.seq,
           (SELECT min(p.seq) FROM platform.parked p WHERE p.consumer = h.consumer) AS parked
         FROM held h
       )
       SELECT s.consumer, s.seq, s.parked IS NOT NULL AS "hasParked", coalesce((
           SELECT greatest(0, extract(epoch FROM clock_timestamp() - j.at))::float8
           FROM platform.journal j
           WHERE j.type IS NOT NULL AND j.seq >= coalesce(s.parked, s.seq + 1)
           ORDER BY j.seq LIMIT 1
         ), 0) AS "lagSeconds"
       FROM seen s ORDER BY s.seq, s.consumer`,
      [consumers, owner, leaseSeconds, renewSeconds],
    ),

  /**
   * Moves a cursor within the transaction of the effects. Throws CursorElsewhere if it has moved or
   * is not ours any more: another process has delivered, or will. Returns which shows have parked
   * events, and whether the inbox must be checked.
   */
  move: async (
    tx: Sql,
    consumer: string,
    fromSeq: number,
    toSeq: number,
  ): Promise<{ parkedShows: ReadonlySet<string>; looksIntoInbox: boolean }> => {
    const [row] = await tx.query<{ shows: string[]; looks: boolean }>(
      `WITH moved AS (
         UPDATE platform.cursors SET seq = $4 WHERE consumer = $1 AND owner = $2 AND seq = $3
         RETURNING coalesce(inbox_until > clock_timestamp(), false)
           AND EXISTS (SELECT FROM platform.inbox WHERE consumer = $1) AS looks)
       SELECT moved.looks, ARRAY(
         SELECT DISTINCT show_id FROM platform.parked WHERE consumer = $1) AS shows
       FROM moved`,
      [consumer, owner, fromSeq, toSeq],
    );
    if (row === undefined) throw new CursorElsewhere();
    return { parkedShows: new Set(row.shows), looksIntoInbox: row.looks };
  },

  /** Checks within a transaction that the consumer is still ours. */
  confirm: async (tx: Sql, consumer: string): Promise<void> => {
    const rows = await tx.query(
      'SELECT FROM platform.cursors WHERE consumer = $1 AND owner = $2 FOR UPDATE',
      [consumer, owner],
    );
    if (rows.length === 0) throw new CursorElsewhere();
  },

  /** So that another process need not wait until the leases have expired. */
  release: async (): Promise<void> => {
    await db.query(
      'UPDATE platform.cursors SET owner = NULL, until = clock_timestamp() WHERE owner = $1',
      [owner],
    );
  },
});
export type Cursors = ReturnType<typeof makeCursors>;

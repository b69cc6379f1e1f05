import type { RoomSettings } from '@usher/contract/waiting-room.ts';
import type { RoomControl } from '@usher/domain/room/types.ts';
import type { Sql } from '../../platform/postgres/sql.ts';

/** The part of a room that survives the loss of any store. */
export type RoomRow = {
  showId: string;
  control: RoomControl;
  settings: RoomSettings;
  /** Hex; secret until the draw. */
  serverSeed: string;
  commitment: string;
  enabledAtMs: number;
  /** The highest that any process served. */
  tail: number;
  front: number;
};

const rowColumns = `show_id AS "showId", control, settings, server_seed AS "serverSeed", commitment,
  (extract(epoch FROM enabled_at) * 1000)::bigint AS "enabledAtMs", tail, front`;

/** Notifies processes that the control or the settings of a room changed; carries the show id. */
export const roomChanged = 'waiting_room_changed';

/** With a transaction's `Sql` the rows change within the transaction. */
export const makeRoomRows = (sql: Sql) => ({
  all: async (): Promise<RoomRow[]> =>
    sql.query<RoomRow>(`SELECT ${rowColumns} FROM waiting_room.rooms ORDER BY show_id`),

  find: async (showId: string): Promise<RoomRow | null> => {
    const [row] = await sql.query<RoomRow>(
      `SELECT ${rowColumns} FROM waiting_room.rooms WHERE show_id = $1`,
      [showId],
    );
    return row ?? null;
  },

  /** False if it exists already; it then stays as it is. */
  create: async (
    row: Pick<RoomRow, 'showId' | 'control' | 'settings' | 'serverSeed' | 'commitment'>,
  ): Promise<boolean> => {
    const created = await sql.query(
      `WITH created AS (
         INSERT INTO waiting_room.rooms
           (show_id, rev, control, settings, server_seed, commitment, enabled_at)
         VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
         ON CONFLICT (show_id) DO NOTHING RETURNING show_id)
       SELECT pg_notify('${roomChanged}', show_id) FROM created`,
      [
        row.showId,
        row.control.rev,
        JSON.stringify(row.control),
        JSON.stringify(row.settings),
        row.serverSeed,
        row.commitment,
      ],
    );
    return created.length > 0;
  },

  /**
   * Stores a control only if it is newer than the stored one, and numbers only if they are higher,
   * so that any process may save what it saw, in any order.
   */
  save: async (
    showId: string,
    seen: { control: RoomControl; tail: number; front: number },
  ): Promise<void> => {
    await sql.query(
      `WITH kept AS (SELECT rev FROM waiting_room.rooms WHERE show_id = $1 FOR UPDATE),
       saved AS (
         UPDATE waiting_room.rooms r
         SET rev = greatest(r.rev, $2), control = CASE WHEN r.rev < $2 THEN $3 ELSE r.control END,
           tail = greatest(r.tail, $4), front = greatest(r.front, $5),
           changed_at = clock_timestamp()
         FROM kept WHERE r.show_id = $1 AND (r.rev < $2 OR r.tail < $4 OR r.front < $5)
         RETURNING r.show_id, kept.rev < $2 AS is_newer)
       SELECT pg_notify('${roomChanged}', show_id) FROM saved WHERE is_newer`,
      [showId, seen.control.rev, JSON.stringify(seen.control), seen.tail, seen.front],
    );
  },

  saveSettings: async (showId: string, settings: RoomSettings): Promise<void> => {
    await sql.query(
      `WITH saved AS (
         UPDATE waiting_room.rooms SET settings = $2, changed_at = clock_timestamp()
         WHERE show_id = $1 RETURNING show_id)
       SELECT pg_notify('${roomChanged}', show_id) FROM saved`,
      [showId, JSON.stringify(settings)],
    );
  },
});

/** A closed order; the pass that it was placed with must be updated. */
export type OrderEnd = {
  eventId: string;
  showId: string;
  orderId: string;
  buyerId: string;
  /** Paid: the pass ends. Otherwise it continues without the order. */
  kind: 'complete' | 'unpin';
};

/** Notes orders of shows that have a room; an existing note stays as it is. */
export const noteOrderEnds = async (sql: Sql, ends: readonly OrderEnd[]): Promise<void> => {
  await sql.query(
    `INSERT INTO waiting_room.order_ends (event_id, show_id, order_id, buyer_id, kind)
     SELECT e.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
       AS e (event_id, show_id, order_id, buyer_id, kind)
     WHERE EXISTS (SELECT FROM waiting_room.rooms r WHERE r.show_id = e.show_id)
     ON CONFLICT DO NOTHING`,
    [
      ends.map((end) => end.eventId),
      ends.map((end) => end.showId),
      ends.map((end) => end.orderId),
      ends.map((end) => end.buyerId),
      ends.map((end) => end.kind),
    ],
  );
};

export const makeOrderEnds = (sql: Sql) => ({
  /** For each show in the order in which they were noted. */
  list: (max: number): Promise<OrderEnd[]> =>
    sql.query<OrderEnd>(
      `SELECT event_id AS "eventId", show_id AS "showId", order_id AS "orderId",
         buyer_id AS "buyerId", kind
       FROM waiting_room.order_ends ORDER BY noted_at LIMIT $1`,
      [max],
    ),
  forget: async (eventIds: readonly string[]): Promise<void> => {
    await sql.query('DELETE FROM waiting_room.order_ends WHERE event_id = ANY ($1)', [eventIds]);
  },
});
export type OrderEnds = ReturnType<typeof makeOrderEnds>;
export type RoomRows = ReturnType<typeof makeRoomRows>;

/** Records of one room that were committed together; a room's chunks are numbered from 1. */
export type JournalChunk = { showId: string; seq: number; records: Uint8Array };

/** Chunks read as one page: a chunk has about 100 bytes when little happens, 1 kB in a crowd. */
const pageChunks = 500;

/**
 * The journal of the rooms that a process keeps in its memory, and its keeper. An owner id stands
 * for one reign of one process and is never reused: a write left over from an earlier reign finds
 * another owner and writes nothing, however long it was delayed.
 */
export const makeRoomJournal = (db: Sql) => ({
  /**
   * Makes `owner` the keeper if there is none, or if the lease of the last one has expired;
   * `isAlone`: the previous keeper has certainly exited.
   */
  take: async (owner: string, leaseMs: number, isAlone: boolean): Promise<boolean> => {
    const taken = await db.query(
      `INSERT INTO waiting_room.keeper AS kept (owner, until)
       VALUES ($1, clock_timestamp() + $2 * interval '1 ms')
       ON CONFLICT (is_only) DO UPDATE SET owner = excluded.owner, until = excluded.until
       WHERE kept.until <= clock_timestamp() OR kept.owner = excluded.owner OR $3
       RETURNING owner`,
      [owner, leaseMs, isAlone],
    );
    return taken.length > 0;
  },

  /**
   * Writes chunks in one commit and renews the lease for another `leaseMs`; false, and nothing
   * written, if `owner` is no longer the keeper. The keeper's row is locked until the commit, so
   * nobody can take over in between. Chunks that exist already are from an attempt whose answer was
   * lost.
   */
  write: async (
    owner: string,
    leaseMs: number,
    chunks: readonly JournalChunk[],
  ): Promise<boolean> => {
    const kept = await db.query(
      `WITH kept AS (
         UPDATE waiting_room.keeper SET until = clock_timestamp() + $2 * interval '1 ms'
         WHERE owner = $1 RETURNING owner),
       written AS (
         INSERT INTO waiting_room.journal (show_id, seq, records)
         SELECT c.show_id, c.seq, c.records
         FROM kept, unnest($3::text[], $4::bigint[], $5::bytea[]) AS c (show_id, seq, records)
         ON CONFLICT (show_id, seq) DO NOTHING)
       SELECT owner FROM kept`,
      [
        owner,
        leaseMs,
        chunks.map(({ showId }) => showId),
        chunks.map(({ seq }) => seq),
        chunks.map(({ records }) => records),
      ],
    );
    return kept.length > 0;
  },

  /** The chunks after this one, in order within a room; an empty page is the end. */
  readAfter: async (showId: string, seq: number): Promise<JournalChunk[]> =>
    db.query<JournalChunk>(
      `SELECT show_id AS "showId", seq, records FROM waiting_room.journal
       WHERE (show_id, seq) > ($1, $2) ORDER BY show_id, seq LIMIT ${pageChunks}`,
      [showId, seq],
    ),

  /** Releases the lease, so that the next keeper need not wait. */
  giveUp: async (owner: string): Promise<void> => {
    await db.query('UPDATE waiting_room.keeper SET until = clock_timestamp() WHERE owner = $1', [
      owner,
    ]);
  },
});
export type RoomJournal = ReturnType<typeof makeRoomJournal>;

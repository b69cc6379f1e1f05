import type { roomSettings } from '@usher/contract/waiting-room.ts';
import type { z } from 'zod';
import type { RoomControl } from '../../domain/room/words.ts';
import { assert } from '../../platform/failure.ts';
import type { Sql } from '../../platform/postgres/sql.ts';

export type RoomSettings = z.infer<typeof roomSettings>;

/** What of a room outlives every store. */
export type RoomRow = {
  showId: string;
  control: RoomControl;
  settings: RoomSettings;
  /** Hex; secret until the draw. */
  serverSeed: string;
  commitment: string;
  enabledAt: Date;
  /** The highest that any process served. */
  tail: number;
  front: number;
};

const rowColumns = `show_id AS "showId", control, settings, server_seed AS "serverSeed", commitment,
  enabled_at AS "enabledAt", tail, front`;

/** On a transaction's `Sql` the rows change with it. */
export const makeRoomRows = (sql: Sql) => ({
  /** Answers the row that there is from now on: of two callers, the first one's. */
  create: async (
    row: Pick<RoomRow, 'showId' | 'control' | 'settings' | 'serverSeed' | 'commitment'>,
  ): Promise<RoomRow> => {
    await sql.query(
      `INSERT INTO waiting_room.rooms
         (show_id, rev, control, settings, server_seed, commitment, enabled_at)
       VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
       ON CONFLICT (show_id) DO NOTHING`,
      [
        row.showId,
        row.control.rev,
        JSON.stringify(row.control),
        JSON.stringify(row.settings),
        row.serverSeed,
        row.commitment,
      ],
    );
    // A statement of its own: the one above does not see a row that another committed meanwhile.
    const [found] = await sql.query<RoomRow>(
      `SELECT ${rowColumns} FROM waiting_room.rooms WHERE show_id = $1`,
      [row.showId],
    );
    assert(found, 'a room that was created is there');
    return found;
  },

  list: (): Promise<RoomRow[]> =>
    sql.query<RoomRow>(`SELECT ${rowColumns} FROM waiting_room.rooms ORDER BY show_id`),

  /**
   * Keeps a control unless a newer one is kept, so that any process may save what it saw, in any
   * order. With settings null the room keeps those it has.
   */
  save: async (
    showId: string,
    control: RoomControl,
    settings: RoomSettings | null,
  ): Promise<void> => {
    await sql.query(
      `UPDATE waiting_room.rooms
       SET rev = $2, control = $3, settings = coalesce($4, settings), changed_at = clock_timestamp()
       WHERE show_id = $1 AND rev <= $2`,
      [
        showId,
        control.rev,
        JSON.stringify(control),
        settings === null ? null : JSON.stringify(settings),
      ],
    );
  },

  /** Raises how far numbers were seen to go; never lowers it. */
  see: async (showId: string, tail: number, front: number): Promise<void> => {
    await sql.query(
      `UPDATE waiting_room.rooms SET tail = greatest(tail, $2), front = greatest(front, $3)
       WHERE show_id = $1 AND (tail < $2 OR front < $3)`,
      [showId, tail, front],
    );
  },
});
export type RoomRows = ReturnType<typeof makeRoomRows>;

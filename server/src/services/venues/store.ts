import type { LocalText } from '@usher/domain/text.ts';
import type { Sql } from '../../platform/postgres/sql.ts';

/** A house and its seating plan; nothing of it changes once it is made. */
export type Venue = {
  readonly id: string;
  readonly name: LocalText;
  readonly address: LocalText;
  readonly timeZone: string;
  readonly seatingPlanId: string;
  readonly layoutVersion: string;
  readonly seatCount: number;
  /** Grades of the plan in the order of its layout, and how many seats each has. */
  readonly grades: readonly string[];
  readonly gradeSeats: readonly number[];
  readonly createdAtMs: number;
};

const venueJson = `jsonb_build_object('id', v.id, 'name', v.name, 'address', v.address,
  'timeZone', v.time_zone, 'seatingPlanId', p.id, 'layoutVersion', l.version,
  'seatCount', l.seat_count, 'grades', l.grades, 'gradeSeats', l.grade_seats,
  'createdAtMs', (extract(epoch FROM v.created_at) * 1000)::bigint)`;
const venueTables = `venues.venues v JOIN venues.seating_plans p ON p.venue_id = v.id
  JOIN venues.layouts l ON l.version = p.layout_version`;

/** One statement; a venue that is there already stays as it is. */
export const insertVenue = async (
  sql: Sql,
  venue: Venue & { readonly layoutGzip: Buffer },
  by: { readonly accountId: string; readonly requestId: string },
): Promise<void> => {
  await sql.query(
    `WITH layout AS (
       INSERT INTO venues.layouts (version, document, seat_count, grades, grade_seats)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
     ), venue AS (
       INSERT INTO venues.venues (id, name, address, time_zone, owner_id, request_id, created_at)
       VALUES ($6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING id
     )
     INSERT INTO venues.seating_plans (id, venue_id, layout_version) SELECT $13, id, $1 FROM venue`,
    [
      venue.layoutVersion,
      venue.layoutGzip,
      venue.seatCount,
      venue.grades,
      venue.gradeSeats,
      venue.id,
      venue.name,
      venue.address,
      venue.timeZone,
      by.accountId,
      by.requestId,
      new Date(venue.createdAtMs),
      venue.seatingPlanId,
    ],
  );
};

export const findVenue = async (sql: Sql, venueId: string): Promise<Venue | null> => {
  const rows = await sql.query<{ venue: Venue }>(
    `SELECT ${venueJson} AS venue FROM ${venueTables} WHERE v.id = $1`,
    [venueId],
  );
  return rows[0]?.venue ?? null;
};

/** The newest first, after a place in that order. */
export const listVenues = async (
  sql: Sql,
  after: readonly [createdAtMs: number, id: string] | null,
  limit: number,
): Promise<Venue[]> => {
  const rows = await sql.query<{ venue: Venue }>(
    `SELECT ${venueJson} AS venue FROM ${venueTables}
     WHERE $1::timestamptz IS NULL OR (v.created_at, v.id) < ($1, $2)
     ORDER BY v.created_at DESC, v.id DESC LIMIT $3`,
    [after === null ? null : new Date(after[0]), after?.[1], limit],
  );
  return rows.map((row) => row.venue);
};

/** The layout document of a plan as it is stored, gzip. */
export const findLayout = async (
  sql: Sql,
  seatingPlanId: string,
): Promise<{ version: string; gzip: Buffer } | null> => {
  const rows = await sql.query<{ version: string; gzip: Buffer }>(
    `SELECT l.version, l.document AS gzip FROM venues.seating_plans p
     JOIN venues.layouts l ON l.version = p.layout_version WHERE p.id = $1`,
    [seatingPlanId],
  );
  return rows[0] ?? null;
};

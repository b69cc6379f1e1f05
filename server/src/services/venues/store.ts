import type { LocalText } from '@usher/domain/text.ts';
import type { Sql } from '../../platform/postgres/sql.ts';

/** A house with its default seating plan; it never changes after it is created. */
export type Venue = {
  readonly id: string;
  readonly name: LocalText;
  readonly address: LocalText;
  readonly timeZone: string;
  readonly seatingPlanId: string;
  readonly layoutVersion: string;
  readonly seatCount: number;
  /** Grades that the plan suggests, in the order of its layout, and how many seats each has. */
  readonly grades: readonly string[];
  readonly gradeSeats: readonly number[];
  readonly createdAtMs: number;
};

/** One seating arrangement of a house. */
export type SeatingPlan = Pick<Venue, 'layoutVersion' | 'seatCount' | 'grades'> & {
  readonly id: string;
  readonly venueId: string;
  readonly name: LocalText;
  readonly isDefault: boolean;
};

const venueJson = `jsonb_build_object('id', v.id, 'name', v.name, 'address', v.address,
  'timeZone', v.time_zone, 'seatingPlanId', p.id, 'layoutVersion', l.version,
  'seatCount', l.seat_count, 'grades', l.grades, 'gradeSeats', l.grade_seats,
  'createdAtMs', (extract(epoch FROM v.created_at) * 1000)::bigint)`;
const venueTables = `venues.venues v
  JOIN venues.seating_plans p ON p.venue_id = v.id AND p.is_default
  JOIN venues.layouts l ON l.version = p.layout_version`;

/** One statement; an existing venue stays as it is. */
export const insertVenue = async (
  sql: Sql,
  venue: Venue & { readonly layoutGzip: Buffer; readonly planName: LocalText },
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
     INSERT INTO venues.seating_plans
       (id, venue_id, layout_version, name, is_default, request_id, created_at)
     SELECT $13, id, $1, $14, true, $11, $12 FROM venue`,
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
      venue.planName,
    ],
  );
};

/** One statement; an existing plan stays as it is. */
export const insertPlan = async (
  sql: Sql,
  plan: SeatingPlan & {
    readonly layoutGzip: Buffer;
    readonly gradeSeats: readonly number[];
    readonly createdAtMs: number;
  },
  requestId: string,
): Promise<void> => {
  await sql.query(
    `WITH layout AS (
       INSERT INTO venues.layouts (version, document, seat_count, grades, grade_seats)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
     )
     INSERT INTO venues.seating_plans (id, venue_id, layout_version, name, request_id, created_at)
     VALUES ($6, $7, $1, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
    [
      plan.layoutVersion,
      plan.layoutGzip,
      plan.seatCount,
      plan.grades,
      plan.gradeSeats,
      plan.id,
      plan.venueId,
      plan.name,
      requestId,
      new Date(plan.createdAtMs),
    ],
  );
};

const planJson = `jsonb_build_object('id', p.id, 'venueId', p.venue_id, 'name', p.name,
  'layoutVersion', l.version, 'seatCount', l.seat_count, 'grades', l.grades,
  'isDefault', p.is_default)`;
const planTables = `venues.seating_plans p JOIN venues.layouts l ON l.version = p.layout_version`;

export const findPlan = async (sql: Sql, seatingPlanId: string): Promise<SeatingPlan | null> => {
  const rows = await sql.query<{ plan: SeatingPlan }>(
    `SELECT ${planJson} AS plan FROM ${planTables} WHERE p.id = $1`,
    [seatingPlanId],
  );
  return rows[0]?.plan ?? null;
};

/** The plans of a venue, its default first, then oldest first. */
export const listPlans = async (sql: Sql, venueId: string): Promise<SeatingPlan[]> => {
  const rows = await sql.query<{ plan: SeatingPlan }>(
    `SELECT ${planJson} AS plan FROM ${planTables} WHERE p.venue_id = $1
     ORDER BY p.is_default DESC, p.created_at, p.id`,
    [venueId],
  );
  return rows.map((row) => row.plan);
};

export const findOwner = async (sql: Sql, venueId: string): Promise<string | null> => {
  const rows = await sql.query<{ owner_id: string }>(
    'SELECT owner_id FROM venues.venues WHERE id = $1',
    [venueId],
  );
  return rows[0]?.owner_id ?? null;
};

export const findVenue = async (sql: Sql, venueId: string): Promise<Venue | null> => {
  const rows = await sql.query<{ venue: Venue }>(
    `SELECT ${venueJson} AS venue FROM ${venueTables} WHERE v.id = $1`,
    [venueId],
  );
  return rows[0]?.venue ?? null;
};

/** Newest first, after a position in that order. */
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

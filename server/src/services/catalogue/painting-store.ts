import type { Sql } from '../../platform/postgres/sql.ts';
import type { PlanPainting, ShowPainting, StoredPainting } from './painting.ts';

const paintingJson = `jsonb_build_object('version', a.version, 'seatingPlanId', a.seating_plan_id,
  'grades', a.grades, 'gradeSeats', a.grade_seats, 'seats', a.seats)`;

export const findPainting = async (sql: Sql, version: string): Promise<StoredPainting | null> => {
  const rows = await sql.query<{ painting: StoredPainting }>(
    `SELECT ${paintingJson} AS painting FROM catalogue.paintings a WHERE a.version = $1`,
    [version],
  );
  return rows[0]?.painting ?? null;
};

/** How a show is painted in each plan, for future performances. */
export const listShowPaintings = async (
  sql: Sql,
  showId: string,
): Promise<(ShowPainting & { readonly painting: StoredPainting })[]> => {
  const rows = await sql.query<{ painting: PlanPainting }>(
    `SELECT jsonb_build_object('seatingPlanId', w.seating_plan_id, 'rules', w.rules,
       'painting', ${paintingJson}) AS painting
     FROM catalogue.show_paintings w JOIN catalogue.paintings a ON a.version = w.version
     WHERE w.show_id = $1 ORDER BY w.seating_plan_id`,
    [showId],
  );
  return rows.map((row) => row.painting);
};

/** The paintings of a show's performances that start after an instant. */
export const listPaintingsInUse = async (
  sql: Sql,
  showId: string,
  afterMs: number,
): Promise<StoredPainting[]> => {
  const rows = await sql.query<{ painting: StoredPainting }>(
    `SELECT ${paintingJson} AS painting FROM catalogue.paintings a
     WHERE a.version IN (SELECT f.painting_version FROM catalogue.performances f
       WHERE f.show_id = $1 AND f.starts_at > $2)`,
    [showId, new Date(afterMs)],
  );
  return rows.map((row) => row.painting);
};

/** Writes new paintings, and that the show uses them. */
export const writeShowPaintings = async (
  tx: Sql,
  showId: string,
  paintings: readonly PlanPainting[],
): Promise<void> => {
  for (const { seatingPlanId, rules, painting } of paintings) {
    await tx.query(
      `WITH painting AS (
         INSERT INTO catalogue.paintings (version, seating_plan_id, grades, grade_seats, seats)
         VALUES ($3, $2, $4, $5, $6) ON CONFLICT DO NOTHING
       )
       INSERT INTO catalogue.show_paintings (show_id, seating_plan_id, rules, version)
       VALUES ($1, $2, $7, $3)
       ON CONFLICT (show_id, seating_plan_id)
       DO UPDATE SET rules = excluded.rules, version = excluded.version`,
      [
        showId,
        seatingPlanId,
        painting.version,
        painting.grades,
        painting.gradeSeats,
        painting.seats,
        JSON.stringify(rules),
      ],
    );
  }
};

/** Deletes the show's paintings in all plans except these. */
export const dropOtherPaintings = async (
  tx: Sql,
  showId: string,
  seatingPlanIds: readonly string[],
): Promise<void> => {
  await tx.query(
    'DELETE FROM catalogue.show_paintings WHERE show_id = $1 AND seating_plan_id <> ALL ($2)',
    [showId, seatingPlanIds],
  );
};

export const repaintPerformances = async (
  tx: Sql,
  performances: readonly { performanceId: string; paintingVersion: string }[],
): Promise<void> => {
  await tx.query(
    `UPDATE catalogue.performances f SET painting_version = n.version
     FROM unnest($1::text[], $2::text[]) AS n (id, version) WHERE f.id = n.id`,
    [
      performances.map((each) => each.performanceId),
      performances.map((each) => each.paintingVersion),
    ],
  );
};

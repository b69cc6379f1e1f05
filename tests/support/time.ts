import type { Sql } from '../../server/src/platform/postgres/sql.ts';

/**
 * The deadlines of holds are judged by the database's clock, which no test can move: these move the
 * deadlines instead. No state changes, so whatever finds the hold next decides what happens to it.
 */

/** The hold's deadline passed a moment ago; nobody has noticed yet. */
export const endHold = async (db: Sql, holdId: string): Promise<void> => {
  const passed = "clock_timestamp() - interval '1 ms'";
  const ended = await db.query(
    `UPDATE seats.holds SET deadline = ${passed}, due = least(due, ${passed}) WHERE id = $1
     RETURNING id`,
    [holdId],
  );
  if (ended.length !== 1) throw new Error(`there is no hold ${holdId} to end`);
};

/** The hold was taken so much longer ago: its deadline and its absolute end are as much nearer. */
export const ageHold = async (db: Sql, holdId: string, byMs: number): Promise<void> => {
  const aged = await db.query(
    `UPDATE seats.holds SET taken_at = taken_at - $2 * interval '1 ms',
       deadline = deadline - $2 * interval '1 ms', due = due - $2 * interval '1 ms',
       ends_by = ends_by - $2 * interval '1 ms'
     WHERE id = $1 RETURNING id`,
    [holdId, byMs],
  );
  if (aged.length !== 1) throw new Error(`there is no hold ${holdId} to age`);
};

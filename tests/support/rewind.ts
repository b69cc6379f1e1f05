import type { Sql } from '../../server/src/platform/postgres/sql.ts';

/** Undoes each migration, including its data, for tests of the migration on existing data. */
const undo: Readonly<Record<string, readonly string[]>> = {
  '000011_seats_taken': ['ALTER TABLE seats.stock DROP COLUMN taken'],
  '000012_seat_labels': ['orders.items', 'tickets.tickets'].map(
    (table) =>
      `UPDATE ${table} SET seat = (seat - 'label' - 'mark' - 'gradeName')
         || jsonb_build_object('number', (seat->>'label')::integer)`,
  ),
  '000013_seating_plans': [
    `ALTER TABLE venues.layouts DROP CONSTRAINT layouts_grades,
       ADD CONSTRAINT layouts_check
         CHECK (cardinality(grades) = cardinality(grade_seats) AND cardinality(grades) > 0)`,
    'DROP INDEX venues.seating_plans_venue',
    `ALTER TABLE venues.seating_plans DROP COLUMN name, DROP COLUMN is_default,
       DROP COLUMN request_id, DROP COLUMN created_at,
       ADD CONSTRAINT seating_plans_venue_id_key UNIQUE (venue_id)`,
  ],
  '000015_cursors': [
    'ALTER TABLE platform.outbox ADD COLUMN published_at timestamptz',
    `UPDATE platform.outbox SET published_at = clock_timestamp()
     WHERE seq NOT IN (SELECT seq FROM platform.waiting_events)`,
    'CREATE INDEX outbox_waiting ON platform.outbox (seq) WHERE published_at IS NULL',
    `CREATE INDEX outbox_published ON platform.outbox (published_at)
     WHERE published_at IS NOT NULL`,
    'DROP VIEW platform.waiting_events',
    'DROP TABLE platform.cursors, platform.parked',
  ],
  '000016_paintings': [
    'ALTER TABLE seats.stock DROP COLUMN painting_version',
    'ALTER TABLE catalogue.performances DROP COLUMN painting_version',
    'DROP TABLE catalogue.show_paintings, catalogue.paintings',
  ],
  '000017_hold_fingerprints': ['ALTER TABLE seats.holds DROP COLUMN fingerprint'],
  '000014_moves': ['DROP TABLE platform.moves', 'DROP FUNCTION platform.refuse_move CASCADE'],
};

/** Takes a database back to before a migration; the next `migrate` runs it, and those after it. */
export const rewindBefore = async (db: Sql, migration: string): Promise<void> => {
  const done = await db.query<{ name: string }>(
    'SELECT name FROM platform.migrations WHERE name >= $1 ORDER BY name DESC',
    [migration],
  );
  for (const { name } of done) {
    const statements = undo[name];
    if (statements === undefined)
      throw new Error(`${name} has no way back yet: write it in tests/support/rewind.ts`);
    for (const statement of statements) await db.query(statement);
    await db.query('DELETE FROM platform.migrations WHERE name = $1', [name]);
  }
};

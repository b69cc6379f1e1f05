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
  '000018_journal': [
    `CREATE TABLE platform.outbox (
       seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       id text COLLATE "C" NOT NULL UNIQUE,
       show_id text COLLATE "C" NOT NULL,
       type text NOT NULL,
       payload jsonb NOT NULL,
       trace_id text,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    `INSERT INTO platform.outbox (seq, id, show_id, type, payload, trace_id, created_at)
     OVERRIDING SYSTEM VALUE
     SELECT seq, 'evt_' || left(replace(gen_random_uuid()::text, '-', ''), 26), show_id, type,
       payload::jsonb || jsonb_strip_nulls(jsonb_build_object('orderId', order_id,
         'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))),
       substring(request_id FROM '^[0-9a-f]{32}$'), at
     FROM platform.journal WHERE type IS NOT NULL`,
    `SELECT setval('platform.outbox_seq_seq', last_value, is_called)
     FROM platform.journal_seq_seq`,
    `CREATE TABLE orders.transitions AS
     SELECT show_id, order_id, from_state, to_state, at, actor, reason, request_id
     FROM platform.journal WHERE to_state IS NOT NULL ORDER BY seq`,
    `ALTER TABLE platform.dead_letters
       ADD COLUMN event_id text COLLATE "C",
       ADD COLUMN show_id text COLLATE "C",
       ADD COLUMN type text,
       ADD COLUMN payload jsonb`,
    `UPDATE platform.dead_letters d
     SET event_id = o.id, show_id = o.show_id, type = o.type, payload = o.payload
     FROM platform.outbox o WHERE o.seq = d.seq`,
    'ALTER TABLE platform.dead_letters DROP COLUMN seq, ADD PRIMARY KEY (consumer, event_id)',
    'ALTER TABLE platform.inbox ADD COLUMN event_id text COLLATE "C"',
    'UPDATE platform.inbox i SET event_id = o.id FROM platform.outbox o WHERE o.seq = i.seq',
    'ALTER TABLE platform.inbox DROP COLUMN seq, ADD PRIMARY KEY (consumer, event_id)',
    'DROP VIEW platform.waiting_events',
    `CREATE VIEW platform.waiting_events AS
     SELECT o.seq, o.id, o.show_id FROM platform.outbox o
     WHERE o.seq > (SELECT min(c.seq) FROM platform.cursors c)
       OR o.seq IN (SELECT p.seq FROM platform.parked p)`,
    'DROP TABLE platform.journal',
    'DROP TYPE platform.journal_entry CASCADE',
    // All functions are created again: open connections have compiled them with the old type.
    'DELETE FROM platform.routines',
    'DROP FUNCTION platform.refuse_change CASCADE',
    `CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql
     AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$`,
    ...['payments.ledger', 'orders.transitions'].map(
      (table) =>
        `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
         FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change()`,
    ),
  ],
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

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
  '000019_lean_booking': [
    // They take or return rows of tables that are replaced.
    `DROP FUNCTION seats.restart_deadline, seats.read_hold, orders.read_order`,
    `DELETE FROM platform.routines WHERE name IN (
       'seats/restart-deadline.sql', 'seats/read-hold.sql', 'orders/read-order.sql')`,
    'DROP TYPE seats.take_call, orders.place_call, payments.begin_call, payments.settle_call',
    'CREATE SEQUENCE seats.fence START 1000000',
    `ALTER TABLE seats.holds RENAME TO later_holds`,
    'ALTER TABLE seats.later_holds RENAME CONSTRAINT holds_pkey TO later_holds_pkey',
    'DROP INDEX seats.holds_due, seats.holds_buyer',
    `CREATE TABLE seats.holds (
       show_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
       performance_id text COLLATE "C" NOT NULL, buyer_id text COLLATE "C" NOT NULL,
       seat_nos integer[] NOT NULL, state text NOT NULL, fence bigint NOT NULL,
       order_id text COLLATE "C", taken_at timestamptz NOT NULL, deadline timestamptz NOT NULL,
       ends_by timestamptz NOT NULL, extended_at timestamptz, ended_at timestamptz,
       end_reason text, request_id text NOT NULL, fingerprint text, PRIMARY KEY (show_id, id))`,
    `INSERT INTO seats.holds
     SELECT s.show_id, h.id, s.performance_id, h.buyer_id, h.seat_nos, h.state, h.fence, h.order_id,
       h.taken_at, h.deadline, h.ends_by, h.extended_at, h.ended_at, h.end_reason, h.request_id,
       h.fingerprint
     FROM seats.later_holds h JOIN seats.stock s ON s.no = h.stock_no`,
    'CREATE UNIQUE INDEX holds_id ON seats.holds (id)',
    'CREATE INDEX holds_due ON seats.holds (deadline) WHERE ended_at IS NULL',
    `ALTER TABLE seats.claims RENAME TO later_claims`,
    'ALTER TABLE seats.later_claims RENAME CONSTRAINT claims_pkey TO later_claims_pkey',
    `CREATE TABLE seats.claims (
       show_id text COLLATE "C" NOT NULL, performance_id text COLLATE "C" NOT NULL,
       seat_no integer NOT NULL, grade smallint NOT NULL, state text NOT NULL,
       buyer_id text COLLATE "C", hold_id text COLLATE "C", order_id text COLLATE "C",
       fence bigint NOT NULL, deadline timestamptz,
       PRIMARY KEY (show_id, performance_id, seat_no))`,
    `INSERT INTO seats.claims
     SELECT s.show_id, s.performance_id, c.seat_no, c.grade,
       CASE h.state WHEN 'ACTIVE' THEN 'held' WHEN 'PAYING' THEN 'paying' WHEN 'SOLD' THEN 'sold'
         ELSE 'blocked' END,
       h.buyer_id, c.hold_id, h.order_id, coalesce(h.fence, 0),
       CASE h.state WHEN 'ACTIVE' THEN h.deadline END
     FROM seats.later_claims c JOIN seats.stock s ON s.no = c.stock_no
     LEFT JOIN seats.later_holds h ON h.id = c.hold_id`,
    'CREATE INDEX claims_buyer ON seats.claims (buyer_id)',
    'CREATE INDEX claims_hold ON seats.claims (hold_id)',
    'DROP TABLE seats.later_claims, seats.later_holds, seats.sweeper',
    'ALTER TABLE seats.stock DROP COLUMN no',
    `ALTER TABLE payments.attempts RENAME TO later_attempts`,
    `ALTER TABLE payments.later_attempts RENAME CONSTRAINT attempts_pkey TO later_attempts_pkey`,
    'ALTER TABLE payments.later_attempts DROP CONSTRAINT attempts_payment_key',
    'DROP INDEX payments.attempts_left, payments.attempts_sent',
    'DROP TABLE payments.recovery',
    `CREATE TABLE payments.attempts (
       show_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
       order_id text COLLATE "C" NOT NULL, hold_id text COLLATE "C" NOT NULL,
       performance_id text COLLATE "C" NOT NULL, buyer_id text COLLATE "C" NOT NULL,
       provider text NOT NULL, idempotency_key text NOT NULL, amount_minor bigint NOT NULL,
       currency text NOT NULL, state text NOT NULL, outcome text, payment_key text, fence bigint,
       answer jsonb, provider_code text, request_id text NOT NULL, created_at timestamptz NOT NULL,
       locked_at timestamptz, sent_at timestamptz, unknown_since timestamptz,
       answered_at timestamptz, settled_at timestamptz, PRIMARY KEY (show_id, id))`,
    `INSERT INTO payments.attempts
     SELECT o.show_id, a.id, a.order_id, a.hold_id, o.performance_id, a.buyer_id, a.provider,
       a.idempotency_key, a.amount_minor, a.currency, a.state, a.outcome, a.payment_key, a.fence,
       a.answer::jsonb, a.provider_code, a.request_id, a.opened_at, a.sent_at, a.sent_at,
       a.unknown_since, a.answered_at, a.settled_at
     FROM payments.later_attempts a JOIN orders.orders o ON o.id = a.order_id`,
    // The version before wrote an attempt as soon as it was opened.
    `INSERT INTO payments.attempts (show_id, id, order_id, hold_id, performance_id, buyer_id,
       provider, idempotency_key, amount_minor, currency, state, request_id, created_at)
     SELECT o.show_id, 'att_' || substr(o.id, 5), o.id, o.hold_id, o.performance_id, o.buyer_id,
       'toss', 'key of ' || o.id, o.total_minor, o.currency, 'CREATED', 'rewind',
       o.attempt_opened_at
     FROM orders.orders o WHERE o.state = 'PENDING'`,
    'CREATE UNIQUE INDEX attempts_id ON payments.attempts (id)',
    `CREATE INDEX attempts_open ON payments.attempts (locked_at)
     WHERE locked_at IS NOT NULL AND settled_at IS NULL`,
    'DROP TABLE payments.later_attempts',
    `CREATE TABLE payments.balances AS
     SELECT show_id, id AS order_id, captured_minor, refunded_minor FROM orders.orders
     WHERE captured_minor > 0`,
    `CREATE FUNCTION payments.keep_balance() RETURNS trigger LANGUAGE plpgsql
     AS $$ BEGIN RETURN NULL; END $$`,
    `ALTER TABLE payments.ledger RENAME TO later_ledger`,
    `ALTER TABLE payments.later_ledger RENAME CONSTRAINT ledger_pkey TO later_ledger_pkey`,
    `CREATE TABLE payments.ledger (
       show_id text COLLATE "C" NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY,
       order_id text COLLATE "C" NOT NULL, attempt_id text COLLATE "C" NOT NULL, kind text NOT NULL,
       amount_minor bigint NOT NULL, currency text NOT NULL, provider text NOT NULL,
       provider_transaction text, at timestamptz NOT NULL, PRIMARY KEY (show_id, seq))`,
    `INSERT INTO payments.ledger (show_id, order_id, attempt_id, kind, amount_minor, currency,
       provider, provider_transaction, at)
     SELECT o.show_id, l.order_id, l.attempt_id, l.kind, l.amount_minor, l.currency, l.provider,
       l.provider_transaction, l.at
     FROM payments.later_ledger l JOIN orders.orders o ON o.id = l.order_id ORDER BY l.at`,
    'DROP TABLE payments.later_ledger',
    `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger
     FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change()`,
    `CREATE TABLE orders.items AS
     SELECT o.show_id, o.id AS order_id, i."seatNo" AS seat_no, i.grade, i.seat,
       i."priceMinor" AS price_minor, i."feeMinor" AS fee_minor
     FROM orders.orders o CROSS JOIN LATERAL json_to_recordset(o.items) AS i ("seatNo" integer,
       grade text, seat jsonb, "priceMinor" bigint, "feeMinor" bigint)`,
    `ALTER TABLE orders.orders DROP COLUMN captured_minor, DROP COLUMN refunded_minor,
       DROP COLUMN items, DROP COLUMN attempt_no, DROP COLUMN attempt_opened_at`,
    'ALTER TABLE orders.orders RENAME CONSTRAINT orders_state TO orders_state_check',
    'CREATE UNIQUE INDEX orders_id ON orders.orders (id)',
    'ALTER TABLE tickets.tickets ALTER COLUMN seat TYPE jsonb',
    'ALTER TABLE tickets.tickets DROP CONSTRAINT tickets_pkey',
    'DROP INDEX tickets.tickets_live_seat',
    'ALTER TABLE tickets.tickets ADD PRIMARY KEY (show_id, id)',
    'CREATE INDEX tickets_id ON tickets.tickets (id)',
    `CREATE UNIQUE INDEX tickets_live_seat ON tickets.tickets (show_id, performance_id, seat_no)
     WHERE state = 'LIVE'`,
  ],
  '000020_account_changes': [
    `ALTER TABLE identity.audit DROP CONSTRAINT audit_what_check, ADD CONSTRAINT audit_what_check
       CHECK (what IN ('account.made', 'session.started', 'session.ended'))`,
  ],
  '000022_account_care': [
    'DROP TABLE identity.codes',
    'DROP INDEX identity.sessions_account',
    `ALTER TABLE identity.accounts DROP COLUMN confirmed_at, DROP COLUMN mailbox,
       DROP COLUMN left_at`,
    `ALTER TABLE identity.audit DROP CONSTRAINT audit_what_check, ADD CONSTRAINT audit_what_check
       CHECK (what IN ('account.made', 'account.role-changed', 'account.password-changed',
         'session.started', 'session.ended'))`,
    `ALTER TABLE notifications.mails DROP CONSTRAINT mails_kind_check,
       ADD CONSTRAINT mails_kind_check
         CHECK (kind IN ('order-paid', 'order-failed', 'order-unknown', 'sale-opened'))`,
  ],
  '000024_mails': [
    'DROP TABLE notifications.stops',
    'DROP INDEX notifications.mails_failing, notifications.mails_newest',
    `CREATE INDEX mails_newest ON notifications.mails (written_at DESC, id DESC)
     WHERE subject IS NOT NULL`,
    'ALTER TABLE notifications.mails DROP COLUMN repeats',
    'ALTER TABLE catalogue.shows DROP COLUMN names_buyer',
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

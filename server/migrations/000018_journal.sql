-- Up Migration
-- An older program cannot run beside this: its functions and its relay use tables that are gone.
-- A purchase wrote each of its moves twice: as a transition of the order and as an event, which had
-- a random id with an index of its own. Now both are one row of an append-only journal.

CREATE TABLE platform.journal (
  -- Orders the events of a show: an event that depends on an earlier one is written after that one
  -- was committed. An event's id is made from it. Negative: a transition from before this table,
  -- which no consumer reads; these are in order among themselves.
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  show_id text COLLATE "C" NOT NULL,
  -- Of the event (contract/src/events.ts); null: a transition that no consumer needs.
  type text,
  order_id text COLLATE "C",
  -- The transition of the order: from nothing (null) when it was placed. Who moved it, why, and in
  -- which request. All null: an event that is not about an order's move.
  from_state text,
  to_state text,
  actor text,
  reason text,
  request_id text,
  -- What the event says besides the columns. It is written once and read whole: json, which is not
  -- parsed into another form when it is written.
  payload json,
  CHECK (type IS NOT NULL OR to_state IS NOT NULL),
  CHECK ((type IS NULL) = (payload IS NULL)),
  CHECK (to_state IS NULL OR num_nulls(order_id, actor, reason, request_id) = 0)
);

-- What platform.append_journal takes: a row without its number.
CREATE TYPE platform.journal_entry AS (
  at timestamptz,
  show_id text,
  type text,
  order_id text,
  from_state text,
  to_state text,
  actor text,
  reason text,
  request_id text,
  payload json
);

-- Waits for transactions that write; in the order in which they write these tables.
LOCK TABLE orders.transitions IN ACCESS EXCLUSIVE MODE;
LOCK TABLE platform.outbox IN ACCESS EXCLUSIVE MODE;

-- Events keep their numbers, so that cursors and parked events stay valid. An order enters a state
-- once, so a transition has one event at most.
WITH events AS (
  SELECT o.seq, o.created_at, o.show_id, o.type, o.payload->>'orderId' AS order_id, o.trace_id,
    (o.payload->>'at')::timestamptz AS at, (o.payload - 'orderId' - 'at')::json AS payload
  FROM platform.outbox o
), transitions AS (
  SELECT t.*, t.ctid AS written,
    'order.' || CASE t.to_state WHEN 'PENDING' THEN 'placed' ELSE lower(t.to_state) END AS type
  FROM orders.transitions t
)
INSERT INTO platform.journal (seq, at, show_id, type, order_id, from_state, to_state, actor, reason,
  request_id, payload)
OVERRIDING SYSTEM VALUE
SELECT
  coalesce(e.seq,
    -row_number() OVER (PARTITION BY e.seq IS NULL ORDER BY t.at DESC, t.written DESC)),
  coalesce(t.at, e.at, e.created_at), coalesce(t.show_id, e.show_id), e.type,
  coalesce(t.order_id, e.order_id), t.from_state, t.to_state, t.actor, t.reason,
  coalesce(t.request_id, e.trace_id), e.payload
FROM events e
FULL JOIN transitions t
  ON t.show_id = e.show_id AND t.order_id = e.order_id AND t.type = e.type;

-- Cursors may stand on numbers whose rows were rolled back or deleted.
SELECT setval('platform.journal_seq_seq', last_value, is_called) FROM platform.outbox_seq_seq;

-- Dead letters and seen events name an event by its number. One whose event was deleted was
-- replayed, or seen, long ago.
ALTER TABLE platform.dead_letters ADD COLUMN seq bigint;
UPDATE platform.dead_letters d SET seq = o.seq FROM platform.outbox o WHERE o.id = d.event_id;
DELETE FROM platform.dead_letters WHERE seq IS NULL;
ALTER TABLE platform.dead_letters
  DROP COLUMN event_id,
  DROP COLUMN show_id,
  DROP COLUMN type,
  DROP COLUMN payload,
  ADD PRIMARY KEY (consumer, seq);
ALTER TABLE platform.inbox ADD COLUMN seq bigint;
UPDATE platform.inbox i SET seq = o.seq FROM platform.outbox o WHERE o.id = i.event_id;
DELETE FROM platform.inbox WHERE seq IS NULL;
ALTER TABLE platform.inbox DROP COLUMN event_id, ADD PRIMARY KEY (consumer, seq);

-- Events that some consumer has still to take: beyond its cursor, or parked.
DROP VIEW platform.waiting_events;
CREATE VIEW platform.waiting_events AS
SELECT j.seq, j.show_id FROM platform.journal j
WHERE j.type IS NOT NULL AND j.seq > (SELECT min(c.seq) FROM platform.cursors c)
UNION
SELECT p.seq, p.show_id FROM platform.parked p;

DROP TABLE orders.transitions, platform.outbox;

CREATE FUNCTION platform.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON platform.journal
  FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
DROP TRIGGER append_only ON payments.ledger;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
DROP FUNCTION payments.refuse_change();

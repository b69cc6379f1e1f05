-- Up Migration
-- Each consumer has a cursor of its own instead of one mark for all, so that a process which serves
-- fewer consumers, or knows fewer, marks nothing as delivered for the others.
-- An older program can go on selling beside this: only its relay stops, which reads published_at.

-- How far a consumer has come; moved in the transaction of its effects.
CREATE TABLE platform.cursors (
  consumer text PRIMARY KEY,
  seq bigint NOT NULL,
  -- The process that delivers to it, and until when nobody else does.
  owner text,
  until timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Until then what it has seen may stand in platform.inbox.
  inbox_until timestamptz
);

-- Events that a consumer could not take, and later ones of the same show, which wait for them. The
-- cursor has passed them.
CREATE TABLE platform.parked (
  consumer text NOT NULL,
  show_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  tries integer NOT NULL,
  again_at timestamptz NOT NULL,
  error text,
  PRIMARY KEY (consumer, show_id, seq)
);

-- Waits for transactions that are writing events now: all lower numbers are final then.
LOCK TABLE platform.outbox IN ACCESS EXCLUSIVE MODE;
INSERT INTO platform.cursors (consumer, seq, inbox_until)
SELECT name,
  coalesce(
    (SELECT min(seq) - 1 FROM platform.outbox WHERE published_at IS NULL),
    (SELECT max(seq) FROM platform.outbox), 0),
  clock_timestamp() + interval '1 day'
FROM unnest(ARRAY['catalogue-sold-out', 'notifications', 'ranking', 'waiting-room-order-ends'])
  AS consumers (name);
ALTER TABLE platform.outbox DROP COLUMN published_at;
DELETE FROM platform.leases WHERE name = 'relay';

-- Events that some consumer has still to take: beyond its cursor, or parked.
CREATE VIEW platform.waiting_events AS
SELECT o.seq, o.id, o.show_id FROM platform.outbox o
WHERE o.seq > (SELECT min(c.seq) FROM platform.cursors c)
  OR o.seq IN (SELECT p.seq FROM platform.parked p);

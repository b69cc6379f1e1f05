-- Up Migration
-- An older program cannot run beside this.
-- What a purchase writes, reduced to what somebody reads (docs/booking.md). A claim says only which
-- hold has a seat: it is written once and deleted once, and the state, deadline and fence of a seat
-- are those of its hold. An attempt is written when its payment begins. An order has its items, and
-- the money that was captured and refunded, in its own row. No state is lost: every hold, order,
-- attempt, ticket and ledger row of before is here afterwards.

-- In a row of holds, orders or attempts, what a purchase changes stands last: an update logs the
-- new row from its first changed byte to its last one, and an order's items are half of its row.

-- Functions of the version before, whatever their names: those that have rows of the tables that
-- are replaced would keep these. `migrate` creates all functions after the migrations.
DO $$
DECLARE
  used regprocedure;
BEGIN
  FOR used IN
    SELECT DISTINCT d.objid::regprocedure FROM pg_depend d
    JOIN pg_type t ON d.refobjid IN (t.oid, t.typarray)
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass
      AND t.typrelid = ANY (ARRAY['seats.holds', 'seats.claims', 'seats.stock', 'orders.orders',
        'orders.items', 'payments.attempts', 'payments.ledger']::regclass[])
  LOOP
    EXECUTE format('DROP FUNCTION %s', used);
  END LOOP;
END $$;
-- Made by a migration, so that `migrate` does not know it.
DROP FUNCTION IF EXISTS seats.publish(text[], text[], integer[], text[], timestamptz);
UPDATE platform.routines SET digest = '';

-- One row per performance. `no` is what holds and claims refer to it by: 4 bytes instead of 60.
LOCK TABLE seats.stock IN ACCESS EXCLUSIVE MODE;
ALTER TABLE seats.stock ADD COLUMN no integer GENERATED ALWAYS AS IDENTITY;
ALTER TABLE seats.stock ADD CONSTRAINT stock_no UNIQUE (no);
DROP INDEX seats.stock_performance;
CREATE UNIQUE INDEX stock_performance ON seats.stock (performance_id);

-- Seats of one buyer until a deadline.
ALTER TABLE seats.holds RENAME TO earlier_holds;
CREATE TABLE seats.holds (
  id text COLLATE "C" NOT NULL,
  stock_no integer NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  seat_nos integer[] NOT NULL,
  request_id text NOT NULL,
  -- What it was taken for, to refuse another request under the same key; null: before this was
  -- stored.
  fingerprint text,
  taken_at timestamptz NOT NULL,
  ends_by timestamptz NOT NULL,
  -- When the sweeper looks at it: its first deadline. It does not move when the time restarts, so
  -- that no index changes with a sale. A hold that is found ACTIVE then, or is given back by a
  -- payment, gets another one.
  due timestamptz NOT NULL,
  -- An order changes these.
  deadline timestamptz NOT NULL,
  extended_at timestamptz,
  order_id text COLLATE "C",
  -- Grows with every payment that begins: an outdated attempt has a lower one and changes nothing.
  fence bigint NOT NULL DEFAULT 0,
  ended_at timestamptz,
  state text NOT NULL,
  end_reason text,
  CONSTRAINT holds_seats CHECK (cardinality(seat_nos) > 0),
  CONSTRAINT holds_state
    CHECK (state IN ('ACTIVE', 'PAYING', 'SOLD', 'RELEASED', 'LAPSED')),
  CONSTRAINT holds_deadline CHECK (deadline <= ends_by)
) WITH (fillfactor = 50);
INSERT INTO seats.holds (id, stock_no, buyer_id, seat_nos, state, fence, order_id, taken_at,
  deadline, ends_by, extended_at, due, ended_at, end_reason, request_id, fingerprint)
SELECT h.id, s.no, h.buyer_id, h.seat_nos, h.state, h.fence, h.order_id, h.taken_at, h.deadline,
  h.ends_by, h.extended_at, h.deadline, h.ended_at, h.end_reason, h.request_id,
  h.fingerprint
FROM seats.earlier_holds h
JOIN seats.stock s ON s.show_id = h.show_id AND s.performance_id = h.performance_id;

-- A seat that is not free. The primary key makes selling a seat twice impossible.
ALTER TABLE seats.claims RENAME TO earlier_claims;
CREATE TABLE seats.claims (
  stock_no integer NOT NULL,
  seat_no integer NOT NULL CONSTRAINT claims_seat CHECK (seat_no >= 0),
  -- The grade's index in the painting.
  grade smallint NOT NULL,
  -- Null: the organiser withholds the seat.
  hold_id text COLLATE "C"
);
INSERT INTO seats.claims (stock_no, seat_no, grade, hold_id)
SELECT s.no, c.seat_no, c.grade, c.hold_id FROM seats.earlier_claims c
JOIN seats.stock s ON s.show_id = c.show_id AND s.performance_id = c.performance_id
ORDER BY s.no, c.seat_no;

DROP TABLE seats.earlier_holds, seats.earlier_claims;
DROP SEQUENCE seats.fence;
ALTER TABLE seats.holds ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
CREATE INDEX holds_buyer ON seats.holds (buyer_id);
CREATE INDEX holds_due ON seats.holds (due);
ALTER TABLE seats.claims ADD CONSTRAINT claims_pkey PRIMARY KEY (stock_no, seat_no);

-- One request for a hold; sql/take.sql explains its fields.
CREATE TYPE seats.take_call AS (
  "holdId" text,
  "performanceId" text,
  "buyerId" text,
  windows integer[],
  grades integer[],
  checks integer[],
  looks integer[],
  "requestId" text,
  "paintingVersion" text,
  fingerprint text
);

-- Every ACTIVE hold is due after this.
CREATE TABLE seats.sweeper (
  swept_until timestamptz NOT NULL,
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row)
);
INSERT INTO seats.sweeper (swept_until)
SELECT least(min(due), clock_timestamp()) - interval '1 minute' FROM seats.holds
WHERE state = 'ACTIVE';

ALTER TABLE orders.orders RENAME TO earlier_orders;
CREATE TABLE orders.orders (
  id text COLLATE "C" NOT NULL,
  show_id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  total_minor bigint NOT NULL,
  currency text NOT NULL,
  category text NOT NULL,
  ladder text NOT NULL,
  -- [{ seatNo, grade, seat, priceMinor, feeMinor }], as they were sold. Never changed.
  items json NOT NULL,
  created_at timestamptz NOT NULL,
  deadline timestamptz NOT NULL,
  -- The number of the attempt that may be paid; earlier ones are superseded.
  attempt_no integer NOT NULL DEFAULT 1,
  attempt_opened_at timestamptz NOT NULL,
  refunded_minor bigint NOT NULL DEFAULT 0,
  captured_minor bigint NOT NULL DEFAULT 0,
  paid_at timestamptz,
  state text NOT NULL,
  failure_code text,
  CONSTRAINT orders_state CHECK (state IN ('PENDING', 'PAYING', 'PAID', 'PARTLY_REFUNDED',
    'REFUNDED', 'EXPIRED', 'CANCELLED', 'FAILED', 'UNKNOWN')),
  CONSTRAINT orders_total CHECK (total_minor >= 0),
  CONSTRAINT orders_refunded CHECK (refunded_minor BETWEEN 0 AND captured_minor),
  CONSTRAINT orders_captured CHECK (state NOT IN ('PAID', 'PARTLY_REFUNDED', 'REFUNDED')
    OR (captured_minor = total_minor AND paid_at IS NOT NULL))
) WITH (fillfactor = 50);
-- An attempt that was opened and not begun had a row and an id of its own. It is kept, superseded,
-- and the order's next attempt has the next number: its buyer is asked to pay in a new window.
INSERT INTO orders.orders (id, show_id, performance_id, buyer_id, hold_id, state, total_minor,
  captured_minor, refunded_minor, currency, category, ladder, items, attempt_no, attempt_opened_at,
  deadline, created_at, paid_at, failure_code)
SELECT o.id, o.show_id, o.performance_id, o.buyer_id, o.hold_id, o.state, o.total_minor,
  coalesce(b.captured_minor, 0), coalesce(b.refunded_minor, 0), o.currency, o.category, o.ladder,
  (SELECT json_agg(json_build_object('seatNo', i.seat_no, 'grade', i.grade, 'seat', i.seat,
     'priceMinor', i.price_minor, 'feeMinor', i.fee_minor) ORDER BY i.seat_no)
   FROM orders.items i WHERE i.show_id = o.show_id AND i.order_id = o.id),
  a.attempts + 1, coalesce(a.last_at, o.created_at), o.deadline, o.created_at, o.paid_at,
  o.failure_code
FROM orders.earlier_orders o
LEFT JOIN payments.balances b ON b.show_id = o.show_id AND b.order_id = o.id
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS attempts, max(a.created_at) AS last_at FROM payments.attempts a
  WHERE a.show_id = o.show_id AND a.order_id = o.id) a;

-- One order to place; sql/place.sql explains its fields.
CREATE TYPE orders.place_call AS (
  "orderId" text,
  "holdId" text,
  "buyerId" text,
  "showId" text,
  "performanceId" text,
  "seatNos" integer[],
  "paintingVersion" text,
  "totalMinor" bigint,
  currency text,
  category text,
  ladder text,
  items json,
  "requestId" text
);

ALTER TABLE payments.attempts RENAME TO earlier_attempts;
CREATE TABLE payments.attempts (
  id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  -- The fence of the hold when the payment began; null if it never did.
  fence bigint,
  buyer_id text COLLATE "C" NOT NULL,
  provider text NOT NULL,
  -- The provider's name for the payment: one payment belongs to one attempt.
  payment_key text,
  -- Random, made before anything is sent, the same for every retry of this attempt.
  idempotency_key text NOT NULL,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  request_id text NOT NULL,
  opened_at timestamptz NOT NULL,
  sent_at timestamptz NOT NULL,
  unknown_since timestamptz,
  -- Since when it is left to recovery: its outcome is unknown, or its answer did not take effect.
  -- Null in a sale without accidents, and once it is settled: no index changes when one that is
  -- not left to recovery is settled.
  left_since timestamptz,
  answered_at timestamptz,
  settled_at timestamptz,
  state text NOT NULL,
  outcome text,
  provider_code text,
  answer json,
  CONSTRAINT attempts_amount CHECK (amount_minor >= 0),
  CONSTRAINT attempts_state CHECK (state IN ('SENT', 'ANSWERED', 'SETTLED')),
  CONSTRAINT attempts_outcome CHECK (outcome IN ('APPROVED', 'DECLINED', 'SUPERSEDED')),
  CONSTRAINT attempts_settled CHECK (
    (state = 'SETTLED') = (outcome IS NOT NULL) AND (state = 'SETTLED') = (settled_at IS NOT NULL)),
  CONSTRAINT attempts_left CHECK (
    CASE state WHEN 'ANSWERED' THEN left_since IS NOT NULL WHEN 'SETTLED' THEN left_since IS NULL
      ELSE (left_since IS NULL) = (unknown_since IS NULL) END),
  CONSTRAINT attempts_begun CHECK (outcome IS NOT DISTINCT FROM 'SUPERSEDED'
    OR (payment_key IS NOT NULL AND fence IS NOT NULL))
) WITH (fillfactor = 40);
-- SEATS_LOCKED: a crash came before the provider was called. Now its payment is completed, instead
-- of being undone. An attempt that was found as never sent was declined, by nobody but us.
INSERT INTO payments.attempts (id, order_id, hold_id, fence, buyer_id, provider, payment_key,
  idempotency_key, amount_minor, currency, state, outcome, answer, provider_code, request_id,
  opened_at, sent_at, unknown_since, answered_at, settled_at, left_since)
SELECT a.id, a.order_id, a.hold_id, a.fence, a.buyer_id, a.provider, a.payment_key,
  a.idempotency_key, a.amount_minor, a.currency,
  CASE a.state WHEN 'CREATED' THEN 'SETTLED' WHEN 'SEATS_LOCKED' THEN 'SENT' ELSE a.state END,
  CASE WHEN a.state = 'CREATED' THEN 'SUPERSEDED' WHEN a.outcome = 'NOT_SENT' THEN 'DECLINED'
    ELSE a.outcome END,
  a.answer, a.provider_code, a.request_id, a.created_at,
  coalesce(a.sent_at, a.locked_at, a.created_at), a.unknown_since, a.answered_at,
  CASE WHEN a.state = 'CREATED' THEN clock_timestamp() ELSE a.settled_at END,
  CASE a.state WHEN 'SENT' THEN a.unknown_since WHEN 'ANSWERED' THEN clock_timestamp() END
FROM payments.earlier_attempts a;

DROP TABLE orders.earlier_orders, orders.items, payments.earlier_attempts;
ALTER TABLE orders.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
CREATE INDEX orders_buyer ON orders.orders (buyer_id, created_at DESC, id DESC);
ALTER TABLE payments.attempts ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
ALTER TABLE payments.attempts ADD CONSTRAINT attempts_payment_key UNIQUE (payment_key);
-- What recovery looks for: attempts that are left to it, and those that a crash left SENT. No
-- index has a condition on the state: it would change with every settlement.
CREATE INDEX attempts_left ON payments.attempts (id) WHERE left_since IS NOT NULL;
CREATE INDEX attempts_sent ON payments.attempts (sent_at);
-- Every attempt that is SENT, and not left to recovery, was sent after this.
CREATE TABLE payments.recovery (
  checked_until timestamptz NOT NULL,
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row)
);
INSERT INTO payments.recovery (checked_until)
SELECT least(min(sent_at), clock_timestamp()) - interval '1 minute' FROM payments.attempts
WHERE state = 'SENT' AND left_since IS NULL;

-- One payment to begin and one to settle; sql/begin.sql and sql/settle.sql explain their fields.
CREATE TYPE payments.begin_call AS (
  "attemptId" text,
  "orderId" text,
  "attemptNo" integer,
  "buyerId" text,
  "amountMinor" bigint,
  "paymentKey" text,
  key text,
  provider text,
  "requestId" text
);
CREATE TYPE payments.settle_call AS (
  "attemptId" text,
  outcome text,
  code text,
  transaction text,
  answer json
);

-- An attempt is captured once: its capture has no other number than 0. The attempt names its order.
ALTER TABLE payments.ledger RENAME TO earlier_ledger;
CREATE TABLE payments.ledger (
  order_id text COLLATE "C" NOT NULL,
  attempt_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  no integer NOT NULL,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  provider text NOT NULL,
  provider_transaction text,
  at timestamptz NOT NULL,
  CONSTRAINT ledger_kind CHECK (kind IN ('CAPTURE', 'REFUND')),
  CONSTRAINT ledger_no CHECK (no >= 0 AND (kind <> 'CAPTURE' OR no = 0)),
  CONSTRAINT ledger_amount CHECK (amount_minor > 0)
);
INSERT INTO payments.ledger (order_id, attempt_id, kind, no, amount_minor, currency, provider,
  provider_transaction, at)
SELECT order_id, attempt_id, kind,
  row_number() OVER (PARTITION BY order_id, attempt_id, kind ORDER BY seq) - 1,
  amount_minor, currency, provider, provider_transaction, at
FROM payments.earlier_ledger;
DROP TABLE payments.earlier_ledger, payments.balances;
DROP FUNCTION payments.keep_balance();
ALTER TABLE payments.ledger ADD CONSTRAINT ledger_pkey PRIMARY KEY (attempt_id, kind, no);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

-- Ids of shows and performances are unique, so keys do not begin with the show's.
ALTER TABLE tickets.tickets DROP CONSTRAINT tickets_pkey;
DROP INDEX tickets.tickets_id;
DROP INDEX tickets.tickets_live_seat;
ALTER TABLE tickets.tickets ADD CONSTRAINT tickets_pkey PRIMARY KEY (id);
-- Written once, as the order has it, and read whole.
ALTER TABLE tickets.tickets ALTER COLUMN seat TYPE json;
-- Invariant I1: at most one live ticket for each seat of a performance.
CREATE UNIQUE INDEX tickets_live_seat ON tickets.tickets (performance_id, seat_no)
  WHERE state = 'LIVE';

-- A seat has no state of its own any more.
DELETE FROM platform.moves WHERE machine = 'seat';

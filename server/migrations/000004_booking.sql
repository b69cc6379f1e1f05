-- Up Migration
-- Seats, orders and payments. Every key begins with show_id, so that shows can be spread over
-- databases. Rows are locked in one order everywhere, so that transactions cannot deadlock: stock,
-- holds, claims, orders, attempts; within each by key.

CREATE SCHEMA seats;
CREATE SCHEMA orders;
CREATE SCHEMA payments;

-- An outdated holder or attempt has an older fence and changes nothing.
CREATE SEQUENCE seats.fence;

-- One row per performance: its lock, its version, and its rules for holding seats.
CREATE TABLE seats.stock (
  show_id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  seat_count integer NOT NULL CHECK (seat_count > 0),
  version bigint NOT NULL DEFAULT 1,
  sale_opens_at timestamptz NOT NULL,
  sale_closes_at timestamptz NOT NULL,
  buyer_limit integer NOT NULL CHECK (buyer_limit > 0),
  refuses_stranding boolean NOT NULL,
  PRIMARY KEY (show_id, performance_id)
);
CREATE INDEX stock_performance ON seats.stock (performance_id);

CREATE TABLE seats.holds (
  show_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  seat_nos integer[] NOT NULL CHECK (cardinality(seat_nos) > 0),
  state text NOT NULL CHECK (state IN ('ACTIVE', 'PAYING', 'SOLD', 'RELEASED', 'LAPSED')),
  fence bigint NOT NULL,
  order_id text COLLATE "C",
  taken_at timestamptz NOT NULL,
  deadline timestamptz NOT NULL,
  ends_by timestamptz NOT NULL CHECK (deadline <= ends_by),
  extended_at timestamptz,
  ended_at timestamptz,
  end_reason text,
  request_id text NOT NULL,
  PRIMARY KEY (show_id, id)
);
CREATE UNIQUE INDEX holds_id ON seats.holds (id);
CREATE INDEX holds_due ON seats.holds (deadline) WHERE state = 'ACTIVE';

-- A seat that is not free. The primary key makes selling a seat twice impossible.
CREATE TABLE seats.claims (
  show_id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  seat_no integer NOT NULL CHECK (seat_no >= 0),
  grade smallint NOT NULL,
  state text NOT NULL CHECK (state IN ('held', 'paying', 'sold', 'blocked')),
  buyer_id text COLLATE "C",
  hold_id text COLLATE "C",
  order_id text COLLATE "C",
  fence bigint NOT NULL,
  deadline timestamptz,
  PRIMARY KEY (show_id, performance_id, seat_no),
  CHECK (state = 'blocked' OR (buyer_id IS NOT NULL AND hold_id IS NOT NULL)),
  CHECK ((state = 'held') = (deadline IS NOT NULL)),
  CHECK (state NOT IN ('paying', 'sold') OR order_id IS NOT NULL)
);
-- Buyer first: the planner would use an index that begins like the primary key to look up seats,
-- and read a whole performance with it, because it expects hardly any rows of a new one.
CREATE INDEX claims_buyer ON seats.claims (buyer_id, performance_id);

CREATE TABLE orders.orders (
  show_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  state text NOT NULL CHECK (state IN ('PENDING', 'PAYING', 'PAID', 'PARTLY_REFUNDED', 'REFUNDED',
    'EXPIRED', 'CANCELLED', 'FAILED', 'UNKNOWN', 'STUCK')),
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  currency text NOT NULL,
  category text NOT NULL,
  ladder text NOT NULL,
  deadline timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  paid_at timestamptz,
  failure_code text,
  PRIMARY KEY (show_id, id),
  CHECK ((state IN ('PAID', 'PARTLY_REFUNDED')) <= (paid_at IS NOT NULL))
);
CREATE UNIQUE INDEX orders_id ON orders.orders (id);
CREATE INDEX orders_buyer ON orders.orders (buyer_id, created_at DESC, id DESC);
CREATE INDEX orders_open ON orders.orders (created_at)
  WHERE state IN ('PENDING', 'PAYING', 'UNKNOWN', 'STUCK');

CREATE TABLE orders.items (
  show_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  seat_no integer NOT NULL,
  grade text NOT NULL,
  seat jsonb NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
  PRIMARY KEY (show_id, order_id, seat_no)
);

-- Who moved an order, when and why; written in the transaction of the move, never changed.
CREATE TABLE orders.transitions (
  show_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  from_state text,
  to_state text NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL,
  request_id text NOT NULL
);
CREATE INDEX transitions_order ON orders.transitions (show_id, order_id);

CREATE TABLE payments.attempts (
  show_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  performance_id text COLLATE "C" NOT NULL,
  buyer_id text COLLATE "C" NOT NULL,
  provider text NOT NULL,
  -- Random, made before anything is sent, the same for every retry of this attempt.
  idempotency_key text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency text NOT NULL,
  state text NOT NULL CHECK (state IN ('CREATED', 'SEATS_LOCKED', 'SENT', 'ANSWERED', 'SETTLED')),
  outcome text CHECK (outcome IN ('APPROVED', 'DECLINED', 'NOT_SENT', 'SUPERSEDED')),
  payment_key text,
  fence bigint,
  answer jsonb,
  provider_code text,
  request_id text NOT NULL,
  created_at timestamptz NOT NULL,
  locked_at timestamptz,
  sent_at timestamptz,
  unknown_since timestamptz,
  answered_at timestamptz,
  settled_at timestamptz,
  PRIMARY KEY (show_id, id),
  CHECK ((state = 'SETTLED') = (outcome IS NOT NULL)),
  CHECK (state IN ('CREATED', 'SETTLED') OR (payment_key IS NOT NULL AND fence IS NOT NULL))
);
CREATE UNIQUE INDEX attempts_id ON payments.attempts (id);
CREATE INDEX attempts_order ON payments.attempts (show_id, order_id);
CREATE INDEX attempts_open ON payments.attempts (locked_at)
  WHERE state IN ('SEATS_LOCKED', 'SENT', 'ANSWERED');
-- One provider payment belongs to one attempt.
CREATE UNIQUE INDEX attempts_payment_key ON payments.attempts (payment_key)
  WHERE payment_key IS NOT NULL;

-- Money in and out, append-only. `balances` has the captured and refunded amount of each order, so
-- that no more can be refunded than was captured.
CREATE TABLE payments.ledger (
  show_id text COLLATE "C" NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  order_id text COLLATE "C" NOT NULL,
  attempt_id text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('CAPTURE', 'REFUND')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency text NOT NULL,
  provider text NOT NULL,
  provider_transaction text,
  at timestamptz NOT NULL,
  PRIMARY KEY (show_id, seq)
);
CREATE INDEX ledger_order ON payments.ledger (show_id, order_id);
-- An attempt is captured once.
CREATE UNIQUE INDEX ledger_capture ON payments.ledger (show_id, attempt_id) WHERE kind = 'CAPTURE';

CREATE TABLE payments.balances (
  show_id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  captured_minor bigint NOT NULL DEFAULT 0,
  refunded_minor bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (show_id, order_id),
  CHECK (refunded_minor <= captured_minor)
);

CREATE FUNCTION payments.keep_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO payments.balances (show_id, order_id, captured_minor, refunded_minor)
  SELECT show_id, order_id,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'CAPTURE'), 0),
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'REFUND'), 0)
  FROM added GROUP BY show_id, order_id ORDER BY show_id, order_id
  ON CONFLICT (show_id, order_id) DO UPDATE SET
    captured_minor = balances.captured_minor + excluded.captured_minor,
    refunded_minor = balances.refunded_minor + excluded.refunded_minor;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_balance AFTER INSERT ON payments.ledger
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments.keep_balance();

CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON orders.transitions
  FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();

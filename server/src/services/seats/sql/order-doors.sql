-- The doors through which orders and payments move a hold within their own transactions. They lock
-- in the common order: (stock), holds, claims; the callers lock orders and attempts after that.
--
-- Plans are kept, from when the tables were empty or small, so each statement leaves the planner
-- one way: ids first, then rows by an index of that id alone. That is what `= ANY (ARRAY[id])`
-- instead of `= id` is for: an equality could be turned round, and then a whole index is read and
-- compared with the list. Where a key has several columns, LATERAL with OFFSET 0 does the same. It
-- is written so in every function of seats, orders and payments that looks up the rows of a list,
-- and those that programs call carry settings without which whole tables and indexes could be read
-- all the same (tests/load/plans.test.ts).

-- Locks the performances of these holds, for whoever will change what the map shows.
CREATE OR REPLACE FUNCTION seats.lock_stock_of(hold_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM (
    SELECT DISTINCT h.show_id, h.performance_id FROM seats.holds h WHERE h.id = ANY (hold_ids)) w
  JOIN seats.stock s ON s.show_id = ANY (ARRAY[w.show_id])
    AND s.performance_id = ANY (ARRAY[w.performance_id])
  ORDER BY s.show_id, s.performance_id FOR UPDATE OF s;
END $$;

CREATE OR REPLACE FUNCTION seats.lock_holds(hold_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM seats.holds h WHERE h.id = ANY (hold_ids) ORDER BY h.id FOR UPDATE;
END $$;

-- A hold as it stands, for callers to judge by after they locked it. Planned as part of the
-- caller's statement (FROM ids, LATERAL seats.hold_by_id(id)).
CREATE OR REPLACE FUNCTION seats.hold_by_id(hold_id text) RETURNS SETOF seats.holds
LANGUAGE sql STABLE AS $$
  SELECT * FROM seats.holds h WHERE h.id = ANY (ARRAY[hold_id])
$$;

-- Ties orders to holds and restarts the holds' time, once, within their absolute end.
CREATE OR REPLACE FUNCTION seats.attach_orders(
  hold_ids text[], order_ids text[], ttl interval, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH attached AS (
    UPDATE seats.holds h SET
      order_id = a.order_id,
      deadline = CASE WHEN h.extended_at IS NULL
        THEN greatest(h.deadline, least(at + ttl, h.ends_by)) ELSE h.deadline END,
      extended_at = coalesce(h.extended_at, at)
    FROM unnest(hold_ids, order_ids) AS a (hold_id, order_id)
    WHERE h.id = ANY (ARRAY[a.hold_id])
    RETURNING h.id, h.order_id, h.deadline
  )
  UPDATE seats.claims c SET order_id = a.order_id, deadline = a.deadline
  FROM attached a
  WHERE c.hold_id = ANY (ARRAY[a.id]) AND c.state = 'held';
END $$;

-- Restarts the time of a buyer's hold, once. Outcomes: extended, not-found, ended, extended-before.
CREATE OR REPLACE FUNCTION seats.extend(hold text, buyer text, ttl interval) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_indexonlyscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  h seats.holds;
  new_deadline timestamptz;
BEGIN
  SELECT * INTO h FROM seats.holds WHERE id = hold AND buyer_id = buyer FOR UPDATE;
  IF NOT FOUND THEN RETURN 'not-found'; END IF;
  IF h.state <> 'ACTIVE' OR h.deadline <= clock_timestamp() THEN RETURN 'ended'; END IF;
  IF h.extended_at IS NOT NULL THEN RETURN 'extended-before'; END IF;
  new_deadline := greatest(h.deadline, least(clock_timestamp() + ttl, h.ends_by));
  UPDATE seats.holds SET deadline = new_deadline, extended_at = clock_timestamp()
  WHERE show_id = h.show_id AND id = h.id;
  UPDATE seats.claims SET deadline = new_deadline
  WHERE show_id = h.show_id AND performance_id = h.performance_id AND seat_no = ANY (h.seat_nos)
    AND hold_id = h.id AND state = 'held';
  RETURN 'extended';
END $$;

-- HELD → PAYING under a fresh fence: from here on no lapse can happen. The holds are locked, ACTIVE
-- and distinct. Answers their fences in the same order.
CREATE OR REPLACE FUNCTION seats.begin_paying(hold_ids text[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
  fences bigint[];
  begun integer;
BEGIN
  SELECT array_agg(nextval('seats.fence')) INTO fences FROM unnest(hold_ids);
  WITH begun AS (
    UPDATE seats.holds h SET state = 'PAYING', fence = f.fence
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.state = 'ACTIVE'
    RETURNING h.id, h.fence
  ), claimed AS (
    UPDATE seats.claims c SET state = 'paying', deadline = NULL, fence = b.fence
    FROM begun b
    WHERE c.hold_id = ANY (ARRAY[b.id]) AND c.state = 'held'
  )
  SELECT count(*) INTO begun FROM begun;
  IF begun <> cardinality(hold_ids) THEN
    RAISE EXCEPTION 'assertion failed: % of % holds began to be paid',
      begun, cardinality(hold_ids);
  END IF;
  RETURN fences;
END $$;

-- PAYING → SOLD for whoever still carries the fence. Answers the deltas; every hold must be sold
-- whole.
CREATE OR REPLACE FUNCTION seats.sell(hold_ids text[], fences bigint[], at timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  expected integer;
  shows text[];
  performances text[];
  changes integer[];
BEGIN
  WITH sold AS (
    UPDATE seats.holds h SET state = 'SOLD', ended_at = at, end_reason = 'sold'
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING h.id, h.seat_nos, h.fence
  ), claimed AS (
    UPDATE seats.claims c SET state = 'sold'
    FROM sold s
    WHERE c.hold_id = ANY (ARRAY[s.id]) AND c.fence = ANY (ARRAY[s.fence]) AND c.state = 'paying'
    RETURNING c.show_id, c.performance_id, c.seat_no
  )
  SELECT (SELECT coalesce(sum(cardinality(s.seat_nos)), 0) FROM sold s), array_agg(c.show_id),
    array_agg(c.performance_id), array_agg(c.seat_no * 4 + 2)
  INTO expected, shows, performances, changes FROM claimed c;
  IF expected <> coalesce(cardinality(changes), 0) THEN
    RAISE EXCEPTION 'assertion failed: % of % seats to sell were found',
      cardinality(changes), expected;
  END IF;
  RETURN seats.publish(shows, performances, changes, NULL, NULL);
END $$;

-- PAYING → HELD while the hold's time runs, so that the buyer can pay in another way; else → FREE.
-- Answers the deltas.
CREATE OR REPLACE FUNCTION seats.give_back(
  hold_ids text[], fences bigint[], why text, request text, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  over text[];
  ended record;
BEGIN
  WITH back AS (
    UPDATE seats.holds h SET state = 'ACTIVE', order_id = NULL
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING h.id, h.deadline
  ), claimed AS (
    UPDATE seats.claims c SET state = 'held', deadline = b.deadline, order_id = NULL
    FROM back b
    WHERE c.hold_id = ANY (ARRAY[b.id]) AND c.state = 'paying'
  )
  SELECT array_agg(b.id) FILTER (WHERE b.deadline <= at) INTO over FROM back b;
  SELECT * INTO ended
  FROM seats.end_holds(coalesce(over, '{}'), 'LAPSED', why, 'payments', request, at);
  RETURN seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL);
END $$;

-- Unties a hold from an order that was dropped before its payment; the seats are freed.
CREATE OR REPLACE FUNCTION seats.release_for_order(
  hold_ids text[], why text, who text, request text, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  ended record;
BEGIN
  SELECT * INTO ended FROM seats.end_holds(
    ARRAY(
      SELECT h.id FROM unnest(hold_ids) AS f (hold_id)
      JOIN seats.holds h ON h.id = ANY (ARRAY[f.hold_id]) AND h.state = 'ACTIVE'),
    'RELEASED', why, who, request, at);
  RETURN seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL);
END $$;

-- Places a batch of orders: one for each hold, at the prices that the program computed. Placing an
-- order restarts the time of its hold (seats.restart_deadline) and opens its first payment attempt.
--   calls  [{ orderId, holdId, buyerId, showId, performanceId, seatNos, paintingVersion,
--          totalMinor, currency, category, ladder, items, requestId }]:
--          showId, performanceId  those of the hold, which never change
--          paintingVersion  by which the seats were priced
--          totalMinor       in minor units of the currency
--          items            as orders.orders keeps them
--   ttl    how long a hold lasts from now
-- Answers { results: [{ outcome, … }] } in the order of the calls: with deadline and createdAt if
-- it is placed or repeated, with openOrder if another order has the hold.
-- Outcomes: placed, repeated (placed by an earlier request with this id), reused (the id has an
-- order of another hold), not-found, ended, has-order, seats-differ, repainted.
-- Locks: the holds, by id.
-- Called by: the program (OrderStore.place).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.place(calls json, ttl interval) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  asked orders.place_call[] := ARRAY(
    SELECT c FROM json_populate_recordset(NULL::orders.place_call, calls) c);
  now_at timestamptz := clock_timestamp();
  fit record;
  attached record;
  placed integer[] := '{}';
  -- Of the placed orders, at the positions of their requests.
  deadlines timestamptz[] := array_fill(NULL::timestamptz, ARRAY[cardinality(asked)]);
  written integer;
  results json;
BEGIN
  -- 1 Of each hold the first request that fits what never changes about the hold; an id is for the
  -- first of its holds.
  SELECT array_agg(f.place ORDER BY f.hold_id) AS places,
    array_agg(f.hold_id ORDER BY f.hold_id) AS hold_ids,
    array_agg(f.order_id ORDER BY f.hold_id) AS order_ids
  INTO fit FROM (
    SELECT DISTINCT ON (o.hold_id) * FROM (
      SELECT a.place::integer AS place, h.id AS hold_id, a."orderId" AS order_id,
        first_value(h.id) OVER (PARTITION BY a."orderId" ORDER BY a.place) AS hold_of_id
      FROM generate_subscripts(asked, 1) AS p (place)
      CROSS JOIN LATERAL (SELECT p.place, (asked[p.place]).*) a
      CROSS JOIN LATERAL seats.read_hold(a."holdId") h
      LEFT JOIN orders.orders o ON o.id = ANY (ARRAY[a."orderId"])
      WHERE o.id IS NULL AND h.buyer_id = ANY (ARRAY[a."buyerId"])
        AND h.seat_nos @> a."seatNos" AND h.seat_nos <@ a."seatNos"
        -- The program's memory may be from before a repainting: not the grades of the hold.
        AND h.painting_version = a."paintingVersion") o
    WHERE o.hold_id = o.hold_of_id
    ORDER BY o.hold_id, o.place) f;

  -- 2 Whose hold is free for an order gets it.
  FOR attached IN
    SELECT * FROM seats.attach_orders(fit.places, fit.hold_ids, fit.order_ids, ttl, now_at)
  LOOP
    placed := placed || attached.place;
    deadlines[attached.place] := attached.deadline;
  END LOOP;
  INSERT INTO orders.orders (id, show_id, performance_id, buyer_id, hold_id, state, total_minor,
    currency, category, ladder, items, attempt_opened_at, deadline, created_at)
  SELECT a."orderId", a."showId", a."performanceId", a."buyerId", a."holdId", 'PENDING',
    a."totalMinor", a.currency, a.category, a.ladder, a.items, now_at, deadlines[p.place], now_at
  FROM unnest(placed) AS p (place) CROSS JOIN LATERAL (SELECT (asked[p.place]).*) a
  ON CONFLICT (id) DO NOTHING;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> cardinality(placed) THEN
    RAISE EXCEPTION 'an id was used for another hold meanwhile: the batch is decided again'
      USING ERRCODE = 'serialization_failure';
  END IF;
  PERFORM platform.append_journal(ARRAY(
    SELECT ROW(now_at, a."showId", 'order.placed', a."orderId", NULL, 'PENDING', a."buyerId",
      'placed', a."requestId", orders.make_payload('order.placed', a."performanceId", a."buyerId",
        cardinality(a."seatNos"), NULL, NULL, NULL))::platform.journal_entry
    FROM unnest(placed) AS p (place) CROSS JOIN LATERAL (SELECT (asked[p.place]).*) a));

  -- 3 Answer; why the others were not placed is read only now, after their holds were waited for.
  SELECT json_agg(j.result ORDER BY j.place), count(j.result) INTO results, written
  FROM (SELECT a.place, CASE
      WHEN deadlines[a.place] IS NOT NULL THEN json_build_object('outcome', 'placed',
        'deadline', deadlines[a.place], 'createdAt', now_at)
      WHEN o.hold_id <> a."holdId" THEN json_build_object('outcome', 'reused')
      WHEN o.id IS NOT NULL THEN json_build_object('outcome', 'repeated',
        'deadline', o.deadline, 'createdAt', o.created_at)
      WHEN h.id IS NULL THEN json_build_object('outcome', 'not-found')
      WHEN h.order_id IS NOT NULL AND h.state IN ('ACTIVE', 'PAYING', 'SOLD')
        THEN json_build_object('outcome', 'has-order', 'openOrder', h.order_id)
      WHEN h.state <> 'ACTIVE' OR h.deadline <= clock_timestamp()
        THEN json_build_object('outcome', 'ended')
      WHEN h.painting_version <> a."paintingVersion" THEN json_build_object('outcome', 'repainted')
      WHEN NOT (h.seat_nos @> a."seatNos" AND h.seat_nos <@ a."seatNos")
        THEN json_build_object('outcome', 'seats-differ')
      WHEN EXISTS (SELECT FROM unnest(asked) AS other
        WHERE other."orderId" = a."orderId" AND other."holdId" <> a."holdId")
        THEN json_build_object('outcome', 'reused') END AS result
  FROM generate_subscripts(asked, 1) AS p (place)
  CROSS JOIN LATERAL (SELECT p.place, (asked[p.place]).*) a
  LEFT JOIN orders.orders o ON deadlines[a.place] IS NULL AND o.id = ANY (ARRAY[a."orderId"])
  LEFT JOIN LATERAL seats.read_hold(
    CASE WHEN deadlines[a.place] IS NULL THEN a."holdId" END) h
    ON h.buyer_id = ANY (ARRAY[a."buyerId"])) j;
  IF written <> cardinality(asked) THEN
    RAISE EXCEPTION 'a hold became free again meanwhile: the batch is decided again'
      USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN json_build_object('results', results);
END $$;

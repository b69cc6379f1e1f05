-- Places a batch of orders: one for each hold, at the prices that the program computed, each with
-- its first payment attempt. Placing an order restarts the time of its hold
-- (seats.restart_deadline).
--   seats   text of an int[]: the seats of each order's items
--   painting_versions  by which each order's seats were priced
--   totals  in minor units of the currency
--   item_…  the items of all orders: the place of the order among the requests (from 1), seat,
--           grade, the seat's label (text of jsonb), price and fee in minor units
--   ttl     how long a hold lasts from now
-- Answers columns: { outcome, deadline, createdAt, openOrder }, each an array in the order of the
-- requests.
-- Outcomes: placed, repeated (placed by an earlier request with this id), reused (the id has an
-- order of another hold), not-found, ended, has-order, seats-differ, repainted.
-- Locks: the ids of the orders (advisory), the holds.
-- Called by: the program (OrderStore.place).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.place(
  order_ids text[], attempt_ids text[], attempt_keys text[], hold_ids text[], buyer_ids text[],
  seats text[], painting_versions text[], totals bigint[], categories text[], ladders text[],
  request_ids text[],
  item_places integer[], item_seats integer[], item_grades text[], item_labels text[],
  item_prices bigint[], item_fees bigint[],
  currency text, provider text, ttl interval
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  outcomes text[];
  open_orders text[];
  show_ids text[];
  performance_ids text[];
  placed integer[];
  deadlines timestamptz[];
  created_ats timestamptz[];
BEGIN
  -- Two requests that place different holds under one id lock no row in common, and would both
  -- insert the order: the later one waits here, and finds it.
  PERFORM pg_advisory_xact_lock(k.key) FROM (
    SELECT DISTINCT hashtextextended(id, 0) AS key FROM unnest(order_ids) id ORDER BY key) k;
  PERFORM seats.lock_holds(hold_ids);
  now_at := clock_timestamp();
  WITH asked AS MATERIALIZED (
    SELECT a.position, a.order_id, a.hold_id, h.show_id, h.performance_id, h.order_id AS open_order,
      CASE
        WHEN o.hold_id = a.hold_id THEN 'repeated'
        WHEN o.id IS NOT NULL THEN 'reused'
        WHEN h.id IS NULL THEN 'not-found'
        WHEN h.order_id IS NOT NULL AND h.state IN ('ACTIVE', 'PAYING', 'SOLD') THEN 'has-order'
        WHEN h.state <> 'ACTIVE' OR h.deadline <= now_at THEN 'ended'
        WHEN NOT a.seats::integer[] @> h.seat_nos
          OR cardinality(a.seats::integer[]) <> cardinality(h.seat_nos) THEN 'seats-differ'
        -- The program's memory is from before a repainting: these are not the grades of the hold.
        WHEN p.version <> a.painting_version THEN 'repainted'
        ELSE 'placed' END AS outcome
    FROM unnest(order_ids, hold_ids, buyer_ids, seats, painting_versions)
      WITH ORDINALITY AS a (order_id, hold_id, buyer_id, seats, painting_version, position)
    LEFT JOIN LATERAL seats.read_hold(a.hold_id) h ON h.buyer_id = ANY (ARRAY[a.buyer_id])
    LEFT JOIN LATERAL seats.read_painting(h.show_id, h.performance_id) p ON true
    LEFT JOIN orders.orders o ON o.id = ANY (ARRAY[a.order_id])
  ), once AS (
    -- Among those that may be placed, an id is for one hold …
    SELECT a.*, CASE WHEN a.outcome = 'placed' AND a.hold_id <> first_value(a.hold_id)
        OVER (PARTITION BY a.order_id, a.outcome ORDER BY a.position)
      THEN 'reused' ELSE a.outcome END AS verdict
    FROM asked a
  ), judged AS (
    -- … and only the first of each hold is placed.
    SELECT a.*, CASE
      WHEN a.verdict <> 'placed' OR row_number() OVER by_hold = 1 THEN a.verdict
      WHEN a.order_id = first_value(a.order_id) OVER by_hold THEN 'repeated'
      ELSE 'has-order' END AS judgement
    FROM once a WINDOW by_hold AS (PARTITION BY a.hold_id, a.verdict ORDER BY a.position)
  )
  SELECT array_agg(j.judgement ORDER BY j.position), array_agg(j.open_order ORDER BY j.position),
    array_agg(j.show_id ORDER BY j.position), array_agg(j.performance_id ORDER BY j.position),
    array_agg(j.position ORDER BY j.position) FILTER (WHERE j.judgement = 'placed')
  INTO outcomes, open_orders, show_ids, performance_ids, placed FROM judged j;

  IF placed IS NOT NULL THEN
    PERFORM seats.attach_orders(ARRAY(SELECT hold_ids[p] FROM unnest(placed) p),
      ARRAY(SELECT order_ids[p] FROM unnest(placed) p), ttl, now_at);
    INSERT INTO orders.orders (show_id, id, performance_id, buyer_id, hold_id, state, total_minor,
      currency, category, ladder, deadline, created_at)
    SELECT show_ids[p], order_ids[p], performance_ids[p], buyer_ids[p], hold_ids[p], 'PENDING',
      totals[p], place.currency, categories[p], ladders[p], h.deadline, now_at
    FROM unnest(placed) p CROSS JOIN LATERAL seats.read_hold(hold_ids[p]) h;
    INSERT INTO orders.items (show_id, order_id, seat_no, grade, seat, price_minor, fee_minor)
    SELECT show_ids[i.place], order_ids[i.place], i.seat_no, i.grade, i.label::jsonb, i.price, i.fee
    FROM unnest(item_places, item_seats, item_grades, item_labels, item_prices, item_fees)
      AS i (place, seat_no, grade, label, price, fee)
    WHERE outcomes[i.place] = 'placed';
    PERFORM payments.create_attempts(array_agg(attempt_ids[p]), array_agg(attempt_keys[p]),
      array_agg(show_ids[p]), array_agg(order_ids[p]), array_agg(hold_ids[p]),
      array_agg(performance_ids[p]), array_agg(buyer_ids[p]), array_agg(totals[p]),
      array_agg(request_ids[p]), place.currency, place.provider, now_at)
    FROM unnest(placed) p;
    PERFORM platform.append_journal(array_agg(ROW(now_at, show_ids[p], 'order.placed', order_ids[p],
      NULL, 'PENDING', buyer_ids[p], 'placed', request_ids[p],
      orders.make_payload('order.placed', performance_ids[p], buyer_ids[p],
        cardinality(seats[p]::integer[]), NULL, NULL, NULL))::platform.journal_entry))
    FROM unnest(placed) p;
  END IF;

  SELECT array_agg(o.deadline ORDER BY a.position), array_agg(o.created_at ORDER BY a.position)
  INTO deadlines, created_ats
  FROM unnest(order_ids) WITH ORDINALITY AS a (order_id, position)
  LEFT JOIN orders.orders o ON o.id = ANY (ARRAY[a.order_id]);
  RETURN jsonb_build_object('outcome', outcomes, 'deadline', deadlines,
    'createdAt', created_ats, 'openOrder', open_orders);
END $$;

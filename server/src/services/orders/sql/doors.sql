-- The doors through which seats and payments move orders within their own transactions. The common
-- lock order is stock, holds, claims, orders, attempts: holds are locked before these are called.

CREATE OR REPLACE FUNCTION orders.lock_orders(order_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM orders.orders o WHERE o.id = ANY (order_ids) ORDER BY o.id FOR UPDATE;
END $$;

-- An order as it stands, for callers to judge by after they locked it; see seats.hold_by_id.
CREATE OR REPLACE FUNCTION orders.order_by_id(order_id text) RETURNS SETOF orders.orders
LANGUAGE sql STABLE AS $$
  SELECT * FROM orders.orders o WHERE o.id = ANY (ARRAY[order_id])
$$;

-- What other services hear of an order (contract/src/events.ts). `at` comes as text, made once for
-- a batch: see orders.instant.
CREATE OR REPLACE FUNCTION orders.event(
  event_type text, show_id text, order_id text, performance_id text, buyer_id text, seats integer,
  at text, trace_id text, more jsonb
) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'id', 'evt_' || left(replace(gen_random_uuid()::text, '-', ''), 26),
    'showId', show_id, 'type', event_type, 'traceId', trace_id,
    'payload', jsonb_build_object('orderId', order_id, 'performanceId', performance_id,
      'buyerId', buyer_id, 'seats', seats, 'at', at) || more)
$$;

CREATE OR REPLACE FUNCTION orders.instant(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Moves orders that the caller has locked, leaves the trail, and tells of it when event_type is
-- given. `codes` is why the provider said no, where it did.
CREATE OR REPLACE FUNCTION orders.move(
  order_ids text[], new_state text, event_type text, who text, why text, request_ids text[],
  codes text[], at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  happened jsonb;
  at_text text := orders.instant(at);
BEGIN
  WITH moving AS (
    SELECT o.show_id, o.id, o.state AS from_state, m.request_id, m.code
    FROM unnest(order_ids, request_ids, codes) AS m (order_id, request_id, code)
    JOIN orders.orders o ON o.id = ANY (ARRAY[m.order_id])
    WHERE o.state <> new_state
  ), moved AS (
    UPDATE orders.orders o SET state = new_state,
      paid_at = CASE WHEN new_state = 'PAID' THEN at ELSE o.paid_at END,
      failure_code = m.code
    FROM moving m WHERE o.id = ANY (ARRAY[m.id])
    RETURNING o.*, m.from_state, m.request_id, m.code
  ), trail AS (
    INSERT INTO orders.transitions (show_id, order_id, from_state, to_state, at, actor, reason,
      request_id)
    SELECT m.show_id, m.id, m.from_state, new_state, at, who, why, m.request_id FROM moved m
  )
  SELECT jsonb_agg(orders.event(event_type, m.show_id, m.id, m.performance_id, m.buyer_id,
    (SELECT count(*)::integer FROM orders.items i
     WHERE i.show_id = m.show_id AND i.order_id = m.id), at_text, m.request_id,
    CASE event_type
      WHEN 'order.paid' THEN jsonb_build_object('category', m.category, 'totalMinor', m.total_minor)
      WHEN 'order.failed' THEN jsonb_build_object('code', m.code)
      ELSE '{}' END) ORDER BY m.id) FILTER (WHERE event_type IS NOT NULL)
  INTO happened FROM moved m;
  IF happened IS NOT NULL THEN PERFORM platform.append_events(happened); END IF;
END $$;

-- Orders whose holds end: those of them that wait for their payment end, too.
CREATE OR REPLACE FUNCTION orders.end_unpaid(
  order_ids text[], new_state text, why text, who text, request text, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ending text[];
BEGIN
  PERFORM orders.lock_orders(order_ids);
  ending := ARRAY(
    SELECT o.id FROM unnest(order_ids) AS f (order_id)
    JOIN orders.orders o ON o.id = ANY (ARRAY[f.order_id]) AND o.state = 'PENDING');
  IF cardinality(ending) > 0 THEN
    PERFORM orders.move(ending, new_state,
      CASE new_state WHEN 'EXPIRED' THEN 'order.expired' ELSE 'order.cancelled' END,
      who, why, array_fill(request, ARRAY[cardinality(ending)]), NULL, at);
  END IF;
END $$;

-- What payments needs of orders that were paid, to issue their tickets.
CREATE OR REPLACE FUNCTION orders.items_of(order_ids text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
    'id', 'tkt_' || left(replace(gen_random_uuid()::text, '-', ''), 26),
    'showId', o.show_id, 'orderId', o.id, 'performanceId', o.performance_id, 'buyerId', o.buyer_id,
    'seatNo', i.seat_no, 'grade', i.grade, 'seat', i.seat)), '[]')
  FROM unnest(order_ids) AS paid (order_id)
  JOIN orders.orders o ON o.id = ANY (ARRAY[paid.order_id])
  CROSS JOIN LATERAL (
    SELECT * FROM orders.items i WHERE i.show_id = o.show_id AND i.order_id = o.id OFFSET 0) i);
END $$;

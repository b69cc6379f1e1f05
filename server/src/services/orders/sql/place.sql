-- Places a batch of orders: one for each hold, at the prices the program computed, each with its
-- first payment attempt, and restarts the holds' time. A repeated order id answers as before.
--   items: text of jsonb [{ seatNo, grade, seat, priceMinor, feeMinor }]
-- Answers [{ outcome, isRepeat, deadline?, createdAt?, openOrder? }] in the order of the requests.
-- Outcomes: placed, not_found, ended, has_order, seats_differ.
CREATE OR REPLACE FUNCTION orders.place(
  order_ids text[], attempt_ids text[], attempt_keys text[], hold_ids text[], buyer_ids text[],
  items text[], totals bigint[], categories text[], ladders text[], request_ids text[],
  currency text, provider text, ttl interval
) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_at timestamptz;
  judged jsonb;
  accepted jsonb;
  answers jsonb;
BEGIN
  PERFORM seats.lock_holds(hold_ids);
  now_at := clock_timestamp();
  WITH asked AS (
    SELECT a.*, h.show_id, h.performance_id, h.order_id AS open_order,
      CASE
        WHEN o.id IS NOT NULL THEN 'repeated'
        WHEN h.id IS NULL THEN 'not_found'
        WHEN h.order_id IS NOT NULL AND h.state IN ('ACTIVE', 'PAYING', 'SOLD') THEN 'has_order'
        WHEN h.state <> 'ACTIVE' OR h.deadline <= now_at THEN 'ended'
        WHEN row_number() OVER (PARTITION BY a.hold_id ORDER BY a.position) > 1 THEN 'has_order'
        WHEN (SELECT array_agg((i->>'seatNo')::integer ORDER BY (i->>'seatNo')::integer)
              FROM jsonb_array_elements(a.items::jsonb) i)
          IS DISTINCT FROM (SELECT array_agg(n ORDER BY n) FROM unnest(h.seat_nos) n)
          THEN 'seats_differ'
        ELSE 'placed' END AS outcome
    FROM unnest(order_ids, attempt_ids, attempt_keys, hold_ids, buyer_ids, items, totals,
        categories, ladders, request_ids)
      WITH ORDINALITY AS a (order_id, attempt_id, attempt_key, hold_id, buyer_id, items, total,
        category, ladder, request_id, position)
    LEFT JOIN seats.lock_holds(hold_ids) h ON h.id = a.hold_id AND h.buyer_id = a.buyer_id
    LEFT JOIN orders.orders o ON o.id = a.order_id
  )
  SELECT jsonb_agg(jsonb_build_object(
    'orderId', a.order_id, 'attemptId', a.attempt_id, 'attemptKey', a.attempt_key,
    'holdId', a.hold_id, 'buyerId', a.buyer_id, 'items', a.items::jsonb, 'total', a.total,
    'category', a.category, 'ladder', a.ladder, 'requestId', a.request_id, 'showId', a.show_id,
    'performanceId', a.performance_id, 'openOrder', a.open_order, 'outcome', a.outcome)
    ORDER BY a.position)
  INTO judged FROM asked a;
  accepted := jsonb_path_query_array(judged, '$[*] ? (@.outcome == "placed")');

  INSERT INTO orders.orders (show_id, id, performance_id, buyer_id, hold_id, state, total_minor,
    currency, category, ladder, deadline, created_at)
  SELECT p->>'showId', p->>'orderId', p->>'performanceId', p->>'buyerId', p->>'holdId', 'PENDING',
    (p->>'total')::bigint, place.currency, p->>'category', p->>'ladder', attached.deadline, now_at
  FROM jsonb_array_elements(accepted) p
  JOIN seats.attach_orders(
      ARRAY(SELECT q->>'holdId' FROM jsonb_array_elements(accepted) q),
      ARRAY(SELECT q->>'orderId' FROM jsonb_array_elements(accepted) q), ttl, now_at) attached
    ON attached.hold_id = p->>'holdId';
  INSERT INTO orders.items (show_id, order_id, seat_no, grade, seat, price_minor, fee_minor)
  SELECT p->>'showId', p->>'orderId', (i->>'seatNo')::integer, i->>'grade', i->'seat',
    (i->>'priceMinor')::bigint, (i->>'feeMinor')::bigint
  FROM jsonb_array_elements(accepted) p, jsonb_array_elements(p->'items') i;
  INSERT INTO orders.transitions (show_id, order_id, from_state, to_state, at, actor, reason,
    request_id)
  SELECT p->>'showId', p->>'orderId', NULL, 'PENDING', now_at, p->>'buyerId', 'placed',
    p->>'requestId'
  FROM jsonb_array_elements(accepted) p;
  PERFORM payments.create_attempts(
    coalesce(jsonb_agg(jsonb_build_object(
      'showId', p->'showId', 'id', p->'attemptId', 'orderId', p->'orderId', 'holdId', p->'holdId',
      'performanceId', p->'performanceId', 'buyerId', p->'buyerId', 'key', p->'attemptKey',
      'amountMinor', p->'total', 'requestId', p->'requestId')), '[]'),
    place.currency, place.provider, now_at)
  FROM jsonb_array_elements(accepted) p;
  PERFORM platform.append_events(coalesce(jsonb_agg(
    orders.event('order.placed', p->>'showId', p->>'orderId', p->>'performanceId', p->>'buyerId',
      jsonb_array_length(p->'items'), now_at)
      || jsonb_build_object('traceId', p->'requestId')), '[]'))
  FROM jsonb_array_elements(accepted) p;

  SELECT jsonb_agg(jsonb_build_object(
    'outcome', CASE j.value->>'outcome' WHEN 'repeated' THEN 'placed' ELSE j.value->>'outcome' END,
    'isRepeat', j.value->>'outcome' = 'repeated', 'deadline', o.deadline,
    'createdAt', o.created_at, 'openOrder', j.value->'openOrder')
    ORDER BY j.position)
  INTO answers
  FROM jsonb_array_elements(judged) WITH ORDINALITY AS j (value, position)
  LEFT JOIN orders.orders o ON o.id = j.value->>'orderId';
  RETURN answers;
END $$;

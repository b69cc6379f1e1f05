-- A door for payments. Moves orders to a state, records who moved them when and why, and appends an
-- event for other services. The allowed moves are in domain/src/order-states.ts; any other fails.
-- Orders that are already in the state are skipped.
--   event_type   null: no event
--   who, why, request_ids  for the trail
--   codes        why the provider declined, if it did
-- Locks: none; the caller holds the orders.
-- Called by: orders.end_unpaid, payments.begin, payments.mark_unknown, payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.move(
  order_ids text[], new_state text, event_type text, who text, why text, request_ids text[],
  codes text[], at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  happened jsonb;
  at_text text := orders.format_instant(at);
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
  SELECT jsonb_agg(orders.make_event(event_type, m.show_id, m.id, m.performance_id, m.buyer_id,
    (SELECT count(*)::integer FROM orders.items i
     WHERE i.show_id = m.show_id AND i.order_id = m.id), at_text, m.request_id,
    CASE event_type
      WHEN 'order.paid' THEN jsonb_build_object('category', m.category, 'totalMinor', m.total_minor)
      WHEN 'order.failed' THEN jsonb_build_object('code', m.code)
      ELSE '{}' END) ORDER BY m.id) FILTER (WHERE event_type IS NOT NULL)
  INTO happened FROM moved m;
  IF happened IS NOT NULL THEN PERFORM platform.append_events(happened); END IF;
END $$;

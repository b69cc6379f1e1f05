-- Makes what an event about an order says besides the columns of the journal: its reader adds the
-- order and the instant (contract/src/events.ts).
--   category, total_minor  for order.paid
--   code                   for order.failed
-- Locks: none.
-- Called by: orders.move, orders.place.
CREATE OR REPLACE FUNCTION orders.make_payload(
  event_type text, performance_id text, buyer_id text, seats integer, category text,
  total_minor bigint, code text
) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT CASE event_type
    WHEN 'order.paid' THEN json_build_object('performanceId', performance_id,
      'buyerId', buyer_id, 'seats', seats, 'category', category, 'totalMinor', total_minor)
    WHEN 'order.failed' THEN json_build_object('performanceId', performance_id,
      'buyerId', buyer_id, 'seats', seats, 'code', code)
    ELSE json_build_object('performanceId', performance_id, 'buyerId', buyer_id, 'seats', seats)
  END
$$;

-- A door for seats. Ends the orders of ended holds that still wait for their payment: an order
-- without its seats cannot be paid. Others stay as they are.
--   new_state  EXPIRED or CANCELLED
--   why, who, request  for the trail
-- Locks: the orders; the caller holds the holds.
-- Called by: seats.end_holds.
-- Plans: made under its caller's settings (docs/decisions/0012).
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

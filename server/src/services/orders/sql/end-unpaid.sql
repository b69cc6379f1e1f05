-- A door for seats. Ends the orders of holds that were ACTIVE: they still wait for their payment,
-- and an order without its seats cannot be paid. An order in another state fails the call.
--   new_state  EXPIRED or CANCELLED
--   why, who, request  for the trail
-- Locks: the orders; the caller holds the holds.
-- Called by: seats.end_holds.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.end_unpaid(
  order_ids text[], new_state text, why text, who text, request text, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM orders.lock_orders(order_ids);
  PERFORM orders.move(order_ids, new_state,
    CASE new_state WHEN 'EXPIRED' THEN 'order.expired' ELSE 'order.cancelled' END,
    who, why, array_fill(request, ARRAY[cardinality(order_ids)]), NULL, at);
END $$;

-- Cancels an order that waits for its payment and frees its seats.
--   request  for the trail
-- Answers { outcome, deltas }, deltas as seats.publish makes them.
-- Outcomes: cancelled, not-found, not-cancellable (a payment is under way, or it has ended).
-- Locks: the stock, the hold, the order.
-- Called by: the program (OrderStore.cancel).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.cancel(order_to_cancel text, buyer text, request text)
RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  dropped record;
BEGIN
  SELECT o.hold_id, h.stock_no INTO dropped
  FROM orders.orders o CROSS JOIN LATERAL seats.read_hold(o.hold_id) h
  WHERE o.id = order_to_cancel AND o.buyer_id = buyer;
  IF NOT FOUND THEN
    RETURN json_build_object('outcome', 'not-found', 'deltas', '[]'::json);
  END IF;
  PERFORM seats.lock_stock(ARRAY[dropped.stock_no]);
  PERFORM seats.lock_holds(ARRAY[dropped.hold_id]);
  PERFORM orders.lock_orders(ARRAY[order_to_cancel]);
  IF NOT EXISTS (
    SELECT FROM orders.orders o WHERE o.id = order_to_cancel AND o.state = 'PENDING')
  THEN
    RETURN json_build_object('outcome', 'not-cancellable', 'deltas', '[]'::json);
  END IF;
  RETURN json_build_object('outcome', 'cancelled', 'deltas', seats.release_for_order(
    dropped.hold_id, 'order cancelled', buyer, request, clock_timestamp()));
END $$;

-- Cancels an order that waits for its payment and frees its seats.
--   request  for the trail
-- Answers { outcome, deltas }, deltas as seats.publish makes them.
-- Outcomes: cancelled, not-found, not-cancellable (a payment is under way, or it has ended).
-- Locks: the stock, the hold, the order.
-- Called by: the program (OrderStore.cancel).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.cancel(order_to_cancel text, buyer text, request text)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  dropped record;
  now_at timestamptz;
BEGIN
  SELECT * INTO dropped FROM orders.orders o WHERE o.id = order_to_cancel AND o.buyer_id = buyer;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'deltas', '[]'::jsonb);
  END IF;
  PERFORM seats.lock_stock(ARRAY[dropped.hold_id]);
  PERFORM seats.lock_holds(ARRAY[dropped.hold_id]);
  PERFORM orders.lock_orders(ARRAY[order_to_cancel]);
  SELECT * INTO dropped FROM orders.orders o WHERE o.id = order_to_cancel;
  IF dropped.state <> 'PENDING' THEN
    RETURN jsonb_build_object('outcome', 'not-cancellable', 'deltas', '[]'::jsonb);
  END IF;
  now_at := clock_timestamp();
  RETURN jsonb_build_object('outcome', 'cancelled', 'deltas',
    seats.release_for_order(ARRAY[dropped.hold_id], 'order cancelled', buyer, request, now_at));
END $$;

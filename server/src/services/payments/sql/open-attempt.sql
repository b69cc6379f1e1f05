-- Opens a new attempt for an order whose payment window was closed, or failed before the money was
-- requested; earlier attempts of the order are superseded.
-- Answers { outcome, attemptNo }: the number of the attempt if it was opened.
-- Outcomes: opened, not-found, ended, not-payable.
-- Locks: the hold, the order.
-- Called by: the program (PaymentStore.openAttempt).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.open_attempt(order_to_pay text, buyer text) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  hold record;
  paid_order record;
  now_at timestamptz;
BEGIN
  SELECT * INTO paid_order FROM orders.read_order(order_to_pay) o WHERE o.buyer_id = buyer;
  IF NOT FOUND THEN RETURN json_build_object('outcome', 'not-found'); END IF;
  PERFORM seats.lock_holds(ARRAY[paid_order.hold_id]);
  PERFORM orders.lock_orders(ARRAY[order_to_pay]);
  SELECT * INTO hold FROM seats.read_hold(paid_order.hold_id);
  SELECT * INTO paid_order FROM orders.read_order(order_to_pay);
  now_at := clock_timestamp();
  IF paid_order.state IN ('EXPIRED', 'CANCELLED')
    OR (paid_order.state = 'PENDING' AND (hold.state <> 'ACTIVE' OR hold.deadline <= now_at))
  THEN
    RETURN json_build_object('outcome', 'ended');
  END IF;
  IF paid_order.state <> 'PENDING' THEN
    RETURN json_build_object('outcome', 'not-payable');
  END IF;
  RETURN json_build_object('outcome', 'opened',
    'attemptNo', orders.open_attempt(order_to_pay, now_at));
END $$;

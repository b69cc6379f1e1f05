-- Opens a new attempt for an order whose payment window was closed, or failed before the money was
-- requested; unused attempts are SETTLED as SUPERSEDED. Idempotent by the id of the attempt.
--   key  the idempotency key of the attempt, random
-- Outcomes: opened, repeated (opened by an earlier request with this id), reused (the id has an
-- attempt of another order), not-found, ended, not-payable.
-- Locks: the id of the attempt (advisory), the hold, the order.
-- Called by: the program (PaymentStore.openAttempt).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.open_attempt(
  order_to_pay text, buyer text, attempt text, key text, provider text, request text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  first payments.attempts;
  hold record;
  paid_order record;
  now_at timestamptz;
BEGIN
  -- Of two requests with this id the later one waits here, and finds the attempt.
  PERFORM pg_advisory_xact_lock(hashtextextended(attempt, 0));
  SELECT * INTO first FROM payments.attempts a WHERE a.id = attempt AND a.buyer_id = buyer;
  IF FOUND THEN
    RETURN CASE WHEN first.order_id = order_to_pay THEN 'repeated' ELSE 'reused' END;
  END IF;
  SELECT * INTO first FROM payments.attempts a
  WHERE a.order_id = order_to_pay AND a.buyer_id = buyer ORDER BY a.created_at LIMIT 1;
  IF NOT FOUND THEN RETURN 'not-found'; END IF;
  PERFORM seats.lock_holds(ARRAY[first.hold_id]);
  PERFORM orders.lock_orders(ARRAY[order_to_pay]);
  SELECT * INTO hold FROM seats.read_hold(first.hold_id);
  SELECT * INTO paid_order FROM orders.read_order(order_to_pay);
  now_at := clock_timestamp();
  IF paid_order.state <> 'PENDING' THEN
    RETURN CASE
      WHEN paid_order.state IN ('EXPIRED', 'CANCELLED') THEN 'ended' ELSE 'not-payable' END;
  END IF;
  IF hold.state <> 'ACTIVE' OR hold.deadline <= now_at THEN RETURN 'ended'; END IF;
  UPDATE payments.attempts a SET state = 'SETTLED', outcome = 'SUPERSEDED', settled_at = now_at
  WHERE a.show_id = first.show_id AND a.order_id = order_to_pay AND a.state = 'CREATED';
  PERFORM payments.create_attempts(ARRAY[attempt], ARRAY[key], ARRAY[first.show_id],
    ARRAY[first.order_id], ARRAY[first.hold_id], ARRAY[first.performance_id], ARRAY[buyer],
    ARRAY[first.amount_minor], ARRAY[request], first.currency, provider, now_at);
  RETURN 'opened';
END $$;

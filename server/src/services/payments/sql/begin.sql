-- Begin payment, one transaction for a batch: the order's row locked; state, owner, amount and hold
-- checked; seats HELD → PAYING; the attempt SEATS_LOCKED. Before it a lapse wins and no money
-- moves; after it payment wins and no lapse can happen. Attempts must be distinct within a batch.
-- Answers [{ outcome, ... }] in order: begun (with what the provider is asked), not_found,
-- amount_differs, ended, not_payable, under_way.
CREATE OR REPLACE FUNCTION payments.begin(
  attempt_ids text[], buyer_ids text[], amounts bigint[], payment_keys text[], request_ids text[]
) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_at timestamptz;
  holds_wanted text[];
  orders_wanted text[];
  beginning text[];
  answers jsonb;
BEGIN
  SELECT array_agg(a.hold_id), array_agg(a.order_id) INTO holds_wanted, orders_wanted
  FROM payments.attempts a WHERE a.id = ANY (attempt_ids);
  PERFORM seats.lock_holds(holds_wanted);
  PERFORM orders.lock_orders(orders_wanted);
  PERFORM 1 FROM payments.attempts a WHERE a.id = ANY (attempt_ids) ORDER BY a.id FOR UPDATE;
  now_at := clock_timestamp();

  WITH judged AS (
    SELECT asked.position, asked.attempt_id, a.order_id, a.hold_id, a.idempotency_key,
      a.amount_minor, a.currency, o.state AS order_state,
      CASE
        WHEN a.id IS NULL THEN 'not_found'
        WHEN a.amount_minor <> asked.amount THEN 'amount_differs'
        WHEN a.state IN ('SEATS_LOCKED', 'SENT', 'ANSWERED')
          OR a.outcome IN ('APPROVED', 'DECLINED') THEN 'under_way'
        WHEN o.state IN ('EXPIRED', 'CANCELLED') THEN 'ended'
        WHEN a.state <> 'CREATED' OR o.state <> 'PENDING' THEN 'not_payable'
        WHEN h.state <> 'ACTIVE' OR h.deadline <= now_at THEN 'ended'
        WHEN row_number() OVER (PARTITION BY a.order_id ORDER BY asked.position) > 1
          THEN 'not_payable'
        WHEN EXISTS (SELECT FROM payments.attempts other
          WHERE other.payment_key = asked.payment_key AND other.id <> a.id) THEN 'not_payable'
        WHEN row_number() OVER (PARTITION BY asked.payment_key ORDER BY asked.position) > 1
          THEN 'not_payable'
        ELSE 'begun' END AS outcome
    FROM unnest(attempt_ids, buyer_ids, amounts, payment_keys)
      WITH ORDINALITY AS asked (attempt_id, buyer_id, amount, payment_key, position)
    LEFT JOIN payments.attempts a ON a.id = asked.attempt_id AND a.buyer_id = asked.buyer_id
    LEFT JOIN orders.lock_orders(orders_wanted) o ON o.id = a.order_id
    LEFT JOIN seats.lock_holds(holds_wanted) h ON h.id = a.hold_id
  )
  SELECT jsonb_agg(jsonb_build_object('outcome', j.outcome, 'orderId', j.order_id,
      'orderState', j.order_state, 'key', j.idempotency_key, 'amountMinor', j.amount_minor,
      'currency', j.currency) ORDER BY j.position),
    array_agg(j.attempt_id) FILTER (WHERE j.outcome = 'begun')
  INTO answers, beginning FROM judged j;

  IF beginning IS NOT NULL THEN
    WITH fences AS (
      SELECT * FROM seats.begin_paying(ARRAY(
        SELECT a.hold_id FROM payments.attempts a WHERE a.id = ANY (beginning)))
    )
    UPDATE payments.attempts a SET state = 'SEATS_LOCKED', locked_at = now_at, fence = f.fence,
      payment_key = asked.payment_key
    FROM fences f, unnest(attempt_ids, payment_keys) AS asked (attempt_id, payment_key)
    WHERE a.id = ANY (beginning) AND f.hold_id = a.hold_id AND asked.attempt_id = a.id;
    PERFORM orders.move(
      array_agg(a.order_id), 'PAYING', NULL, 'buyer', 'payment begun', array_agg(asked.request_id),
      NULL, now_at)
    FROM unnest(attempt_ids, request_ids) AS asked (attempt_id, request_id)
    JOIN payments.attempts a ON a.id = asked.attempt_id WHERE a.id = ANY (beginning);
  END IF;
  RETURN answers;
END $$;

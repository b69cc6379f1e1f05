-- Begins payments, a batch in one transaction: checks state, owner, amount and hold; the seats go
-- HELD → PAYING, the order PENDING → PAYING, the attempt CREATED → SEATS_LOCKED. A lapse that comes
-- before it wins and no money moves; after it the payment wins and no lapse can happen. Attempts
-- must be distinct within a batch.
--   amounts  what the buyer was asked for, in minor units
-- Answers columns: { outcome, orderId, orderState, key, amountMinor, currency }, each an array in
-- the order of the requests; nulls where there is no such attempt.
-- Outcomes: begun, not-found, amount-differs, reused (begun with another payment key), ended,
-- not-payable, under-way.
-- Locks: the holds, the orders, the attempts; not the stock, as the map shows no change.
-- Called by: the program (PaymentStore.begin).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.begin(
  attempt_ids text[], buyer_ids text[], amounts bigint[], payment_keys text[], request_ids text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  holds_wanted text[];
  orders_wanted text[];
  begun text[];
  begun_holds text[];
  begun_orders text[];
  begun_keys text[];
  begun_requests text[];
  answers jsonb;
BEGIN
  SELECT array_agg(a.hold_id), array_agg(a.order_id) INTO holds_wanted, orders_wanted
  FROM unnest(attempt_ids) AS asked (attempt_id)
  JOIN payments.attempts a ON a.id = ANY (ARRAY[asked.attempt_id]);
  PERFORM seats.lock_holds(holds_wanted);
  PERFORM orders.lock_orders(orders_wanted);
  PERFORM 1 FROM payments.attempts a WHERE a.id = ANY (attempt_ids) ORDER BY a.id FOR UPDATE;
  now_at := clock_timestamp();

  WITH asked AS MATERIALIZED (
    SELECT asked.position, asked.attempt_id, asked.payment_key, a.order_id, a.hold_id,
      a.idempotency_key, a.amount_minor, a.currency, o.state AS order_state,
      CASE
        WHEN a.id IS NULL THEN 'not-found'
        WHEN a.amount_minor <> asked.amount THEN 'amount-differs'
        WHEN a.payment_key <> asked.payment_key THEN 'reused'
        WHEN a.state IN ('SEATS_LOCKED', 'SENT', 'ANSWERED')
          OR a.outcome IN ('APPROVED', 'DECLINED') THEN 'under-way'
        WHEN o.state IN ('EXPIRED', 'CANCELLED') THEN 'ended'
        WHEN a.state <> 'CREATED' OR o.state <> 'PENDING' THEN 'not-payable'
        WHEN h.state <> 'ACTIVE' OR h.deadline <= now_at THEN 'ended'
        WHEN EXISTS (SELECT FROM payments.attempts other
          WHERE other.payment_key = ANY (ARRAY[asked.payment_key]) AND other.id <> a.id)
          THEN 'not-payable'
        ELSE 'begun' END AS outcome
    FROM unnest(attempt_ids, buyer_ids, amounts, payment_keys)
      WITH ORDINALITY AS asked (attempt_id, buyer_id, amount, payment_key, position)
    LEFT JOIN payments.attempts a
      ON a.id = ANY (ARRAY[asked.attempt_id]) AND a.buyer_id = ANY (ARRAY[asked.buyer_id])
    LEFT JOIN LATERAL orders.read_order(a.order_id) o ON true
    LEFT JOIN LATERAL seats.read_hold(a.hold_id) h ON true
  ), judged AS (
    -- Among those that may begin, only the first of each order and of each payment key does.
    SELECT a.*, CASE
      WHEN a.outcome = 'begun' AND (
        row_number() OVER (PARTITION BY a.order_id, a.outcome ORDER BY a.position) > 1
        OR row_number() OVER (PARTITION BY a.payment_key, a.outcome ORDER BY a.position) > 1)
      THEN 'not-payable' ELSE a.outcome END AS judgement
    FROM asked a
  )
  SELECT jsonb_build_object(
      'outcome', array_agg(j.judgement ORDER BY j.position),
      'orderId', array_agg(j.order_id ORDER BY j.position),
      'orderState', array_agg(j.order_state ORDER BY j.position),
      'key', array_agg(j.idempotency_key ORDER BY j.position),
      'amountMinor', array_agg(j.amount_minor ORDER BY j.position),
      'currency', array_agg(j.currency ORDER BY j.position)),
    array_agg(j.attempt_id ORDER BY j.position) FILTER (WHERE j.judgement = 'begun'),
    array_agg(j.hold_id ORDER BY j.position) FILTER (WHERE j.judgement = 'begun'),
    array_agg(j.order_id ORDER BY j.position) FILTER (WHERE j.judgement = 'begun'),
    array_agg(j.payment_key ORDER BY j.position) FILTER (WHERE j.judgement = 'begun'),
    array_agg(request_ids[j.position] ORDER BY j.position) FILTER (WHERE j.judgement = 'begun')
  INTO answers, begun, begun_holds, begun_orders, begun_keys, begun_requests FROM judged j;

  IF begun IS NOT NULL THEN
    UPDATE payments.attempts a SET state = 'SEATS_LOCKED', locked_at = now_at, fence = b.fence,
      payment_key = b.payment_key
    FROM unnest(begun, seats.begin_paying(begun_holds), begun_keys)
      AS b (attempt_id, fence, payment_key)
    WHERE a.id = ANY (ARRAY[b.attempt_id]);
    PERFORM orders.move(begun_orders, 'PAYING', NULL, 'buyer', 'payment begun', begun_requests,
      NULL, now_at);
  END IF;
  RETURN answers;
END $$;

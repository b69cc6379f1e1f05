-- Begins payments, a batch in one transaction: checks order, owner, amount and hold; the seats go
-- from held to being paid, the order PENDING → PAYING, and the attempt is written as SENT, with its
-- key: the provider is called only after this is committed. A lapse that comes before it wins and
-- no money moves; after it the payment wins and no lapse can happen.
--   calls  [{ attemptId, orderId, attemptNo, buyerId, amountMinor, paymentKey, key, provider,
--          requestId }]: amountMinor is what the buyer was asked for, in minor units; key the
--          idempotency key to use; orderId and attemptNo null for an id that names neither
-- Answers { results: [{ outcome, orderId, orderState, performanceId, amountMinor, currency }] } in
-- the order of the calls; nulls where there is no such attempt.
-- Outcomes: begun, not-found, amount-differs, reused (begun with another payment key), ended,
-- not-payable, under-way.
-- Locks: the holds, by id; their orders; not the stock, as the map shows no change.
-- Called by: the program (PaymentStore.begin).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.begin(calls json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  asked payments.begin_call[] := ARRAY(
    SELECT c FROM json_populate_recordset(NULL::payments.begin_call, calls) c);
  now_at timestamptz := clock_timestamp();
  fit record;
  paying record;
  begun integer[] := '{}';
  fences bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(asked)]);
  written integer;
  results json;
BEGIN
  -- 1 Of each order the first request that may be paid as far as the order says.
  SELECT array_agg(f.place ORDER BY f.hold_id) AS places,
    array_agg(f.hold_id ORDER BY f.hold_id) AS hold_ids,
    array_agg(f.order_id ORDER BY f.hold_id) AS order_ids
  INTO fit FROM (
    SELECT DISTINCT ON (o.hold_id) a.place::integer AS place, o.hold_id, o.id AS order_id
    FROM generate_subscripts(asked, 1) AS p (place)
    CROSS JOIN LATERAL (SELECT p.place, (asked[p.place]).*) a
    CROSS JOIN LATERAL orders.read_order(a."orderId") o
    WHERE o.state = 'PENDING' AND o.buyer_id = ANY (ARRAY[a."buyerId"])
      AND o.total_minor = a."amountMinor" AND o.attempt_no = a."attemptNo"
      AND NOT EXISTS (SELECT FROM payments.attempts other
        WHERE other.payment_key = ANY (ARRAY[a."paymentKey"]))
    ORDER BY o.hold_id, a.place) f;

  -- 2 Whose hold can still be paid for is being paid for.
  FOR paying IN SELECT * FROM seats.begin_paying(fit.places, fit.hold_ids, fit.order_ids) LOOP
    begun := begun || paying.place;
    fences[paying.place] := paying.fence;
  END LOOP;
  PERFORM orders.move(ARRAY(SELECT asked[p]."orderId" FROM unnest(begun) p), 'PAYING', NULL,
    'buyer', 'begun', ARRAY(SELECT asked[p]."requestId" FROM unnest(begun) p), NULL,
    now_at);
  INSERT INTO payments.attempts (id, order_id, hold_id, fence, buyer_id, provider, payment_key,
    idempotency_key, amount_minor, currency, state, request_id, opened_at, sent_at)
  SELECT a."attemptId", o.id, o.hold_id, fences[p.place], o.buyer_id, a.provider, a."paymentKey",
    a.key, o.total_minor, o.currency, 'SENT', a."requestId", o.attempt_opened_at, now_at
  FROM unnest(begun) AS p (place)
  CROSS JOIN LATERAL (SELECT (asked[p.place]).*) a
  CROSS JOIN LATERAL orders.read_order(a."orderId") o
  -- Now that the order is locked: no later attempt was opened while we waited.
  WHERE o.state = 'PAYING' AND o.attempt_no = a."attemptNo";
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> cardinality(begun) THEN
    RAISE EXCEPTION 'an order changed while its hold was waited for: the batch is decided again'
      USING ERRCODE = 'serialization_failure';
  END IF;

  -- 3 Answer; why the others did not begin is read only now, after their holds were waited for.
  SELECT json_agg(json_build_object('outcome', j.outcome, 'orderId', j.order_id,
      'orderState', j.order_state, 'performanceId', j.performance_id,
      'amountMinor', j.total_minor, 'currency', j.currency) ORDER BY j.place),
    count(j.outcome)
  INTO results, written
  FROM (SELECT a.place, o.id AS order_id, o.state AS order_state, o.performance_id, o.total_minor,
      o.currency, CASE
      WHEN fences[a.place] IS NOT NULL THEN 'begun'
      WHEN o.id IS NULL OR a."attemptNo" > o.attempt_no THEN 'not-found'
      WHEN o.total_minor <> a."amountMinor" THEN 'amount-differs'
      WHEN t.payment_key <> a."paymentKey" THEN 'reused'
      WHEN t.state IN ('SENT', 'ANSWERED') OR t.outcome IN ('APPROVED', 'DECLINED') THEN 'under-way'
      WHEN o.state IN ('EXPIRED', 'CANCELLED') THEN 'ended'
      WHEN o.state <> 'PENDING' OR a."attemptNo" IS DISTINCT FROM o.attempt_no THEN 'not-payable'
      WHEN h.state <> 'ACTIVE' OR h.deadline <= clock_timestamp() THEN 'ended'
      -- Another attempt has this payment's key.
      WHEN EXISTS (SELECT FROM payments.attempts other
        WHERE other.payment_key = ANY (ARRAY[a."paymentKey"])) THEN 'not-payable' END AS outcome
  FROM generate_subscripts(asked, 1) AS p (place)
  CROSS JOIN LATERAL (SELECT p.place, (asked[p.place]).*) a
  LEFT JOIN payments.attempts t
    ON fences[a.place] IS NULL AND t.id = ANY (ARRAY[a."attemptId"])
      AND t.buyer_id = ANY (ARRAY[a."buyerId"])
  LEFT JOIN LATERAL orders.read_order(coalesce(a."orderId", t.order_id)) o
    ON o.buyer_id = ANY (ARRAY[a."buyerId"])
  LEFT JOIN LATERAL seats.read_hold(CASE WHEN fences[a.place] IS NULL THEN o.hold_id END) h
    ON true) j;
  IF written <> cardinality(asked) THEN
    RAISE EXCEPTION 'an order became payable meanwhile: the batch is decided again'
      USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN json_build_object('results', results);
END $$;

-- The outcome of a payment is unknown: the order is UNKNOWN and keeps its seats until the provider
-- answers definitely. An unknown outcome never frees a seat and never fails an order.
--   calls  [{ attemptId, code }]: why it is unknown
-- Answers { results: [null] }, one for each call.
-- Locks: the holds, the orders, the attempts, each by id.
-- Called by: the program (PaymentStore.markUnknown).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.mark_unknown(calls json) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  attempt_ids text[] := ARRAY(SELECT c->>'attemptId' FROM json_array_elements(calls) c);
  now_at timestamptz;
  waiting record;
BEGIN
  -- As whatever moves an order of a hold does: each then reads the state that it moves from.
  PERFORM seats.lock_holds(ARRAY(
    SELECT t.hold_id FROM payments.attempts t WHERE t.id = ANY (attempt_ids)));
  PERFORM orders.lock_orders(ARRAY(
    SELECT t.order_id FROM payments.attempts t WHERE t.id = ANY (attempt_ids)));
  PERFORM 1 FROM payments.attempts t WHERE t.id = ANY (attempt_ids) ORDER BY t.id FOR UPDATE;
  now_at := clock_timestamp();
  WITH unknown AS (
    UPDATE payments.attempts t SET unknown_since = coalesce(t.unknown_since, now_at),
      left_since = coalesce(t.left_since, now_at), provider_code = asked.code
    FROM json_to_recordset(calls) AS asked ("attemptId" text, code text)
    WHERE t.id = ANY (ARRAY[asked."attemptId"]) AND t.state = 'SENT'
    RETURNING t.order_id, t.request_id, t.provider_code
  )
  SELECT array_agg(u.order_id) AS order_ids, array_agg(u.request_id) AS request_ids,
    array_agg(u.provider_code) AS codes INTO waiting FROM unknown u;
  PERFORM orders.move(waiting.order_ids, 'UNKNOWN', 'order.unknown', 'payments',
    'no definite answer from the provider', waiting.request_ids, waiting.codes, now_at);
  RETURN json_build_object('results',
    array_fill(NULL::text, ARRAY[cardinality(attempt_ids)]));
END $$;

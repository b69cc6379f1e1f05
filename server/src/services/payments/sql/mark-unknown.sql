-- The outcome of a payment is unknown: the order is UNKNOWN and keeps its seats until the provider
-- answers definitely. An unknown outcome never frees a seat and never fails an order.
--   codes  why it is unknown
--   who    for the trail
-- Locks: the orders, then the attempts.
-- Called by: the program (PaymentStore.markUnknown).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.mark_unknown(attempt_ids text[], codes text[], who text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  waiting record;
BEGIN
  PERFORM orders.lock_orders(ARRAY(
    SELECT a.order_id FROM payments.attempts a WHERE a.id = ANY (attempt_ids)));
  PERFORM 1 FROM payments.attempts a WHERE a.id = ANY (attempt_ids) ORDER BY a.id FOR UPDATE;
  now_at := clock_timestamp();
  WITH unknown AS (
    UPDATE payments.attempts a SET unknown_since = coalesce(a.unknown_since, now_at),
      provider_code = asked.code
    FROM unnest(attempt_ids, codes) AS asked (attempt_id, code)
    WHERE a.id = ANY (ARRAY[asked.attempt_id]) AND a.state = 'SENT'
    RETURNING a.order_id, a.request_id, a.provider_code
  )
  SELECT array_agg(u.order_id) AS order_ids, array_agg(u.request_id) AS request_ids,
    array_agg(u.provider_code) AS codes INTO waiting FROM unknown u;
  IF waiting.order_ids IS NOT NULL THEN
    PERFORM orders.move(waiting.order_ids, 'UNKNOWN', 'order.unknown', who,
      'no definite answer from the provider', waiting.request_ids, waiting.codes, now_at);
  END IF;
END $$;

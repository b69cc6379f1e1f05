-- Settles attempts, a batch in one transaction. APPROVED: the seats are SOLD, the order PAID, its
-- tickets issued, the ledger written. DECLINED (definitely) or NOT_SENT (a crash before the
-- provider was called): the order is FAILED and the seats go back to the buyer's hold, or on sale
-- if the hold has expired. An attempt that was already settled, or whose answer is not stored,
-- stays as it is.
--   codes         why the provider declined, if it did
--   transactions  the provider's id of the money's movement
--   who           for the trail
-- Answers { settled: [attempt id], deltas }, deltas as seats.publish makes them.
-- Locks: the stock, the holds, the orders, the attempts.
-- Called by: the program (PaymentStore.settle).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.settle(
  attempt_ids text[], outcomes text[], codes text[], transactions text[], who text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  holds_wanted text[];
  orders_wanted text[];
  settled text[];
  paid record;
  unpaid record;
  sold jsonb := '[]';
  back jsonb := '[]';
BEGIN
  SELECT array_agg(a.hold_id), array_agg(a.order_id) INTO holds_wanted, orders_wanted
  FROM unnest(attempt_ids) AS asked (attempt_id)
  JOIN payments.attempts a ON a.id = ANY (ARRAY[asked.attempt_id]);
  PERFORM seats.lock_stock(holds_wanted);
  PERFORM seats.lock_holds(holds_wanted);
  PERFORM orders.lock_orders(orders_wanted);
  PERFORM 1 FROM payments.attempts a WHERE a.id = ANY (attempt_ids) ORDER BY a.id FOR UPDATE;
  now_at := clock_timestamp();

  WITH ended AS (
    UPDATE payments.attempts a SET state = 'SETTLED', outcome = asked.outcome, settled_at = now_at,
      provider_code = asked.code
    FROM unnest(attempt_ids, outcomes, codes) AS asked (attempt_id, outcome, code)
    WHERE a.id = ANY (ARRAY[asked.attempt_id]) AND (
      (asked.outcome = 'NOT_SENT' AND a.state = 'SEATS_LOCKED')
      OR (asked.outcome IN ('APPROVED', 'DECLINED') AND a.state = 'ANSWERED'))
    RETURNING a.id
  )
  SELECT coalesce(array_agg(e.id), '{}') INTO settled FROM ended e;

  SELECT array_agg(a.order_id) AS order_ids, array_agg(a.hold_id) AS hold_ids,
    array_agg(a.fence) AS fences, array_agg(a.request_id) AS request_ids
  INTO paid FROM unnest(settled) AS s (attempt_id)
  JOIN payments.attempts a ON a.id = ANY (ARRAY[s.attempt_id]) AND a.outcome = 'APPROVED';
  IF paid.order_ids IS NOT NULL THEN
    sold := seats.sell(paid.hold_ids, paid.fences, now_at);
    PERFORM orders.move(paid.order_ids, 'PAID', 'order.paid', who, 'payment approved',
      paid.request_ids, NULL, now_at);
    PERFORM tickets.issue(orders.read_items(paid.order_ids));
    INSERT INTO payments.ledger (
      show_id, order_id, attempt_id, kind, amount_minor, currency, provider,
      provider_transaction, at)
    SELECT a.show_id, a.order_id, a.id, 'CAPTURE', a.amount_minor, a.currency, a.provider,
      asked.transaction, now_at
    FROM unnest(attempt_ids, transactions) AS asked (attempt_id, transaction)
    JOIN payments.attempts a ON a.id = ANY (ARRAY[asked.attempt_id]) AND a.outcome = 'APPROVED'
      AND asked.attempt_id = ANY (settled);
  END IF;

  IF cardinality(settled) > coalesce(cardinality(paid.order_ids), 0) THEN
    SELECT array_agg(a.order_id) AS order_ids, array_agg(a.hold_id) AS hold_ids,
      array_agg(a.fence) AS fences, array_agg(a.request_id) AS request_ids,
      array_agg(coalesce(a.provider_code, a.outcome)) AS codes
    INTO unpaid FROM unnest(settled) AS s (attempt_id)
    JOIN payments.attempts a ON a.id = ANY (ARRAY[s.attempt_id]) AND a.outcome <> 'APPROVED';
    PERFORM orders.move(unpaid.order_ids, 'FAILED', 'order.failed', who, 'payment not made',
      unpaid.request_ids, unpaid.codes, now_at);
    back := seats.give_back(unpaid.hold_ids, unpaid.fences, 'payment not made',
      unpaid.request_ids[1], now_at);
  END IF;
  RETURN jsonb_build_object('settled', settled, 'deltas', sold || back);
END $$;

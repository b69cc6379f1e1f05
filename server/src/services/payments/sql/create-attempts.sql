-- A door for orders. Writes attempts, CREATED, with their idempotency keys, before the buyers see
-- the provider's window. In PL/pgSQL, which keeps its plan: a function in SQL that does not become
-- part of its caller's statement is planned at every call.
--   amounts  in minor units of the currency
-- Locks: none; the caller holds the holds.
-- Called by: orders.place, payments.open_attempt.
CREATE OR REPLACE FUNCTION payments.create_attempts(
  attempt_ids text[], keys text[], show_ids text[], order_ids text[], hold_ids text[],
  performance_ids text[], buyer_ids text[], amounts bigint[], request_ids text[], currency text,
  provider text, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
  INSERT INTO payments.attempts (show_id, id, order_id, hold_id, performance_id, buyer_id, provider,
    idempotency_key, amount_minor, currency, state, request_id, created_at)
  SELECT a.show_id, a.id, a.order_id, a.hold_id, a.performance_id, a.buyer_id, provider, a.key,
    a.amount, currency, 'CREATED', a.request_id, at
  FROM unnest(attempt_ids, keys, show_ids, order_ids, hold_ids, performance_ids, buyer_ids, amounts,
      request_ids)
    AS a (id, key, show_id, order_id, hold_id, performance_id, buyer_id, amount, request_id);
END $$;

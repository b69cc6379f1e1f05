-- The door for orders. CREATED: an attempt with its idempotency key, before the buyer sees the
-- provider's window.
CREATE OR REPLACE FUNCTION payments.create_attempts(
  attempts jsonb, currency text, provider text, at timestamptz
) RETURNS void LANGUAGE sql AS $$
  INSERT INTO payments.attempts (show_id, id, order_id, hold_id, performance_id, buyer_id, provider,
    idempotency_key, amount_minor, currency, state, request_id, created_at)
  SELECT a->>'showId', a->>'id', a->>'orderId', a->>'holdId', a->>'performanceId', a->>'buyerId',
    provider, a->>'key', (a->>'amountMinor')::bigint, currency, 'CREATED', a->>'requestId', at
  FROM jsonb_array_elements(attempts) a
$$;

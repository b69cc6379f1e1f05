-- A door for payments. Opens the next attempt of an order that waits for its payment: earlier ones
-- are superseded.
-- Answers its number.
-- Locks: none; the caller holds the hold and the order.
-- Called by: payments.open_attempt.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.open_attempt(order_to_pay text, at timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  number integer;
BEGIN
  UPDATE orders.orders o SET attempt_no = o.attempt_no + 1, attempt_opened_at = at
  WHERE o.id = order_to_pay RETURNING o.attempt_no INTO number;
  RETURN number;
END $$;

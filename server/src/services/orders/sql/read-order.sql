-- A door for payments. Reads an order as it is now; no row when there is none. Planned as part of
-- the caller's statement: FROM ids, LATERAL orders.read_order(id).
-- Locks: none; the caller holds the order when it judges by what it reads.
-- Called by: payments.begin, payments.open_attempt, the program (PaymentStore.attempt).
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.read_order(order_id text) RETURNS SETOF orders.orders
LANGUAGE sql STABLE AS $$
  SELECT * FROM orders.orders o WHERE o.id = ANY (ARRAY[order_id])
$$;

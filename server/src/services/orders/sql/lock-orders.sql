-- A door for payments. Locks orders; ids without an order are skipped.
-- Locks: the orders, by id; stock and holds are locked earlier, attempts later.
-- Called by: orders.cancel, orders.end_unpaid, payments.open_attempt, payments.mark_unknown,
-- payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.lock_orders(order_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM orders.orders o WHERE o.id = ANY (order_ids) ORDER BY o.id FOR UPDATE;
END $$;

-- A door for orders and payments. Locks the performances of holds for a caller that will change the
-- seat map. First in the common order: stock, holds, claims, orders, attempts.
-- Locks: the stock, by show and performance.
-- Called by: seats.release, orders.cancel, payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lock_stock(hold_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM (
    SELECT DISTINCT h.show_id, h.performance_id FROM seats.holds h WHERE h.id = ANY (hold_ids)) w
  JOIN seats.stock s ON s.show_id = ANY (ARRAY[w.show_id])
    AND s.performance_id = ANY (ARRAY[w.performance_id])
  ORDER BY s.show_id, s.performance_id FOR UPDATE OF s;
END $$;

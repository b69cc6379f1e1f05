-- Locks every performance whose seats a cycle may change, before its first step: two processes
-- whose cycles meet then lock them in one order.
-- Locks: the stock, by number.
-- Called by: the program (app.ts gives it to platform/cycle.ts).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lock_performances(performance_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM seats.lock_stock(ARRAY(
    SELECT s.no FROM seats.stock s WHERE s.performance_id = ANY (performance_ids)));
END $$;

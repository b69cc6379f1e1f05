-- A door for orders and payments. Locks performances for a caller that will change the seat map.
-- First in the common order: stock, holds, orders, attempts. Claims have no lock: only who
-- holds the stock writes them.
-- Locks: the stock, by number.
-- Called by: seats.take, seats.release, seats.lock_performances, orders.cancel, payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lock_stock(stock_nos integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM seats.stock s WHERE s.no = ANY (stock_nos) ORDER BY s.no FOR UPDATE;
END $$;

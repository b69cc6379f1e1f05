-- A door for orders and payments. Locks holds; ids without a hold are skipped. The caller must read
-- them again afterwards: before the lock a payment may begin or the time be restarted.
-- Locks: the holds, by id; the caller locks the stock first if it needs it.
-- Called by: seats.take, seats.lapse, seats.release, orders.cancel, payments.open_attempt,
-- payments.mark_unknown.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lock_holds(hold_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM seats.holds h WHERE h.id = ANY (hold_ids) ORDER BY h.id FOR UPDATE;
END $$;

-- Frees seats. Nothing else deletes a claim, so check here if somebody has a right to a seat before
-- it goes on sale again. It is called when a hold lapses, is released or is taken over, when a
-- payment is declined after the deadline, when an order is cancelled, and when blocked seats are
-- put on sale.
--   hold     a hold that has just ended; null: the organiser had blocked the seats
-- A seat that another hold has, or that is not blocked, stays as it is.
-- Answers the changes as seats.publish takes them: seat_no * 4 + 0 (free).
-- Locks: none; the caller holds the stock and the hold.
-- Called by: seats.end_holds, seats.block.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.free(stock integer, seats_to_free integer[], hold text)
RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  changes integer[];
BEGIN
  WITH freed AS (
    DELETE FROM seats.claims c
    WHERE c.stock_no = stock AND c.seat_no = ANY (seats_to_free)
      AND c.hold_id IS NOT DISTINCT FROM hold
    RETURNING c.seat_no
  )
  SELECT coalesce(array_agg(f.seat_no * 4 ORDER BY f.seat_no), '{}') INTO changes FROM freed f;
  RETURN changes;
END $$;

-- A door for payments. Issues the tickets of paid orders in the caller's transaction, one for each
-- seat. A ticket that was already issued stays as it is; a second live ticket for a seat fails
-- (unique_violation on tickets_live_seat), and the caller's whole transaction with it.
--   p  [{ id, showId, orderId, performanceId, buyerId, seatNo, grade, seat }]
-- Locks: none.
-- Called by: payments.settle.
CREATE OR REPLACE FUNCTION tickets.issue(p jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tickets.tickets
    (show_id, id, order_id, performance_id, buyer_id, seat_no, grade, seat)
  SELECT "showId", id, "orderId", "performanceId", "buyerId", "seatNo", grade, seat
  FROM jsonb_to_recordset(p) AS given (
    id text, "showId" text, "orderId" text, "performanceId" text, "buyerId" text,
    "seatNo" integer, grade text, seat jsonb
  )
  ORDER BY "showId", "performanceId", "seatNo"
  ON CONFLICT (show_id, id) DO NOTHING;
END $$;

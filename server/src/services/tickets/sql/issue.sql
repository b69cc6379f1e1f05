-- The tickets' door for payments: issues tickets of any orders in the caller's transaction.
-- A ticket that was issued before stays as it is; a second live ticket for a seat is an error
-- (unique_violation on tickets_live_seat), so that the caller's whole transaction fails.
-- p: [{ id, showId, orderId, performanceId, buyerId, seatNo, grade, seat }]
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

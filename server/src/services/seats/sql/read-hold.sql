-- A door for orders and payments. Reads a hold as it is now, with its performance and the painting
-- by which its seats are sold; no row if there is none. Planned as part of the caller's statement:
-- FROM ids, LATERAL seats.read_hold(id).
-- Locks: none; the caller holds the hold when it judges by what it reads.
-- Called by: orders.place, orders.cancel, payments.begin, payments.open_attempt, payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.read_hold(hold_id text)
RETURNS TABLE (id text, buyer_id text, seat_nos integer[], state text, order_id text,
  deadline timestamptz, stock_no integer, show_id text, performance_id text, painting_version text)
LANGUAGE sql STABLE AS $$
  SELECT h.id, h.buyer_id, h.seat_nos, h.state, h.order_id, h.deadline, h.stock_no, s.show_id,
    s.performance_id, s.painting_version
  FROM seats.holds h JOIN seats.stock s ON s.no = ANY (ARRAY[h.stock_no])
  WHERE h.id = ANY (ARRAY[hold_id])
$$;

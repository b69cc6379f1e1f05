-- A door for payments. Issues the tickets of paid orders in the caller's transaction, one for each
-- seat. A second live ticket for a seat fails (unique_violation on tickets_live_seat), and the
-- caller's whole transaction with it.
-- Locks: none.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION tickets.issue(order_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tickets.tickets
    (show_id, id, order_id, performance_id, buyer_id, seat_no, grade, seat)
  SELECT i.show_id, 'tkt_' || left(replace(gen_random_uuid()::text, '-', ''), 26), i.order_id,
    i.performance_id, i.buyer_id, i.seat_no, i.grade, i.seat
  FROM orders.read_items(order_ids) i;
END $$;

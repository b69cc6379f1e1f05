-- A door for tickets. Reads what was sold with orders, seat by seat.
-- Locks: none; the caller holds the orders.
-- Called by: tickets.issue.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.read_items(order_ids text[])
RETURNS TABLE (order_id text, show_id text, performance_id text, buyer_id text, seat_no integer,
  grade text, seat json) LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT o.id, o.show_id, o.performance_id, o.buyer_id, i."seatNo", i.grade, i.seat
    FROM unnest(order_ids) AS paid (order_id)
    JOIN orders.orders o ON o.id = ANY (ARRAY[paid.order_id])
    CROSS JOIN LATERAL json_to_recordset(o.items) AS i ("seatNo" integer, grade text, seat json);
END $$;

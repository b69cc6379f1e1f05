-- A door for payments. Reads the items of paid orders as tickets.issue takes them, each with a new
-- ticket's id.
-- Answers [{ id, showId, orderId, performanceId, buyerId, seatNo, grade, seat }].
-- Locks: none; the caller holds the orders.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.read_items(order_ids text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
    'id', 'tkt_' || left(replace(gen_random_uuid()::text, '-', ''), 26),
    'showId', o.show_id, 'orderId', o.id, 'performanceId', o.performance_id, 'buyerId', o.buyer_id,
    'seatNo', i.seat_no, 'grade', i.grade, 'seat', i.seat)), '[]')
  FROM unnest(order_ids) AS paid (order_id)
  JOIN orders.orders o ON o.id = ANY (ARRAY[paid.order_id])
  CROSS JOIN LATERAL (
    SELECT * FROM orders.items i WHERE i.show_id = o.show_id AND i.order_id = o.id OFFSET 0) i);
END $$;

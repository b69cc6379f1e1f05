-- A door for orders. Ties orders to holds and restarts the holds' time (seats.restart_deadline).
--   ttl  how long a hold lasts from now
-- Locks: none; the caller holds the holds.
-- Called by: orders.place.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.attach_orders(
  hold_ids text[], order_ids text[], ttl interval, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH attached AS (
    UPDATE seats.holds h SET
      order_id = a.order_id,
      deadline = coalesce(seats.restart_deadline(h, ttl, at), h.deadline),
      extended_at = coalesce(h.extended_at, at)
    FROM unnest(hold_ids, order_ids) AS a (hold_id, order_id)
    WHERE h.id = ANY (ARRAY[a.hold_id])
    RETURNING h.id, h.order_id, h.deadline
  )
  UPDATE seats.claims c SET order_id = a.order_id, deadline = a.deadline
  FROM attached a
  WHERE c.hold_id = ANY (ARRAY[a.id]) AND c.state = 'held';
END $$;

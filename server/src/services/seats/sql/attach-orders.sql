-- A door for orders. Ties each order to its hold, which must be ACTIVE, within its time and without
-- an order, and restarts the hold's time (seats.restart_deadline). The caller has compared what
-- never changes about a hold: its buyer, its seats.
--   places, hold_ids, order_ids  parallel arrays, by hold; a hold is named once
--   ttl  how long a hold lasts from now
-- Answers the places of the holds that were attached, with their deadline; the others stay as they
-- are.
-- Locks: the holds, in the order of the list.
-- Called by: orders.place.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.attach_orders(
  places integer[], hold_ids text[], order_ids text[], ttl interval, at timestamptz
) RETURNS TABLE (place integer, deadline timestamptz) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    UPDATE seats.holds h SET
      order_id = a.order_id,
      deadline = coalesce(seats.restart_deadline(h, ttl, at), h.deadline),
      extended_at = coalesce(h.extended_at, at)
    FROM unnest(places, hold_ids, order_ids) AS a (place, hold_id, order_id)
    WHERE h.id = ANY (ARRAY[a.hold_id]) AND h.state = 'ACTIVE'
      AND h.order_id IS NULL AND h.deadline > clock_timestamp()
    RETURNING a.place, h.deadline;
END $$;

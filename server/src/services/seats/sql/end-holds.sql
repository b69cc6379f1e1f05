-- Ends holds: frees their seats (seats.free) and ends their orders that still wait for a payment:
-- EXPIRED if the hold lapsed, CANCELLED if it was released.
--   new_state  LAPSED or RELEASED
--   why, who, request  for the trail: the reason, who did it, the id of the request
-- Answers the changes of the seats, as seats.free does.
-- Locks: the orders; the caller holds the stock and then the holds.
-- Called by: seats.lapse, seats.release, seats.take, seats.give_back, seats.release_for_order.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.end_holds(
  hold_ids text[], new_state text, why text, who text, request text, at timestamptz,
  OUT show_ids text[], OUT performance_ids text[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
DECLARE
  order_ids text[];
BEGIN
  IF cardinality(hold_ids) = 0 THEN RETURN; END IF;
  WITH ended AS (
    UPDATE seats.holds h SET state = new_state, ended_at = at, end_reason = why
    FROM unnest(hold_ids) AS f (hold_id) WHERE h.id = ANY (ARRAY[f.hold_id])
    RETURNING h.order_id
  )
  SELECT array_agg(e.order_id) FILTER (WHERE e.order_id IS NOT NULL) INTO order_ids FROM ended e;
  SELECT f.show_ids, f.performance_ids, f.changes INTO show_ids, performance_ids, changes
  FROM seats.free(hold_ids, NULL, NULL, NULL) f;
  IF order_ids IS NOT NULL THEN
    PERFORM orders.end_unpaid(order_ids,
      CASE new_state WHEN 'LAPSED' THEN 'EXPIRED' ELSE 'CANCELLED' END, why, who, request, at);
  END IF;
END $$;

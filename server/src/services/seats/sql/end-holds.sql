-- Ends holds that are ACTIVE: frees their seats (seats.free) and ends their orders that still wait
-- for a payment: EXPIRED if the hold lapsed, CANCELLED if it was released.
--   new_state  LAPSED or RELEASED
--   why, who, request  for the trail: the reason, who did it, the id of the request
-- Answers the changes of the seats as seats.publish takes them.
-- Locks: the orders; the caller holds the stock and then the holds.
-- Called by: seats.lapse, seats.release, seats.take, seats.give_back, seats.release_for_order.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.end_holds(
  hold_ids text[], new_state text, why text, who text, request text, at timestamptz,
  OUT stock_nos integer[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
DECLARE
  ending record;
  freed integer[];
  order_ids text[] := '{}';
BEGIN
  stock_nos := '{}';
  changes := '{}';
  FOR ending IN
    UPDATE seats.holds h SET state = new_state, ended_at = at, end_reason = why
    WHERE h.id = ANY (hold_ids)
    RETURNING h.id, h.stock_no, h.seat_nos, h.order_id
  LOOP
    freed := seats.free(ending.stock_no, ending.seat_nos, ending.id);
    changes := changes || freed;
    stock_nos := stock_nos || array_fill(ending.stock_no, ARRAY[cardinality(freed)]);
    IF ending.order_id IS NOT NULL THEN order_ids := order_ids || ending.order_id; END IF;
  END LOOP;
  IF cardinality(order_ids) > 0 THEN
    PERFORM orders.end_unpaid(order_ids,
      CASE new_state WHEN 'LAPSED' THEN 'EXPIRED' ELSE 'CANCELLED' END, why, who, request, at);
  END IF;
END $$;

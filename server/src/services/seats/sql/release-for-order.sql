-- A door for orders. Releases the hold of an order that is cancelled before its payment, which also
-- ends the order. A hold that is not ACTIVE stays as it is.
--   why, who, request  for the trail
-- Answers the deltas, see seats.publish.
-- Locks: none; the caller holds the stock, the hold and the order.
-- Called by: orders.cancel.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.release_for_order(
  hold text, why text, who text, request text, at timestamptz
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  ended record;
BEGIN
  SELECT * INTO ended FROM seats.end_holds(
    ARRAY(SELECT h.id FROM seats.holds h WHERE h.id = hold AND h.state = 'ACTIVE'),
    'RELEASED', why, who, request, at);
  RETURN seats.publish(ended.stock_nos, ended.changes, NULL, NULL);
END $$;

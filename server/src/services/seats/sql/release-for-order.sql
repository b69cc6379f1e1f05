-- A door for orders. Releases the holds of orders that are cancelled before payment, which also
-- ends the orders. A hold that is not ACTIVE stays as it is.
--   why, who, request  for the trail
-- Answers the deltas, see seats.publish.
-- Locks: none; the caller holds the stock, the holds and the orders.
-- Called by: orders.cancel.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.release_for_order(
  hold_ids text[], why text, who text, request text, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  ended record;
BEGIN
  SELECT * INTO ended FROM seats.end_holds(
    ARRAY(
      SELECT h.id FROM unnest(hold_ids) AS f (hold_id)
      JOIN seats.holds h ON h.id = ANY (ARRAY[f.hold_id]) AND h.state = 'ACTIVE'),
    'RELEASED', why, who, request, at);
  RETURN seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL);
END $$;

-- A door for payments. A payment was definitely declined or never sent: PAYING → HELD until the
-- hold's deadline, so that the buyer can pay in another way; after the deadline the hold lapses and
-- its seats are free. A hold with another fence stays as it is.
--   why, request  for the trail
-- Answers the deltas, see seats.publish.
-- Locks: the orders of the holds that lapse; the caller holds the stock and the holds.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.give_back(
  hold_ids text[], fences bigint[], why text, request text, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  lapsed text[];
  ended record;
BEGIN
  WITH back AS (
    UPDATE seats.holds h SET state = 'ACTIVE', order_id = NULL
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING h.id, h.deadline
  ), claimed AS (
    UPDATE seats.claims c SET state = 'held', deadline = b.deadline, order_id = NULL
    FROM back b
    WHERE c.hold_id = ANY (ARRAY[b.id]) AND c.state = 'paying'
  )
  SELECT array_agg(b.id) FILTER (WHERE b.deadline <= at) INTO lapsed FROM back b;
  SELECT * INTO ended
  FROM seats.end_holds(coalesce(lapsed, '{}'), 'LAPSED', why, 'payments', request, at);
  RETURN seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL);
END $$;

-- A door for payments. PAYING → SOLD for those who still carry the fence of their hold. Every hold
-- must be sold whole; it fails otherwise.
-- Answers the deltas, see seats.publish.
-- Locks: none; the caller holds the stock and the holds.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.sell(hold_ids text[], fences bigint[], at timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  expected integer;
  shows text[];
  performances text[];
  changes integer[];
BEGIN
  WITH sold AS (
    UPDATE seats.holds h SET state = 'SOLD', ended_at = at, end_reason = 'sold'
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING h.id, h.seat_nos, h.fence
  ), claimed AS (
    UPDATE seats.claims c SET state = 'sold'
    FROM sold s
    WHERE c.hold_id = ANY (ARRAY[s.id]) AND c.fence = ANY (ARRAY[s.fence]) AND c.state = 'paying'
    RETURNING c.show_id, c.performance_id, c.seat_no
  )
  SELECT (SELECT coalesce(sum(cardinality(s.seat_nos)), 0) FROM sold s), array_agg(c.show_id),
    array_agg(c.performance_id), array_agg(c.seat_no * 4 + 2)
  INTO expected, shows, performances, changes FROM claimed c;
  IF expected <> coalesce(cardinality(changes), 0) THEN
    RAISE EXCEPTION 'assertion failed: % of % seats to sell were found',
      cardinality(changes), expected;
  END IF;
  RETURN seats.publish(shows, performances, changes, NULL, NULL);
END $$;

-- Ends holds whose rows the caller has locked (stock first, then holds): their seats are free, and
-- an order that waits for its payment ends with them. Answers the deltas' raw changes.
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
    RETURNING h.id, h.order_id
  ), freed AS (
    DELETE FROM seats.claims c USING ended e
    WHERE c.hold_id = ANY (ARRAY[e.id]) AND c.state = 'held'
    RETURNING c.show_id, c.performance_id, c.seat_no
  )
  SELECT array_agg(f.show_id), array_agg(f.performance_id), array_agg(f.seat_no * 4),
    (SELECT array_agg(e.order_id) FROM ended e WHERE e.order_id IS NOT NULL)
  INTO show_ids, performance_ids, changes, order_ids FROM freed f;
  IF order_ids IS NOT NULL THEN
    PERFORM orders.end_unpaid(order_ids,
      CASE new_state WHEN 'LAPSED' THEN 'EXPIRED' ELSE 'CANCELLED' END, why, who, request, at);
  END IF;
END $$;

-- Ends holds whose rows the caller has locked (stock first, then holds): their seats are free, and
-- an order that waits for its payment ends with them. Answers the deltas' raw changes.
CREATE OR REPLACE FUNCTION seats.end_holds(
  hold_ids text[], new_state text, why text, who text, request text, at timestamptz,
  OUT show_ids text[], OUT performance_ids text[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE seats.holds h SET state = new_state, ended_at = at, end_reason = why
  WHERE h.id = ANY (hold_ids);
  WITH freed AS (
    DELETE FROM seats.claims c USING seats.holds h, unnest(h.seat_nos) AS seat (no)
    WHERE h.id = ANY (hold_ids) AND c.show_id = h.show_id AND c.performance_id = h.performance_id
      AND c.seat_no = seat.no AND c.hold_id = h.id AND c.state = 'held'
    RETURNING c.show_id, c.performance_id, c.seat_no
  )
  SELECT array_agg(f.show_id), array_agg(f.performance_id), array_agg(f.seat_no * 4)
  INTO show_ids, performance_ids, changes FROM freed f;
  PERFORM orders.end_of_holds(hold_ids,
    CASE new_state WHEN 'LAPSED' THEN 'EXPIRED' ELSE 'CANCELLED' END, why, who, request, at);
END $$;

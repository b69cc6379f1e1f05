-- Frees seats. Nothing else deletes a claim, so check here if somebody has a right to a seat before
-- it goes on sale again. It is called when a hold lapses, is released or is taken over, when a
-- payment is declined after the deadline, when an order is cancelled, and when blocked seats are
-- put on sale.
--   hold_ids  holds that have just ended: the seats that they held
--   blocked   seats that the organiser had blocked, in one performance (show, performance); null
--             for none
-- Answers the changes as seats.publish takes them, seat by seat: shows, performances and
-- seat_no * 4 + 0 (free); nulls when nothing was freed. The caller publishes them.
-- Locks: none; the caller holds the stock of every performance and the holds.
-- Called by: seats.end_holds, seats.block.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.free(
  hold_ids text[], show text, performance text, blocked integer[],
  OUT show_ids text[], OUT performance_ids text[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
BEGIN
  WITH freed AS (
    DELETE FROM seats.claims c
    WHERE c.hold_id = ANY (hold_ids) AND c.state = 'held'
    RETURNING c.show_id, c.performance_id, c.seat_no
  )
  SELECT array_agg(f.show_id), array_agg(f.performance_id), array_agg(f.seat_no * 4)
  INTO show_ids, performance_ids, changes FROM freed f;
  IF cardinality(blocked) > 0 THEN
    WITH freed AS (
      DELETE FROM seats.claims c
      WHERE c.show_id = show AND c.performance_id = performance AND c.seat_no = ANY (blocked)
        AND c.state = 'blocked'
      RETURNING c.seat_no
    )
    SELECT show_ids || array_agg(show), performance_ids || array_agg(performance),
      changes || array_agg(f.seat_no * 4)
    INTO show_ids, performance_ids, changes FROM freed f;
  END IF;
END $$;

-- A door for the catalogue: keeps free seats back from the sale, or gives blocked ones to it.
-- Answers the seats that somebody has, and changes nothing then; null when done.
CREATE OR REPLACE FUNCTION seats.block(
  show text, performance text, block_seats integer[], block_grades integer[],
  unblock_seats integer[]
) RETURNS integer[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_indexonlyscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  taken integer[];
  changes integer[];
BEGIN
  PERFORM 1 FROM seats.stock s WHERE s.show_id = show AND s.performance_id = performance FOR UPDATE;
  SELECT array_agg(c.seat_no ORDER BY c.seat_no) INTO taken FROM seats.claims c
  WHERE c.show_id = show AND c.performance_id = performance AND c.seat_no = ANY (block_seats)
    AND c.state <> 'blocked';
  IF taken IS NOT NULL THEN RETURN taken; END IF;
  WITH freed AS (
    DELETE FROM seats.claims c
    WHERE c.show_id = show AND c.performance_id = performance AND c.seat_no = ANY (unblock_seats)
      AND c.state = 'blocked'
    RETURNING c.seat_no
  ), kept AS (
    INSERT INTO seats.claims (show_id, performance_id, seat_no, grade, state, fence)
    SELECT show, performance, b.seat_no, b.grade, 'blocked', nextval('seats.fence')
    FROM unnest(block_seats, block_grades) AS b (seat_no, grade)
    ON CONFLICT DO NOTHING RETURNING seat_no
  )
  SELECT array_agg(f.change) INTO changes
  FROM (SELECT seat_no * 4 AS change FROM freed UNION ALL SELECT seat_no * 4 + 3 FROM kept) f;
  PERFORM seats.publish(array_fill(show, ARRAY[cardinality(changes)]),
    array_fill(performance, ARRAY[cardinality(changes)]), changes, NULL, NULL);
  RETURN NULL;
END $$;

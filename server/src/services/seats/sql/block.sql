-- Blocks free seats, which withholds them from sale, and puts blocked ones on sale; all or nothing.
--   block_seats, block_grades  the seats to block, and the grade of each (its index in the plan)
--   unblock_seats  the seats to put on sale; one that is not blocked stays as it is
-- Answers the seats to block that a buyer has, in which case nothing changes; else null.
-- Locks: the stock of the performance.
-- Called by: the program, within the catalogue's transaction (SeatStock.block).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.block(
  show text, performance text, block_seats integer[], block_grades integer[],
  unblock_seats integer[]
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  taken integer[];
  freed record;
  blocked integer[];
  changed integer;
BEGIN
  PERFORM 1 FROM seats.stock s WHERE s.show_id = show AND s.performance_id = performance FOR UPDATE;
  SELECT array_agg(c.seat_no ORDER BY c.seat_no) INTO taken FROM seats.claims c
  WHERE c.show_id = show AND c.performance_id = performance AND c.seat_no = ANY (block_seats)
    AND c.state <> 'blocked';
  IF taken IS NOT NULL THEN RETURN taken; END IF;
  SELECT * INTO freed FROM seats.free('{}', show, performance, unblock_seats);
  WITH kept AS (
    INSERT INTO seats.claims (show_id, performance_id, seat_no, grade, state, fence)
    SELECT show, performance, b.seat_no, b.grade, 'blocked', nextval('seats.fence')
    FROM unnest(block_seats, block_grades) AS b (seat_no, grade)
    ON CONFLICT DO NOTHING RETURNING seat_no
  )
  SELECT array_agg(k.seat_no * 4 + 3) INTO blocked FROM kept k;
  changed := coalesce(cardinality(freed.changes), 0) + coalesce(cardinality(blocked), 0);
  PERFORM seats.publish(array_fill(show, ARRAY[changed]), array_fill(performance, ARRAY[changed]),
    freed.changes || blocked, NULL, NULL);
  RETURN NULL;
END $$;

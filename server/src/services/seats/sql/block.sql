-- Blocks free seats, which withholds them from sale, and puts blocked ones on sale; all or nothing.
--   block_seats, block_grades  the seats to block, and the grade of each (its index in the plan)
--   unblock_seats  the seats to put on sale; one that is not blocked stays as it is
-- Answers the seats to block that a buyer has, in which case nothing changes; else null.
-- Locks: the stock of the performance.
-- Called by: the program, within the catalogue's transaction (SeatStock.block).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.block(
  performance text, block_seats integer[], block_grades integer[], unblock_seats integer[]
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  stock integer;
  taken integer[];
  changes integer[];
BEGIN
  SELECT s.no INTO stock FROM seats.stock s WHERE s.performance_id = performance FOR UPDATE;
  SELECT array_agg(c.seat_no ORDER BY c.seat_no) INTO taken FROM seats.claims c
  WHERE c.stock_no = stock AND c.seat_no = ANY (block_seats) AND c.hold_id IS NOT NULL;
  IF taken IS NOT NULL THEN RETURN taken; END IF;
  changes := seats.free(stock, unblock_seats, NULL);
  WITH kept AS (
    INSERT INTO seats.claims (stock_no, seat_no, grade)
    SELECT stock, b.seat_no, b.grade FROM unnest(block_seats, block_grades) AS b (seat_no, grade)
    ON CONFLICT DO NOTHING RETURNING seat_no
  )
  SELECT changes || coalesce(array_agg(k.seat_no * 4 + 3 ORDER BY k.seat_no), '{}')
  INTO changes FROM kept k;
  PERFORM seats.notify_changes(seats.publish(
    array_fill(stock, ARRAY[cardinality(changes)]), changes, NULL, NULL));
  RETURN NULL;
END $$;

-- Puts the seats of lapsed holds on sale again, within 1 s of their deadline: the sweeper calls it
-- every 500 ms (seats/module.ts). Skips performances that another transaction has locked; the next
-- call gets them.
--   limit_holds  how many holds at most
-- Answers { lapsed, deltas }: how many holds lapsed, and the deltas (seats.publish).
-- Locks: the stock, skipping locked rows; then the holds, by id.
-- Called by: the program (SeatStore.lapse).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lapse(limit_holds integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  locked text[];
  due text[];
  ending text[];
  ended record;
BEGIN
  locked := ARRAY(
    SELECT s.performance_id FROM (
      SELECT DISTINCT d.show_id, d.performance_id FROM (
        SELECT h.show_id, h.performance_id FROM seats.holds h
        WHERE h.ended_at IS NULL AND h.deadline <= now_at AND h.state = 'ACTIVE'
        ORDER BY h.deadline LIMIT limit_holds) d) w
    JOIN seats.stock s ON s.show_id = ANY (ARRAY[w.show_id])
      AND s.performance_id = ANY (ARRAY[w.performance_id])
    ORDER BY s.show_id, s.performance_id FOR UPDATE OF s SKIP LOCKED);
  IF cardinality(locked) = 0 THEN
    RETURN jsonb_build_object('lapsed', 0, 'deltas', '[]'::jsonb);
  END IF;
  -- By deadline: by id it would read every hold that ever existed.
  due := ARRAY(
    SELECT h.id FROM seats.holds h
    WHERE h.ended_at IS NULL AND h.deadline <= now_at AND h.state = 'ACTIVE'
      AND h.performance_id = ANY (locked)
    ORDER BY h.deadline LIMIT limit_holds);
  PERFORM seats.lock_holds(due);
  -- Before we got the lock, a payment may have begun or the time been restarted.
  ending := ARRAY(
    SELECT h.id FROM unnest(due) AS d (hold_id) JOIN seats.holds h ON h.id = ANY (ARRAY[d.hold_id])
    WHERE h.state = 'ACTIVE' AND h.deadline <= now_at);
  SELECT * INTO ended
  FROM seats.end_holds(ending, 'LAPSED', 'deadline passed', 'seats', 'sweep', now_at);
  RETURN jsonb_build_object('lapsed', cardinality(ending),
    'deltas', seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL));
END $$;

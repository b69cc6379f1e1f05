-- Puts the seats of lapsed holds on sale again, at most limit_holds at once. A performance that
-- somebody else is working on is left for the next round. Answers { lapsed, deltas }.
CREATE OR REPLACE FUNCTION seats.lapse(limit_holds integer) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  locked text[];
  ending text[];
  ended record;
BEGIN
  locked := ARRAY(
    SELECT s.performance_id FROM seats.stock s
    WHERE (s.show_id, s.performance_id) IN (
      SELECT h.show_id, h.performance_id FROM seats.holds h
      WHERE h.state = 'ACTIVE' AND h.deadline <= now_at
      ORDER BY h.deadline LIMIT limit_holds)
    ORDER BY s.show_id, s.performance_id FOR UPDATE SKIP LOCKED);
  ending := ARRAY(
    SELECT h.id FROM seats.holds h
    WHERE h.performance_id = ANY (locked) AND h.state = 'ACTIVE' AND h.deadline <= now_at
    ORDER BY h.id LIMIT limit_holds FOR UPDATE);
  SELECT * INTO ended
  FROM seats.end_holds(ending, 'LAPSED', 'deadline passed', 'seats', 'sweep', now_at);
  RETURN jsonb_build_object('lapsed', cardinality(ending),
    'deltas', seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL));
END $$;

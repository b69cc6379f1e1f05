-- Gives seats back that their buyers no longer want. Answers { results: [outcome], deltas }.
-- Outcomes: released, not-found, ended (it was over, or a payment is on its way).
CREATE OR REPLACE FUNCTION seats.release(
  hold_ids text[], buyer_ids text[], why text, request_ids text[]
) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_indexonlyscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_at timestamptz;
  ending text[];
  results jsonb;
  ended record;
BEGIN
  PERFORM seats.lock_stock_of(hold_ids);
  PERFORM seats.lock_holds(hold_ids);
  now_at := clock_timestamp();
  SELECT array_agg(h.id) FILTER (WHERE h.state = 'ACTIVE' AND h.deadline > now_at),
    jsonb_agg(CASE
      WHEN h.id IS NULL THEN 'not-found'
      WHEN h.state = 'ACTIVE' AND h.deadline > now_at THEN 'released'
      ELSE 'ended' END ORDER BY asked.position)
  INTO ending, results
  FROM unnest(hold_ids, buyer_ids) WITH ORDINALITY AS asked (id, buyer_id, position)
  LEFT JOIN seats.holds h
    ON h.id = ANY (ARRAY[asked.id]) AND h.buyer_id = ANY (ARRAY[asked.buyer_id]);
  SELECT * INTO ended FROM seats.end_holds(coalesce(ending, '{}'), 'RELEASED', why, 'buyer',
    request_ids[1], now_at);
  RETURN jsonb_build_object('results', results,
    'deltas', seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL));
END $$;

-- Releases holds that their buyers no longer want: frees their seats at once, and cancels
-- (CANCELLED) an order that waits for its payment.
--   why, request_ids  for the trail
-- Answers { columns: { outcome }, deltas }: an array in the order of the requests, and the deltas
-- (seats.publish).
-- Outcomes: released, not-found, ended (its time has passed, or a payment is under way).
-- Locks: the stock, then the holds.
-- Called by: the program (SeatStore.release).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.release(
  hold_ids text[], buyer_ids text[], why text, request_ids text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  ending text[];
  outcomes jsonb;
  ended record;
BEGIN
  PERFORM seats.lock_stock(hold_ids);
  PERFORM seats.lock_holds(hold_ids);
  now_at := clock_timestamp();
  SELECT array_agg(h.id) FILTER (WHERE h.state = 'ACTIVE' AND h.deadline > now_at),
    jsonb_agg(CASE
      WHEN h.id IS NULL THEN 'not-found'
      WHEN h.state = 'ACTIVE' AND h.deadline > now_at THEN 'released'
      ELSE 'ended' END ORDER BY asked.position)
  INTO ending, outcomes
  FROM unnest(hold_ids, buyer_ids) WITH ORDINALITY AS asked (id, buyer_id, position)
  LEFT JOIN seats.holds h
    ON h.id = ANY (ARRAY[asked.id]) AND h.buyer_id = ANY (ARRAY[asked.buyer_id]);
  SELECT * INTO ended FROM seats.end_holds(coalesce(ending, '{}'), 'RELEASED', why, 'buyer',
    request_ids[1], now_at);
  RETURN jsonb_build_object('columns', jsonb_build_object('outcome', outcomes),
    'deltas', seats.publish(ended.show_ids, ended.performance_ids, ended.changes, NULL, NULL));
END $$;

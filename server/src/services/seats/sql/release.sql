-- Releases holds that their buyers no longer want: frees their seats at once, and cancels
-- (CANCELLED) an order that waits for its payment.
--   calls  [{ holdId, buyerId, requestId }]
-- Answers { results: [outcome], deltas }: the outcomes in the order of the calls, the deltas as
-- seats.publish makes them.
-- Outcomes: released, not-found, ended (its time has passed, or a payment is under way).
-- Locks: the stock, by number; the holds, by id; their orders.
-- Called by: the program (SeatStore.release).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.release(calls json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  hold_ids text[] := ARRAY(SELECT c->>'holdId' FROM json_array_elements(calls) c);
  now_at timestamptz;
  asked record;
  outcomes text[] := '{}';
  released text[] := '{}';
  ended record;
  stock_nos integer[] := '{}';
  changes integer[] := '{}';
BEGIN
  PERFORM seats.lock_stock(ARRAY(
    SELECT h.stock_no FROM seats.holds h WHERE h.id = ANY (hold_ids)));
  PERFORM seats.lock_holds(hold_ids);
  now_at := clock_timestamp();
  FOR asked IN
    SELECT c.*, h.id, h.state, h.deadline
    FROM ROWS FROM (json_to_recordset(calls)
      AS ("holdId" text, "buyerId" text, "requestId" text)) WITH ORDINALITY
      AS c (hold_id, buyer_id, request_id, position)
    LEFT JOIN seats.holds h
      ON h.id = ANY (ARRAY[c.hold_id]) AND h.buyer_id = ANY (ARRAY[c.buyer_id])
    ORDER BY c.position
  LOOP
    IF asked.id IS NULL THEN
      outcomes := outcomes || 'not-found'::text;
    ELSIF asked.state <> 'ACTIVE' OR asked.deadline <= now_at THEN
      outcomes := outcomes || 'ended'::text;
    ELSE
      outcomes := outcomes || 'released'::text;
      -- Asked for twice in one batch, it is released once: both asked for the same.
      CONTINUE WHEN asked.id = ANY (released);
      released := released || asked.id;
      SELECT * INTO ended FROM seats.end_holds(ARRAY[asked.id], 'RELEASED',
        'released by the buyer', 'buyer', asked.request_id, now_at);
      stock_nos := stock_nos || ended.stock_nos;
      changes := changes || ended.changes;
    END IF;
  END LOOP;
  RETURN json_build_object('results', outcomes,
    'deltas', seats.publish(stock_nos, changes, NULL, NULL));
END $$;

-- Puts the seats of lapsed holds on sale again, within 1 s of their deadline: the sweeper calls it
-- every 500 ms (seats/module.ts). It looks at the holds that have become due since the last time
-- (`seats.sweeper`). Seats of a performance that another transaction has locked are left for the
-- next time.
--   limit_holds  how many holds it looks at
-- Answers { lapsed, deltas }: how many holds lapsed, and the deltas (seats.publish).
-- Locks: the sweeper's row, unless another process sweeps; the stock, by number, skipping locked
-- rows; the holds, by id; their orders.
-- Called by: the program (SeatStore.lapse).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.lapse(limit_holds integer) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  from_at timestamptz;
  until_at timestamptz;
  due record;
  locked integer[];
  reachable text[];
  ending text[];
  ended record;
BEGIN
  -- A clock that was ahead and is right again must not hide the holds of between.
  SELECT least(s.swept_until, now_at) INTO from_at FROM seats.sweeper s FOR UPDATE SKIP LOCKED;
  -- Null if another process sweeps: nothing is due after that.
  IF NOT EXISTS (SELECT FROM seats.holds h WHERE h.due > from_at AND h.due <= now_at) THEN
    RETURN json_build_object('lapsed', 0, 'deltas', '[]'::json);
  END IF;
  SELECT array_agg(d.id) AS ids, array_agg(d.stock_no) AS stock_nos, max(d.due) AS last_at,
    count(*) AS count
  INTO due FROM (
    SELECT h.id, h.stock_no, h.due FROM seats.holds h
    WHERE h.due > from_at AND h.due <= now_at AND h.state = 'ACTIVE'
    ORDER BY h.due LIMIT limit_holds) d;
  locked := ARRAY(
    SELECT s.no FROM seats.stock s WHERE s.no = ANY (due.stock_nos)
    ORDER BY s.no FOR UPDATE SKIP LOCKED);
  reachable := ARRAY(
    SELECT d.id FROM unnest(due.ids, due.stock_nos) AS d (id, stock_no)
    WHERE d.stock_no = ANY (locked));
  PERFORM seats.lock_holds(reachable);
  -- Before we got the lock, a payment may have begun or the time been restarted.
  ending := ARRAY(
    SELECT h.id FROM seats.holds h
    WHERE h.id = ANY (reachable) AND h.state = 'ACTIVE' AND h.deadline <= now_at);
  SELECT * INTO ended
  FROM seats.end_holds(ending, 'LAPSED', 'deadline passed', 'seats', 'sweep', now_at);
  -- A hold whose time was restarted is due again at its new deadline. One that is being paid for is
  -- due again when it is given back.
  UPDATE seats.holds h SET due = h.deadline
  WHERE h.id = ANY (reachable) AND h.state = 'ACTIVE';
  -- Every ACTIVE hold must be due after `swept_until`, also one that is being committed. A new one
  -- is due in minutes; one that is given back may be due at once, and its transaction lasts 10 s at
  -- most (statement_timeout) and its commit. Of equal ones the limit may have left some out.
  until_at := now_at - interval '15 s';
  IF due.count = limit_holds THEN
    until_at := least(until_at, due.last_at - interval '1 microsecond');
  END IF;
  UPDATE seats.sweeper s SET swept_until = greatest(from_at, least(until_at, (
    SELECT min(h.due) - interval '1 microsecond' FROM seats.holds h
    WHERE h.id = ANY (due.ids) AND h.state = 'ACTIVE')));
  RETURN json_build_object('lapsed', cardinality(ending),
    'deltas', seats.publish(ended.stock_nos, ended.changes, NULL, NULL));
END $$;

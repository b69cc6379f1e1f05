-- A door for payments. Raises the version of every changed performance and updates its count of
-- taken seats.
--   stock_nos, changes  parallel arrays, in the order in which it happened; a change is
--             seat_no * 4 + shown state (0 free, 1 held, 2 sold, 3 blocked)
--   holders   for each change the end of the buyer's id, so that a process can tell a buyer's own
--             seat from somebody else's, or ''; null when nothing is held
--   deadline  until when the seats newly held here are held
-- Answers the deltas: [{ performanceId, version, changes, holders, deadlineMs }], one for each
-- performance. The program sends them to the other processes.
-- Locks: none; the caller holds the stock.
-- Called by: seats.take, seats.release, seats.lapse, seats.block, seats.release_for_order,
-- payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.publish(
  stock_nos integer[], changes integer[], holders text[], deadline timestamptz
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  deltas json;
BEGIN
  WITH changed AS (
    SELECT c.stock_no, array_agg(c.change ORDER BY c.position) AS changes,
      array_agg(coalesce(c.holder, '') ORDER BY c.position) AS holders,
      -- A seat that is now free was taken, one that is now held or blocked was free, a sold one was
      -- held.
      sum(CASE c.change & 3 WHEN 0 THEN -1 WHEN 2 THEN 0 ELSE 1 END) AS taken
    FROM unnest(stock_nos, changes, holders)
      WITH ORDINALITY AS c (stock_no, change, holder, position)
    GROUP BY c.stock_no
  ), raised AS (
    UPDATE seats.stock s SET version = s.version + 1, taken = s.taken + c.taken FROM changed c
    WHERE s.no = ANY (ARRAY[c.stock_no])
    RETURNING s.performance_id, s.version, c.changes, c.holders
  )
  SELECT json_agg(json_build_object('performanceId', r.performance_id, 'version', r.version,
    'changes', r.changes, 'holders', r.holders,
    'deadlineMs', floor(extract(epoch FROM deadline) * 1000)::bigint))
  INTO deltas FROM raised r;
  RETURN coalesce(deltas, '[]');
END $$;

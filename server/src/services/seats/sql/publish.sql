-- Increments the version of every changed performance, updates its count of taken seats, and
-- notifies all processes of the changes.
--   changes   seat_no * 4 + shown state (0 free, 1 held, 2 sold, 3 blocked), in the order in which
--             they happened; show_ids and performance_ids are parallel arrays
--   holders   for each change the end of the buyer's id, so that a process can tell a buyer's own
--             seat from somebody else's, or ''; null when nothing is held
--   deadline  until when the seats newly held here are held
-- Answers the deltas: [{ performanceId, version, changes, holders, deadlineMs }], one for each
-- performance.
-- Locks: none; the caller holds the stock.
-- Called by: seats.take, seats.release, seats.lapse, seats.block, seats.sell, seats.give_back,
-- seats.release_for_order.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.publish(
  show_ids text[], performance_ids text[], changes integer[], holders text[], deadline timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  deltas jsonb;
  delta jsonb;
BEGIN
  WITH changed AS (
    SELECT c.show_id, c.performance_id, jsonb_agg(c.change ORDER BY c.position) AS changes,
      jsonb_agg(coalesce(c.holder, '') ORDER BY c.position) AS holders,
      -- A seat that is now free was taken, one that is now held or blocked was free, a sold one was
      -- held.
      sum(CASE c.change & 3 WHEN 0 THEN -1 WHEN 2 THEN 0 ELSE 1 END) AS taken
    FROM unnest(show_ids, performance_ids, changes, holders)
      WITH ORDINALITY AS c (show_id, performance_id, change, holder, position)
    GROUP BY c.show_id, c.performance_id
  ), raised AS (
    UPDATE seats.stock s SET version = s.version + 1, taken = s.taken + c.taken FROM changed c
    WHERE s.show_id = ANY (ARRAY[c.show_id]) AND s.performance_id = ANY (ARRAY[c.performance_id])
    RETURNING s.performance_id, s.version, c.changes, c.holders
  )
  SELECT jsonb_agg(jsonb_build_object('performanceId', performance_id, 'version', version,
    'changes', raised.changes, 'holders', raised.holders,
    'deadlineMs', floor(extract(epoch FROM deadline) * 1000)::bigint))
  INTO deltas FROM raised;
  FOR delta IN SELECT value FROM jsonb_array_elements(coalesce(deltas, '[]')) LOOP
    -- A notification holds 8,000 bytes; a process that gets one without changes reads the seats
    -- again.
    PERFORM pg_notify('seats_changed', CASE
      WHEN octet_length(delta::text) < 7900 THEN delta::text
      ELSE (delta - 'changes' - 'holders')::text END);
  END LOOP;
  RETURN coalesce(deltas, '[]');
END $$;

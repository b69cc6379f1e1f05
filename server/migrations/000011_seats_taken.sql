-- Up Migration
-- How many seats of a performance are not free, kept where its version is: whether a show is sold
-- out was found by counting its claims, 7 ms for 20,000 of them, after every batch of orders. That
-- more seats are taken than there are is the database's to refuse, too.
-- Breaks nothing while it sells: nobody changes a seat without locking its stock, and from the end
-- of this transaction on whoever does counts (seats.publish is as in services/seats/sql of now).

LOCK TABLE seats.stock IN EXCLUSIVE MODE;
ALTER TABLE seats.stock ADD COLUMN taken integer NOT NULL DEFAULT 0;
UPDATE seats.stock s SET taken = (
  SELECT count(*) FROM seats.claims c
  WHERE c.show_id = s.show_id AND c.performance_id = s.performance_id);
ALTER TABLE seats.stock ADD CONSTRAINT stock_taken CHECK (taken BETWEEN 0 AND seat_count);

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
      -- A seat that is free now was taken, one that is held or blocked was free, a sold one held.
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
    -- A notification holds 8,000 bytes; whoever gets one without changes reads the seats again.
    PERFORM pg_notify('seats_changed', CASE
      WHEN octet_length(delta::text) < 7900 THEN delta::text
      ELSE (delta - 'changes' - 'holders')::text END);
  END LOOP;
  RETURN coalesce(deltas, '[]');
END $$;

-- Up Migration
-- The number of seats of a performance that are not free, stored next to its version. Before, every
-- batch of orders counted the claims to find out whether a show is sold out: 7 ms for 20,000
-- claims. The database also refuses to take more seats than there are. Safe during a sale: nobody
-- changes a seat without locking its stock, and every change after this transaction counts
-- (seats.publish is the same as in services/seats/sql at this version).

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
      -- A seat that is free now was taken; one that is held or blocked was free; a sold one was
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
    -- A notification has at most 8,000 bytes; receivers of one without changes reload the seats.
    PERFORM pg_notify('seats_changed', CASE
      WHEN octet_length(delta::text) < 7900 THEN delta::text
      ELSE (delta - 'changes' - 'holders')::text END);
  END LOOP;
  RETURN coalesce(deltas, '[]');
END $$;

-- A door for payments. HELD → PAYING with a new fence: from here on no lapse can happen. The
-- holds must be ACTIVE and distinct.
-- Answers the fences of the holds, in the same order; fails if one of them was not ACTIVE.
-- Locks: none; the caller holds the holds.
-- Called by: payments.begin.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.begin_paying(hold_ids text[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
  fences bigint[];
  begun integer;
BEGIN
  SELECT array_agg(nextval('seats.fence')) INTO fences FROM unnest(hold_ids);
  WITH begun AS (
    UPDATE seats.holds h SET state = 'PAYING', fence = f.fence
    FROM unnest(hold_ids, fences) AS f (hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.state = 'ACTIVE'
    RETURNING h.id, h.fence
  ), claimed AS (
    UPDATE seats.claims c SET state = 'paying', deadline = NULL, fence = b.fence
    FROM begun b
    WHERE c.hold_id = ANY (ARRAY[b.id]) AND c.state = 'held'
  )
  SELECT count(*) INTO begun FROM begun;
  IF begun <> cardinality(hold_ids) THEN
    RAISE EXCEPTION 'assertion failed: % of % holds began to be paid',
      begun, cardinality(hold_ids);
  END IF;
  RETURN fences;
END $$;

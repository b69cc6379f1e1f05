-- How far the journal is final. An entry gets its number before its transaction commits, so a lower
-- number can appear after a higher one; a cursor may pass only entries that cannot change any more.
-- known_seq: how far the caller knows already.
-- last_seq: the last number that was taken. below: every number up to last_seq was taken by a
-- transaction with a lower id than this; null if there is nothing beyond known_seq.
-- oldest: the lowest id of a running transaction. Once oldest >= below, everything up to last_seq
-- is committed or rolled back.
-- The order of the three statements is the proof: writers take their id before their number, so the
-- writers of all numbers up to last_seq had theirs before ours, which is higher. The upper end of a
-- snapshot would not do for it: transactions that still run may have ids above it.
-- Locks: none.
-- Called by: the relay of every process, each round.
CREATE OR REPLACE FUNCTION platform.note_horizon(known_seq bigint)
RETURNS TABLE (last_seq bigint, below bigint, oldest bigint)
LANGUAGE plpgsql AS $$
BEGIN
  SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO last_seq
  FROM platform.journal_seq_seq s;
  IF last_seq > known_seq THEN
    below := pg_current_xact_id()::text::bigint;
  END IF;
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint INTO oldest;
  RETURN NEXT;
END $$;

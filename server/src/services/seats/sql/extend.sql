-- Restarts the time of a hold at its buyer's request (seats.restart_deadline).
--   ttl  how long a hold lasts from now
-- Outcomes: extended, not-found, ended, extended-before.
-- Locks: the hold.
-- Called by: the program (SeatStore.extend).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.extend(hold text, buyer text, ttl interval) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  h seats.holds;
  now_at timestamptz;
  new_deadline timestamptz;
BEGIN
  SELECT * INTO h FROM seats.holds WHERE id = hold AND buyer_id = buyer FOR UPDATE;
  now_at := clock_timestamp();
  IF h.id IS NULL THEN RETURN 'not-found'; END IF;
  IF h.state <> 'ACTIVE' OR h.deadline <= now_at THEN RETURN 'ended'; END IF;
  new_deadline := seats.restart_deadline(h, ttl, now_at);
  IF new_deadline IS NULL THEN RETURN 'extended-before'; END IF;
  UPDATE seats.holds SET deadline = new_deadline, extended_at = now_at WHERE id = h.id;
  RETURN 'extended';
END $$;

-- Finds the attempts that a crash left as SENT, without an answer: recovery calls it every second
-- (payments/module.ts). It looks at the attempts that were sent since the last time
-- (`payments.recovery`); those that are left to recovery have an index of their own.
--   older_than_ms   how long ago they were sent at least: longer than any call lasts
--   limit_attempts  how many it answers at most
-- Answers [id], the first sent first.
-- Locks: recovery's row.
-- Called by: the program (PaymentStore.findSilent).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.find_silent(older_than_ms bigint, limit_attempts integer)
RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz := clock_timestamp();
  -- An attempt is sent at the start of a statement of 10 s at most (statement_timeout). If it was
  -- sent before this instant and is still being committed, its transaction has an id by now.
  final_at timestamptz := now_at - interval '15 s';
  until_at timestamptz := now_at - older_than_ms * interval '1 millisecond';
  from_at timestamptz;
  oldest_at timestamptz;
  found record;
BEGIN
  SELECT r.checked_until INTO from_at FROM payments.recovery r;
  -- The clock was ahead, and is right again: what was sent since then may be before `from_at`.
  IF from_at > final_at THEN from_at := now_at - interval '1 day'; END IF;
  IF NOT EXISTS (
    SELECT FROM payments.attempts t WHERE t.sent_at > from_at AND t.sent_at <= until_at)
  THEN
    RETURN '[]'::json;
  END IF;
  -- An attempt that is being committed is not visible yet; it is sent after its transaction starts.
  -- Read before the attempts: what ends between the two statements is visible to the second.
  SELECT min(a.xact_start) INTO oldest_at FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL
    AND a.pid <> pg_backend_pid();
  SELECT coalesce(json_agg(s.id ORDER BY s.sent_at, s.id), '[]'::json) AS ids,
    min(s.sent_at) AS first_at
  INTO found FROM (
    SELECT t.id, t.sent_at FROM payments.attempts t
    WHERE t.sent_at > from_at AND t.sent_at <= until_at AND t.state = 'SENT'
      AND t.left_since IS NULL
    ORDER BY t.sent_at LIMIT limit_attempts) s;
  -- Those that are found are looked at again, until the program has marked them. The limit leaves
  -- out only later ones.
  UPDATE payments.recovery r SET checked_until = greatest(from_at, least(until_at, final_at,
    oldest_at - interval '1 microsecond', found.first_at - interval '1 microsecond'));
  RETURN found.ids;
END $$;

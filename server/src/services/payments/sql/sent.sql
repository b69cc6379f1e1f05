-- SENT, before the provider is called. Answers the attempts that may be sent.
CREATE OR REPLACE FUNCTION payments.mark_sent(attempt_ids text[]) RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_indexonlyscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  sent text[];
BEGIN
  WITH sending AS (
    UPDATE payments.attempts a SET state = 'SENT', sent_at = clock_timestamp()
    FROM unnest(attempt_ids) AS asked (attempt_id)
    WHERE a.id = ANY (ARRAY[asked.attempt_id]) AND a.state = 'SEATS_LOCKED' RETURNING a.id
  )
  SELECT coalesce(array_agg(s.id), '{}') INTO sent FROM sending s;
  RETURN sent;
END $$;

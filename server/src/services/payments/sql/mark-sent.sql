-- SEATS_LOCKED → SENT, committed before the provider is called: an attempt found before it was not
-- sent, one found after it has an unknown outcome until the provider answers.
-- Answers the attempts that may be sent; another process has sent the others.
-- Locks: the attempts.
-- Called by: the program (PaymentStore.markSent).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.mark_sent(attempt_ids text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
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

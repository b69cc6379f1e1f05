-- ANSWERED: definite answers of the provider (texts of jsonb) are kept before they are acted on.
CREATE OR REPLACE FUNCTION payments.mark_answered(attempt_ids text[], answers text[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_indexonlyscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  UPDATE payments.attempts a SET state = 'ANSWERED', answered_at = clock_timestamp(),
    answer = given.answer::jsonb
  FROM unnest(attempt_ids, answers) AS given (attempt_id, answer)
  WHERE a.id = ANY (ARRAY[given.attempt_id]) AND a.state = 'SENT';
END $$;

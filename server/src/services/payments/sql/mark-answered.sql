-- SENT → ANSWERED: stores definite answers of the provider before they take effect.
-- Attempts in another state stay as they are.
--   answers  texts of jsonb, see StoredAnswer in payments/store.ts
-- Locks: the attempts.
-- Called by: the program (PaymentStore.markAnswered).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.mark_answered(attempt_ids text[], answers text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE payments.attempts a SET state = 'ANSWERED', answered_at = clock_timestamp(),
    answer = given.answer::jsonb
  FROM unnest(attempt_ids, answers) AS given (attempt_id, answer)
  WHERE a.id = ANY (ARRAY[given.attempt_id]) AND a.state = 'SENT';
END $$;

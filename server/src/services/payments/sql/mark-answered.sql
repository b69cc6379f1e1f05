-- SENT → ANSWERED: keeps a definite answer of the provider whose settlement failed. Attempts in
-- another state stay as they are.
--   calls  [{ attemptId, answer }], see StoredAnswer in payments/store.ts
-- Answers { results: [null] }, one for each call.
-- Locks: the attempts, in the order of the calls.
-- Called by: the program (PaymentStore.markAnswered).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.mark_answered(calls json) RETURNS json
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE payments.attempts t SET state = 'ANSWERED', answered_at = clock_timestamp(),
    left_since = coalesce(t.left_since, clock_timestamp()), answer = given.answer
  FROM json_to_recordset(calls) AS given ("attemptId" text, answer json)
  WHERE t.id = ANY (ARRAY[given."attemptId"]) AND t.state = 'SENT';
  RETURN json_build_object('results',
    array_fill(NULL::text, ARRAY[json_array_length(calls)]));
END $$;

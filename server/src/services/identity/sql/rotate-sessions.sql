-- Checks a batch of refresh tokens and renews the sessions of the valid ones, in one call.
-- Element n of the arrays is one token; the answer has one row for each, in order:
--   current   the token was the valid one: its session is now at the next generation
--   repeated  it was used since p_grace_from (a lost answer, two tabs): the caller gets the
--             generation that is valid now, so the session never forks
--   reused    it was used before that, so two clients have it: the session is now ended
--   ended     its session was logged out, ended for reuse, or has expired
--   unknown   the session does not exist
-- A reused token ends the session for all tokens of the batch.
-- Locks: the sessions, by id.
-- Called by: the program (identity/store.ts, rotate).
CREATE OR REPLACE FUNCTION identity.rotate_sessions(
  p_ids text[],
  p_secret_hashes bytea[],
  p_generations integer[],
  p_request_ids text[],
  p_now timestamptz,
  p_grace_from timestamptz,
  p_ends_at timestamptz,
  p_life_max interval
) RETURNS TABLE (
  verdict text,
  generation integer,
  ends_at timestamptz,
  account_id text,
  email text,
  name text,
  role text,
  locale text,
  created_at timestamptz
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  -- Always in the same order, so that two batches cannot deadlock. The next statement sees what the
  -- previous lock holder has committed.
  PERFORM FROM identity.sessions WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE;
  RETURN QUERY
  WITH asked AS (
    SELECT * FROM unnest(p_ids, p_secret_hashes, p_generations, p_request_ids)
      WITH ORDINALITY AS t (id, secret_hash, generation, request_id, i)
  ), judged AS (
    SELECT asked.i, asked.request_id, s.id, s.account_id, s.generation, s.ends_at,
      CASE
        WHEN s.id IS NULL THEN 'unknown'
        WHEN s.ended_at IS NOT NULL OR s.ends_at <= p_now THEN 'ended'
        WHEN asked.generation = s.generation THEN 'current'
        WHEN s.retired_at[s.generation - asked.generation] > p_grace_from THEN 'repeated'
        ELSE 'reused'
      END AS verdict
    FROM asked
    LEFT JOIN identity.sessions s ON s.id = asked.id AND s.secret_hash = asked.secret_hash
  ), ended AS (
    UPDATE identity.sessions s SET ended_at = p_now
    FROM (
      SELECT DISTINCT ON (id) id, request_id FROM judged WHERE verdict = 'reused' ORDER BY id, i
    ) twice
    WHERE s.id = twice.id
    RETURNING s.id, s.account_id, twice.request_id
  ), noted AS (
    INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
    SELECT p_now, 'system', 'session.ended', account_id, id, 'a refresh token was used twice',
      request_id
    FROM ended
  ), renewed AS (
    UPDATE identity.sessions s
    SET generation = s.generation + 1,
      -- Nobody uses more than ten within the grace period; older ones count as reused.
      retired_at = p_now || s.retired_at[1:9],
      ends_at = least(p_ends_at, s.started_at + p_life_max)
    WHERE s.id IN (SELECT id FROM judged WHERE verdict = 'current')
      AND s.id NOT IN (SELECT id FROM judged WHERE verdict = 'reused')
    RETURNING s.id, s.generation, s.ends_at
  )
  SELECT CASE WHEN ended.id IS NULL THEN judged.verdict ELSE 'reused' END,
    coalesce(renewed.generation, judged.generation), coalesce(renewed.ends_at, judged.ends_at),
    a.id, a.email, a.name, a.role, a.locale, a.created_at
  FROM judged
  LEFT JOIN ended ON ended.id = judged.id
  LEFT JOIN renewed ON renewed.id = judged.id
  LEFT JOIN identity.accounts a ON a.id = judged.account_id
  ORDER BY judged.i;
END $$;

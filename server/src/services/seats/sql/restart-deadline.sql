-- Decides the new deadline of a hold whose time is restarted. The rule: a hold lasts 7 minutes
-- (`ttl`) from the moment it is taken; its time restarts once, with the order or at the buyer's
-- request; and it never lasts more than 15 minutes in total (`ends_by`, set when it was taken).
-- Answers the new deadline, which the caller writes together with `extended_at`; null if the time
-- was already restarted. It becomes part of the caller's statement.
-- Locks: none; the caller holds the hold.
-- Called by: seats.attach_orders, seats.extend.
CREATE OR REPLACE FUNCTION seats.restart_deadline(
  hold seats.holds, ttl interval, at timestamptz
) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN hold.extended_at IS NULL
    THEN greatest(hold.deadline, least(at + ttl, hold.ends_by)) END
$$;

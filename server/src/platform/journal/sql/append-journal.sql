-- The journal's door for other functions: appends entries in the caller's transaction, in the given
-- order. An entry is a transition of an order, an event for other services, or both in one.
--   entries  null or empty: nothing is appended. What the fields mean stands at the table
--            platform.journal (migrations/000018_journal.sql).
-- Locks: none.
-- Called by: the functions of services that move orders, and the program (appendEvents).
CREATE OR REPLACE FUNCTION platform.append_journal(entries platform.journal_entry[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  -- Before the first number is taken: see note-horizon.sql.
  PERFORM pg_current_xact_id();
  INSERT INTO platform.journal (at, show_id, type, order_id, from_state, to_state, actor, reason,
    request_id, payload)
  SELECT e.at, e.show_id, e.type, e.order_id, e.from_state, e.to_state, e.actor, e.reason,
    e.request_id, e.payload
  FROM unnest(entries) WITH ORDINALITY AS e
  ORDER BY e.ordinality;
END $$;

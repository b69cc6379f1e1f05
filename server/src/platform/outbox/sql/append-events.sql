-- The outbox's door for other functions: writes events in the caller's transaction, in the given
-- order.
-- events: [{ id, showId, type, payload, traceId? }]
-- traceId is that of the request that caused the event; anything else (a job's name) is omitted.
-- Locks: none.
-- Called by: the functions and stores of services that publish events.
CREATE OR REPLACE FUNCTION platform.append_events(events jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  -- Before the first number is taken: see note-horizon.sql.
  PERFORM pg_current_xact_id();
  INSERT INTO platform.outbox (id, show_id, type, payload, trace_id)
  SELECT e.value->>'id', e.value->>'showId', e.value->>'type', e.value->'payload',
    substring(e.value->>'traceId' FROM '^[0-9a-f]{32}$')
  FROM jsonb_array_elements(events) WITH ORDINALITY AS e (value, position)
  ORDER BY e.position;
END $$;

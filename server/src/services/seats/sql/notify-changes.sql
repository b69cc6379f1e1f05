-- Notifies all processes of changes of the seat map. PostgreSQL holds one lock over every commit
-- that notifies, whatever it is about, until it is on disk: so holds and sales do not notify in
-- their own transaction. The program does it afterwards, for many of them at once, in one that
-- waits for no disk; what is lost in a crash is noticed by its version (SeatStore.versions).
--   deltas  as seats.publish makes them
-- Locks: none.
-- Called by: seats.block, the program (SeatStore.notifyChanges).
-- Plans: it reads no table.
CREATE OR REPLACE FUNCTION seats.notify_changes(deltas json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- A notification holds 8,000 bytes; a process that gets one without changes reads the seats
  -- again.
  PERFORM pg_notify('seats_changed', CASE
    WHEN octet_length(d::text) < 7900 THEN d::text
    ELSE json_build_object('performanceId', d->'performanceId', 'version', d->'version')::text END)
  FROM json_array_elements(deltas) d;
END $$;

-- A door for orders. Reads by which painting the seats of a performance are sold. It is fixed by
-- the first hold, so a caller that has read one of its holds needs no lock. Planned as
-- part of the caller's statement: FROM holds, LATERAL seats.read_painting(show, performance).
-- Locks: none.
-- Called by: orders.place.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.read_painting(show text, performance text)
RETURNS TABLE (version text) LANGUAGE sql STABLE AS $$
  SELECT s.painting_version FROM seats.stock s
  WHERE s.show_id = show AND s.performance_id = performance OFFSET 0
$$;

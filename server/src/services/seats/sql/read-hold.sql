-- A door for orders and payments. Reads a hold as it is now; no row if there is none. Planned as
-- part of the caller's statement: FROM ids, LATERAL seats.read_hold(id).
-- Locks: none; the caller holds the hold when it judges by what it reads.
-- Called by: orders.place, payments.begin, payments.open_attempt.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.read_hold(hold_id text) RETURNS SETOF seats.holds
LANGUAGE sql STABLE AS $$
  SELECT * FROM seats.holds h WHERE h.id = ANY (ARRAY[hold_id])
$$;

-- Formats an instant as events carry it: ISO 8601, UTC, milliseconds.
-- Locks: none.
-- Called by: orders.move, orders.place.
CREATE OR REPLACE FUNCTION orders.format_instant(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

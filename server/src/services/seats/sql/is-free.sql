-- Whether nobody has a seat at an instant; a hold past its deadline does not count.
CREATE OR REPLACE FUNCTION seats.is_free(show text, performance text, seat integer, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (
    SELECT FROM seats.claims c
    WHERE c.show_id = show AND c.performance_id = performance AND c.seat_no = seat
      AND NOT (c.state = 'held' AND c.deadline <= at))
$$;

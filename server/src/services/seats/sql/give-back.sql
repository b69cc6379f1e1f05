-- A door for payments. A payment was definitely declined: PAYING → ACTIVE until the hold's
-- deadline, so that the buyer can pay in another way; after the deadline the hold lapses and its
-- seats are free. A hold with another fence stays as it is.
--   places, hold_ids, fences  parallel arrays, by hold; a hold is named once
--   why  for the trail
-- Answers the places of the holds that were given back, and the changes as seats.publish takes
-- them.
-- Locks: the holds, in the order of the list; the caller holds the stock.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.give_back(
  places integer[], hold_ids text[], fences bigint[], why text, at timestamptz,
  OUT given_back integer[], OUT stock_nos integer[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
DECLARE
  hold record;
  lapsed text[] := '{}';
BEGIN
  given_back := '{}';
  FOR hold IN
    UPDATE seats.holds h SET state = 'ACTIVE', order_id = NULL,
      -- The sweeper may have passed the first one.
      due = h.deadline
    FROM unnest(places, hold_ids, fences) AS f (place, hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING f.place, h.id, h.deadline
  LOOP
    given_back := given_back || hold.place;
    IF hold.deadline <= at THEN lapsed := lapsed || hold.id; END IF;
  END LOOP;
  SELECT e.stock_nos, e.changes INTO stock_nos, changes
  FROM seats.end_holds(lapsed, 'LAPSED', why, 'payments', 'settle', at) e;
END $$;

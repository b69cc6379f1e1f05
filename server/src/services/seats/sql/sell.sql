-- A door for payments. PAYING → SOLD for the holds that are still under the given fence: an
-- outdated attempt sells nothing.
--   places, hold_ids, fences  parallel arrays, by hold; a hold is named once
-- Answers the places of the holds that were sold, and the changes as seats.publish takes them.
-- Locks: the holds, in the order of the list; the caller holds the stock.
-- Called by: payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.sell(
  places integer[], hold_ids text[], fences bigint[], at timestamptz,
  OUT sold integer[], OUT stock_nos integer[], OUT changes integer[]
) LANGUAGE plpgsql AS $$
DECLARE
  hold record;
BEGIN
  sold := '{}';
  stock_nos := '{}';
  changes := '{}';
  FOR hold IN
    UPDATE seats.holds h SET state = 'SOLD', ended_at = at, end_reason = 'sold'
    FROM unnest(places, hold_ids, fences) AS f (place, hold_id, fence)
    WHERE h.id = ANY (ARRAY[f.hold_id]) AND h.fence = f.fence AND h.state = 'PAYING'
    RETURNING f.place, h.stock_no, h.seat_nos
  LOOP
    sold := sold || hold.place;
    stock_nos := stock_nos || array_fill(hold.stock_no, ARRAY[cardinality(hold.seat_nos)]);
    changes := changes || ARRAY(SELECT seat_no * 4 + 2 FROM unnest(hold.seat_nos) AS seat_no);
  END LOOP;
END $$;

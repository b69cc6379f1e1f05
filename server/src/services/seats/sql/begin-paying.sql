-- A door for payments. ACTIVE → PAYING with a new fence: from here on no lapse can happen. Before
-- it, a lapse wins.
--   places, hold_ids, order_ids  parallel arrays, by hold; a hold is named once
-- Answers the places of the holds that began to be paid, with their fence; a hold that has no time
-- left, or is not that order's, stays as it is.
-- Locks: the holds, in the order of the list; not the stock, as the map shows no change.
-- Called by: payments.begin.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.begin_paying(places integer[], hold_ids text[], order_ids text[])
RETURNS TABLE (place integer, fence bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    UPDATE seats.holds h SET state = 'PAYING', fence = h.fence + 1
    FROM unnest(places, hold_ids, order_ids) AS b (place, hold_id, order_id)
    WHERE h.id = ANY (ARRAY[b.hold_id]) AND h.order_id = b.order_id
      AND h.state = 'ACTIVE' AND h.deadline > clock_timestamp()
    RETURNING b.place, h.fence;
END $$;

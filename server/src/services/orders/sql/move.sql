-- A door for payments. Moves orders to a state and appends each move to the journal, with who moved
-- the order when and why; a move that other services need is also their event. The allowed moves
-- are in domain/src/order-states.ts; any other fails. Orders that are already in the state are
-- skipped.
--   event_type   null: no event
--   who, why, request_ids  for the trail
--   codes        why the provider declined, if it did
-- Locks: none; the caller holds the orders.
-- Called by: orders.end_unpaid, payments.begin, payments.mark_unknown, payments.settle.
-- Plans: made under its caller's settings (docs/decisions/0012).
CREATE OR REPLACE FUNCTION orders.move(
  order_ids text[], new_state text, event_type text, who text, why text, request_ids text[],
  codes text[], at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  happened platform.journal_entry[];
BEGIN
  WITH moving AS (
    SELECT o.id, o.state AS from_state, m.request_id, m.code
    FROM unnest(order_ids, request_ids, codes) AS m (order_id, request_id, code)
    JOIN orders.orders o ON o.id = ANY (ARRAY[m.order_id])
    WHERE o.state <> new_state
  ), moved AS (
    UPDATE orders.orders o SET state = new_state,
      paid_at = CASE WHEN new_state = 'PAID' THEN at ELSE o.paid_at END,
      failure_code = m.code
    FROM moving m WHERE o.id = ANY (ARRAY[m.id])
    RETURNING o.*, m.from_state, m.request_id, m.code
  ), told AS (
    SELECT m.*, CASE WHEN event_type IS NOT NULL THEN orders.make_payload(event_type,
      m.performance_id, m.buyer_id,
      (SELECT count(*)::integer FROM orders.items i
       WHERE i.show_id = m.show_id AND i.order_id = m.id),
      m.category, m.total_minor, m.code) END AS payload
    FROM moved m
  )
  SELECT array_agg(ROW(at, t.show_id, event_type, t.id, t.from_state, new_state, who, why,
    t.request_id, t.payload)::platform.journal_entry ORDER BY t.id)
  INTO happened FROM told t;
  PERFORM platform.append_journal(happened);
END $$;

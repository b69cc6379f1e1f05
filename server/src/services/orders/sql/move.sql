-- A door for payments. Moves orders to a state and appends each move to the journal, with who moved
-- the order when and why; a move that other services need is also their event. The allowed moves
-- are in domain/src/order-states.ts; any other fails. Orders that are already in the state are
-- skipped. PAID: the order's total is captured.
--   order_ids    by id
--   event_type   null: no event
--   who, why, request_ids  for the trail
--   codes        why the provider declined, if it did
-- Locks: the orders, in the order of the list; the caller holds them or their holds.
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
      captured_minor = CASE WHEN new_state = 'PAID' THEN o.total_minor ELSE o.captured_minor END,
      failure_code = m.code
    FROM moving m WHERE o.id = ANY (ARRAY[m.id])
    RETURNING o.id, o.show_id, o.performance_id, o.buyer_id, o.category, o.total_minor,
      json_array_length(o.items) AS seats, m.from_state, m.request_id, m.code
  )
  SELECT array_agg(ROW(at, m.show_id, event_type, m.id, m.from_state, new_state, who, why,
    m.request_id, CASE WHEN event_type IS NOT NULL THEN orders.make_payload(event_type,
      m.performance_id, m.buyer_id, m.seats, m.category, m.total_minor, m.code) END
    )::platform.journal_entry ORDER BY m.id)
  INTO happened FROM moved m;
  PERFORM platform.append_journal(happened);
END $$;

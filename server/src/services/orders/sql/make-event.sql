-- Makes the event that informs other services about an order (contract/src/events.ts).
--   at    the instant as text, formatted once for a batch (orders.format_instant)
--   more  payload fields besides those of every order event
-- Answers the event, as platform.append_events takes it.
-- Locks: none.
-- Called by: orders.move, orders.place.
CREATE OR REPLACE FUNCTION orders.make_event(
  event_type text, show_id text, order_id text, performance_id text, buyer_id text, seats integer,
  at text, trace_id text, more jsonb
) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'id', 'evt_' || left(replace(gen_random_uuid()::text, '-', ''), 26),
    'showId', show_id, 'type', event_type, 'traceId', trace_id,
    'payload', jsonb_build_object('orderId', order_id, 'performanceId', performance_id,
      'buyerId', buyer_id, 'seats', seats, 'at', at) || more)
$$;

-- Settles attempts, a batch in one transaction. APPROVED: the seats are sold, the order is PAID,
-- its tickets issued, the ledger written. DECLINED, definitely: the order is FAILED and the seats
-- go back to the buyer's hold, or on sale if the hold has expired. An attempt that was settled
-- before, or has lost the fence of its hold, stays as it is.
--   calls  [{ attemptId, outcome, code, transaction, answer }]: code is why the provider declined,
--          if it did; transaction its id of the money's movement; answer what is kept of it, see
--          SettledAnswer in payments/store.ts
-- Answers { results: [whether it was settled by this call], deltas }, the deltas as seats.publish
-- makes them.
-- Locks: the stock, by number; then the holds, the approved ones first, within each by hold; then
-- the orders, by id, and their attempts.
-- Called by: the program (PaymentStore.settle).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION payments.settle(calls json) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  asked payments.settle_call[] := ARRAY(
    SELECT c FROM json_populate_recordset(NULL::payments.settle_call, calls) c);
  now_at timestamptz;
  open record;
  stock_nos integer[] := '{}';
  -- Of the open attempts, at the positions of their calls.
  order_ids text[] := array_fill(NULL::text, ARRAY[cardinality(asked)]);
  request_ids text[] := order_ids;
  -- The open attempts by outcome, in the order of their holds.
  approved integer[] := '{}';
  approved_holds text[] := '{}';
  approved_fences bigint[] := '{}';
  declined integer[] := '{}';
  declined_holds text[] := '{}';
  declined_fences bigint[] := '{}';
  sold record;
  back record;
  settled integer[];
  written integer;
BEGIN
  -- 1 The attempts that have no outcome yet; of a hold only one.
  FOR open IN
    SELECT DISTINCT ON (t.hold_id) p.place, asked[p.place].outcome, t.hold_id, t.fence, t.order_id,
      t.request_id, h.stock_no
    FROM generate_subscripts(asked, 1) AS p (place)
    JOIN payments.attempts t ON t.id = ANY (ARRAY[asked[p.place]."attemptId"])
    CROSS JOIN LATERAL seats.read_hold(t.hold_id) h
    WHERE t.state IN ('SENT', 'ANSWERED')
    ORDER BY t.hold_id, t.fence DESC, p.place
  LOOP
    stock_nos := stock_nos || open.stock_no;
    order_ids[open.place] := open.order_id;
    request_ids[open.place] := open.request_id;
    IF open.outcome = 'APPROVED' THEN
      approved := approved || open.place;
      approved_holds := approved_holds || open.hold_id;
      approved_fences := approved_fences || open.fence;
    ELSE
      declined := declined || open.place;
      declined_holds := declined_holds || open.hold_id;
      declined_fences := declined_fences || open.fence;
    END IF;
  END LOOP;
  PERFORM seats.lock_stock(stock_nos);
  now_at := clock_timestamp();

  -- 2 The seats. Only an attempt that has the fence of its hold gets past this.
  sold := seats.sell(approved, approved_holds, approved_fences, now_at);
  back := seats.give_back(declined, declined_holds, declined_fences, 'payment not made', now_at);

  -- 3 The orders, with their tickets and the money.
  settled := sold.sold || back.given_back;
  -- While we waited for an order its outcome may have become unknown: these moves are later.
  PERFORM orders.lock_orders(ARRAY(SELECT order_ids[p] FROM unnest(settled) p));
  now_at := clock_timestamp();
  PERFORM orders.move(ARRAY(SELECT order_ids[p] FROM unnest(sold.sold) p), 'PAID', 'order.paid',
    'payments', 'approved', ARRAY(SELECT request_ids[p] FROM unnest(sold.sold) p), NULL, now_at);
  PERFORM orders.move(ARRAY(SELECT order_ids[p] FROM unnest(back.given_back) p), 'FAILED',
    'order.failed', 'payments', 'payment not made',
    ARRAY(SELECT request_ids[p] FROM unnest(back.given_back) p),
    ARRAY(SELECT coalesce(asked[p].code, 'DECLINED') FROM unnest(back.given_back) p), now_at);
  PERFORM tickets.issue(ARRAY(SELECT order_ids[p] FROM unnest(sold.sold) p));
  WITH ended AS (
    UPDATE payments.attempts t SET state = 'SETTLED', outcome = s.outcome, answer = s.answer,
      provider_code = s.code, answered_at = coalesce(t.answered_at, now_at), settled_at = now_at,
      -- Null already, unless recovery settles it: no index changes.
      left_since = NULL
    FROM unnest(settled) AS p (place) CROSS JOIN LATERAL (SELECT (asked[p.place]).*) s
    WHERE t.id = ANY (ARRAY[s."attemptId"]) AND t.state IN ('SENT', 'ANSWERED')
    RETURNING t.*, s.transaction
  ), captured AS (
    INSERT INTO payments.ledger (order_id, attempt_id, kind, no, amount_minor, currency, provider,
      provider_transaction, at)
    SELECT e.order_id, e.id, 'CAPTURE', 0, e.amount_minor, e.currency, e.provider, e.transaction,
      now_at
    FROM ended e WHERE e.outcome = 'APPROVED'
  )
  SELECT count(*) INTO written FROM ended;
  IF written <> cardinality(settled) THEN
    RAISE EXCEPTION 'assertion failed: % of % attempts settled', written, cardinality(settled);
  END IF;
  RETURN json_build_object(
    'results', ARRAY(
      SELECT p = ANY (settled) FROM generate_subscripts(asked, 1) AS p ORDER BY p),
    'deltas', seats.publish(sold.stock_nos || back.stock_nos, sold.changes || back.changes, NULL,
      NULL));
END $$;

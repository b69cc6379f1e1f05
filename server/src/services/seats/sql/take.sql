-- Decides a batch of hold requests in arrival order, each all or nothing, behind one lock a
-- performance. A request brings one window of seats (named ones) or several (best available, best
-- first) and gets the first that is free; a lapsed hold is taken over in place. It is refused only
-- when a seat was really somebody else's at this moment.
--   windows  text of an int[][]: one row a window
--   grades   text of an int[]: one a seat
--   checks   text of an int[][4]: window (from 1), mid, far, opposite (see domain/stranded.ts), or
--            null
-- Answers { results: [{ outcome, seatNos?, deadline?, endsBy?, takenAt?, conflicts? }], deltas }.
-- Outcomes: held, unknown_performance, not_open, closed, limit, taken, blocked, stranded,
-- none_free.
-- Its plans are kept for the life of a connection and may be made when the tables are empty:
-- whatever reads a table whole looks cheapest then, and is not when a crowd has come. Hence the
-- settings, here and on the other functions that programs call: 190 µs a hold instead of 700.
CREATE OR REPLACE FUNCTION seats.take(
  hold_ids text[], show_ids text[], performance_ids text[], buyer_ids text[],
  windows text[], grades text[], checks text[], request_ids text[],
  ttl interval, total interval
) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now_at timestamptz;
  stock seats.stock;
  hold seats.holds;
  seat_window integer[];
  seat_grades integer[];
  seat_checks integer[];
  chosen integer[];
  conflicts integer[];
  stranded integer[];
  lapsed text[];
  ended record;
  number integer;
  outcome text;
  owned integer;
  results jsonb[] := '{}';
  result jsonb;
  changed_shows text[] := '{}';
  changed_performances text[] := '{}';
  changes integer[] := '{}';
  holders text[] := '{}';
BEGIN
  PERFORM 1 FROM seats.stock s
  WHERE (s.show_id, s.performance_id) IN (SELECT * FROM unnest(show_ids, performance_ids))
  ORDER BY s.show_id, s.performance_id FOR UPDATE;
  now_at := clock_timestamp();

  FOR i IN 1..cardinality(hold_ids) LOOP
    outcome := NULL;
    conflicts := NULL;
    result := '{}';
    -- A repeat of a request that was answered before: the same hold, not another.
    SELECT * INTO hold FROM seats.holds h WHERE h.show_id = show_ids[i] AND h.id = hold_ids[i];
    IF FOUND THEN
      results := array_append(results, jsonb_build_object(
        'outcome', 'held', 'seatNos', to_jsonb(hold.seat_nos),
        'deadline', hold.deadline, 'endsBy', hold.ends_by, 'takenAt', hold.taken_at));
      CONTINUE;
    END IF;
    SELECT * INTO stock FROM seats.stock s
    WHERE s.show_id = show_ids[i] AND s.performance_id = performance_ids[i];
    seat_grades := grades[i]::integer[];
    SELECT count(*) INTO owned FROM seats.claims c
    WHERE c.show_id = show_ids[i] AND c.performance_id = performance_ids[i]
      AND c.buyer_id = buyer_ids[i] AND NOT (c.state = 'held' AND c.deadline <= now_at);
    outcome := CASE
      WHEN stock.show_id IS NULL THEN 'unknown_performance'
      WHEN now_at < stock.sale_opens_at THEN 'not_open'
      WHEN now_at >= stock.sale_closes_at THEN 'closed'
      WHEN owned + cardinality(seat_grades) > stock.buyer_limit THEN 'limit'
    END;
    IF outcome IS NOT NULL THEN
      results := array_append(results, jsonb_build_object('outcome', outcome));
      CONTINUE;
    END IF;

    seat_checks := checks[i]::integer[];
    chosen := NULL;
    number := 0;
    FOREACH seat_window SLICE 1 IN ARRAY windows[i]::integer[] LOOP
      number := number + 1;
      conflicts := NULL;
      lapsed := '{}';
      -- Usually nobody has any of the seats, and this is the only question.
      IF EXISTS (SELECT FROM seats.claims c
        WHERE c.show_id = show_ids[i] AND c.performance_id = performance_ids[i]
          AND c.seat_no = ANY (seat_window))
      THEN
        -- Holds in the way that have lapsed; their rows decide (a payment may begin just now).
        lapsed := ARRAY(
          SELECT h.id FROM seats.holds h WHERE h.id IN (
            SELECT c.hold_id FROM seats.claims c
            WHERE c.show_id = show_ids[i] AND c.performance_id = performance_ids[i]
              AND c.seat_no = ANY (seat_window) AND c.state = 'held' AND c.deadline <= now_at)
          ORDER BY h.id FOR UPDATE);
        IF cardinality(lapsed) > 0 THEN
          lapsed := ARRAY(SELECT h.id FROM seats.holds h
            WHERE h.id = ANY (lapsed) AND h.state = 'ACTIVE' AND h.deadline <= now_at);
        END IF;
        SELECT array_agg(c.seat_no ORDER BY c.seat_no),
          CASE WHEN bool_or(c.state = 'blocked') THEN 'blocked' ELSE 'taken' END
        INTO conflicts, outcome FROM seats.claims c
        WHERE c.show_id = show_ids[i] AND c.performance_id = performance_ids[i]
          AND c.seat_no = ANY (seat_window) AND NOT (c.hold_id = ANY (lapsed) AND c.state = 'held');
      END IF;
      IF conflicts IS NOT NULL THEN
        CONTINUE;
      END IF;
      IF stock.refuses_stranding AND seat_checks IS NOT NULL THEN
        stranded := ARRAY(
          SELECT k.mid FROM (
            SELECT seat_checks[n][2] AS mid, seat_checks[n][3] AS far, seat_checks[n][4] AS opposite
            FROM generate_subscripts(seat_checks, 1) n WHERE seat_checks[n][1] = number) k
          WHERE seats.is_free(show_ids[i], performance_ids[i], k.mid, now_at)
            AND (k.far = -1 OR NOT seats.is_free(show_ids[i], performance_ids[i], k.far, now_at))
            AND seats.is_free(show_ids[i], performance_ids[i], k.opposite, now_at));
        IF cardinality(stranded) > 0 THEN
          outcome := 'stranded';
          conflicts := stranded;
          CONTINUE;
        END IF;
      END IF;
      chosen := seat_window;
      EXIT;
    END LOOP;
    IF chosen IS NULL THEN
      IF number > 1 THEN outcome := 'none_free'; END IF;
      results := array_append(results, jsonb_build_object(
        'outcome', outcome, 'conflicts', to_jsonb(conflicts)));
      CONTINUE;
    END IF;

    IF cardinality(lapsed) > 0 THEN
      SELECT * INTO ended FROM seats.end_holds(lapsed, 'LAPSED', 'taken over after its deadline',
        'seats', request_ids[i], now_at);
      changed_shows := changed_shows || ended.show_ids;
      changed_performances := changed_performances || ended.performance_ids;
      changes := changes || ended.changes;
      holders := holders || array_fill(''::text, ARRAY[cardinality(ended.changes)]);
    END IF;
    INSERT INTO seats.holds (
      show_id, id, performance_id, buyer_id, seat_nos, state, fence, taken_at, deadline, ends_by,
      request_id)
    VALUES (show_ids[i], hold_ids[i], performance_ids[i], buyer_ids[i], chosen, 'ACTIVE',
      nextval('seats.fence'), now_at, now_at + ttl, now_at + total, request_ids[i])
    RETURNING * INTO hold;
    INSERT INTO seats.claims (
      show_id, performance_id, seat_no, grade, state, buyer_id, hold_id, fence, deadline)
    SELECT show_ids[i], performance_ids[i], s.seat_no, s.grade, 'held', buyer_ids[i], hold.id,
      hold.fence, hold.deadline
    FROM unnest(chosen, seat_grades) AS s (seat_no, grade);
    FOREACH number IN ARRAY chosen LOOP
      changed_shows := changed_shows || show_ids[i];
      changed_performances := changed_performances || performance_ids[i];
      changes := changes || (number * 4 + 1);
      holders := holders || right(buyer_ids[i], 6);
    END LOOP;
    results := array_append(results, jsonb_build_object(
      'outcome', 'held', 'seatNos', to_jsonb(chosen),
      'deadline', hold.deadline, 'endsBy', hold.ends_by, 'takenAt', hold.taken_at));
  END LOOP;

  RETURN jsonb_build_object('results', to_jsonb(results),
    'deltas', seats.publish(changed_shows, changed_performances, changes, holders, now_at + ttl));
END $$;

-- Decides a batch of hold requests in arrival order, each all or nothing. A request has one window
-- of seats (named ones) or several (best available, best first) and gets the first one that is
-- free; a lapsed hold is taken over in place. It is refused only if somebody else really has a seat
-- at this moment.
--   calls  [{ holdId, performanceId, buyerId, windows, grades, checks, looks, requestId,
--          paintingVersion, fingerprint }]:
--          windows          arrays of seats, all of one length
--          grades           of each seat of a window, the grade's index in the painting
--          checks           null, or [window from 1, mid, far, opposite] (domain/src/stranded.ts)
--          looks            every seat that windows and checks name
--          paintingVersion  by which the grades were looked up
--          fingerprint      what is wished, as a text that is stored
--   ttl, total  how long a hold lasts, and its maximum if its time is restarted
-- Answers { results: [{ outcome, … }], deltas }: the results in the order of the calls; for a hold
-- with seats, deadline and endsBy, for a refusal with conflicts; the deltas as seats.publish makes
-- them.
-- Outcomes: held, repeated (an earlier request with this id took a hold, which the program reads),
-- unknown-performance, repainted, not-open, closed, limit, taken, blocked, stranded, none-free. An
-- id that is used for two performances at the same moment fails (unique_violation), and its batch
-- with it.
-- Locks: the stock, by number; the lapsed holds in the way, by id; their orders.
-- Called by: the program (SeatStore.take).
-- Plans: generic, by an index (docs/decisions/0012).
CREATE OR REPLACE FUNCTION seats.take(calls json, ttl interval, total interval) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  asked seats.take_call[] := ARRAY(
    SELECT c FROM json_populate_recordset(NULL::seats.take_call, calls) c);
  now_at timestamptz;
  call record;
  way record;
  lapsed text[] := '{}';
  results json[] := array_fill(NULL::json, ARRAY[cardinality(asked)]);
  -- Seats that each buyer has, at the position of the buyer's first request for a performance.
  owned integer[] := array_fill(0, ARRAY[cardinality(asked)]);
  -- Whether an id has its hold by now, at the position of the first request with the id.
  is_held boolean[] := array_fill(false, ARRAY[cardinality(asked)]);
  -- For the current performance: the seats that somebody has, and those of them that are blocked.
  stock integer := 0;
  taken integer[];
  blocked integer[];
  -- For the current request.
  number integer;
  seat_window integer[];
  outcome text;
  conflicts integer[];
  ending text[];
  ended record;
  -- The holds and claims to write: the requests that got their seats; the seats of all of them.
  held integer[] := '{}';
  held_stocks integer[] := '{}';
  seat_calls integer[] := '{}';
  seat_stocks integer[] := '{}';
  seats integer[] := '{}';
  seat_grades integer[] := '{}';
  -- The seats of lapsed holds that were taken over, to publish before them.
  freed_stocks integer[] := '{}';
  freed integer[] := '{}';
BEGIN
  -- 1 Lock the performances, and look who is in the way: usually nobody.
  PERFORM seats.lock_stock(ARRAY(
    SELECT s.no FROM seats.stock s WHERE s.performance_id = ANY (ARRAY(
      SELECT a."performanceId" FROM unnest(asked) a))));
  now_at := clock_timestamp();
  SELECT array_agg(c.stock_no) AS stocks, array_agg(c.seat_no) AS seats,
    array_agg(c.hold_id) AS holds,
    array_agg(c.hold_id) FILTER (WHERE h.state = 'ACTIVE' AND h.deadline <= now_at) AS lapsing
  INTO way
  FROM unnest(asked) AS a
  LEFT JOIN seats.stock s ON s.performance_id = ANY (ARRAY[a."performanceId"])
  CROSS JOIN LATERAL unnest(a.looks) AS look (seat_no)
  CROSS JOIN LATERAL (
    SELECT * FROM seats.claims c
    WHERE c.stock_no = s.no AND c.seat_no = look.seat_no OFFSET 0) c
  LEFT JOIN seats.holds h ON h.id = ANY (ARRAY[c.hold_id]);
  IF way.lapsing IS NOT NULL THEN
    -- Before we got the lock, a payment may have begun or the time been restarted.
    PERFORM seats.lock_holds(way.lapsing);
    lapsed := ARRAY(
      SELECT h.id FROM seats.holds h
      WHERE h.id = ANY (way.lapsing) AND h.state = 'ACTIVE' AND h.deadline <= now_at);
  END IF;

  -- 2 Decide, performance by performance, in arrival order.
  FOR call IN
    WITH placed AS (
      SELECT a.*,
        min(a.place) OVER (PARTITION BY a."performanceId", a."buyerId") AS buyer_first,
        min(a.place) OVER (PARTITION BY a."holdId") AS id_first
      FROM unnest(asked) WITH ORDINALITY AS a ("holdId", "performanceId", "buyerId", windows,
        grades, checks, looks, "requestId", "paintingVersion", fingerprint, place)
    )
    SELECT p.*, s.no AS stock_no, s.buyer_limit, s.refuses_stranding,
      CASE
        WHEN h.id IS NOT NULL THEN 'repeated'
        WHEN s.no IS NULL THEN 'unknown-performance'
        -- The first hold fixes the grades of a performance, so it must use the current ones.
        WHEN s.painting_version <> p."paintingVersion" THEN 'repainted'
        -- The sale opens and closes at exact instants of the database's clock.
        WHEN now_at < s.sale_opens_at THEN 'not-open'
        WHEN now_at >= s.sale_closes_at THEN 'closed'
      END AS known_outcome,
      -- Held, paying and paid seats of this buyer; a lapsed hold does not count.
      CASE WHEN p.place = p.buyer_first THEN (
        SELECT coalesce(sum(cardinality(o.seat_nos)), 0)::integer FROM seats.holds o
        WHERE o.buyer_id = p."buyerId" AND o.stock_no = s.no AND (o.state IN ('PAYING', 'SOLD')
          OR (o.state = 'ACTIVE' AND o.deadline > now_at))) END AS owned
    FROM placed p
    LEFT JOIN seats.stock s ON s.performance_id = ANY (ARRAY[p."performanceId"])
    LEFT JOIN seats.holds h ON h.id = ANY (ARRAY[p."holdId"])
    ORDER BY s.no, p.place
  LOOP
    IF call.owned IS NOT NULL THEN owned[call.place] := call.owned; END IF;
    IF call.stock_no <> stock THEN
      stock := call.stock_no;
      taken := '{}';
      blocked := '{}';
      IF way.seats IS NOT NULL THEN
        SELECT coalesce(array_agg(w.seat_no), '{}'),
          coalesce(array_agg(w.seat_no) FILTER (WHERE w.hold_id IS NULL), '{}')
        INTO taken, blocked
        FROM unnest(way.stocks, way.seats, way.holds) AS w (stock_no, seat_no, hold_id)
        WHERE w.stock_no = stock AND (w.hold_id IS NULL OR w.hold_id <> ALL (lapsed));
      END IF;
    END IF;
    IF call.known_outcome IS NOT NULL THEN
      results[call.place] := json_build_object('outcome', call.known_outcome);
      CONTINUE;
    END IF;
    IF is_held[call.id_first] THEN
      results[call.place] := json_build_object('outcome', 'repeated');
      CONTINUE;
    END IF;
    -- At most 4 tickets a buyer a performance (the show's limit), counting held, paying and paid.
    IF owned[call.buyer_first] + cardinality(call.grades) > call.buyer_limit THEN
      results[call.place] := json_build_object('outcome', 'limit');
      CONTINUE;
    END IF;

    IF cardinality(call.windows) = 0 THEN
      results[call.place] := json_build_object('outcome', 'none-free');
      CONTINUE;
    END IF;
    number := 0;
    FOREACH seat_window SLICE 1 IN ARRAY call.windows LOOP
      number := number + 1;
      outcome := 'held';
      conflicts := NULL;
      IF taken && seat_window THEN
        outcome := CASE WHEN blocked && seat_window THEN 'blocked' ELSE 'taken' END;
        conflicts := ARRAY(
          SELECT n FROM unnest(seat_window) n WHERE n = ANY (taken) ORDER BY n);
      ELSIF call.refuses_stranding AND call.checks IS NOT NULL THEN
        -- No single free seat may be left stranded between taken ones, if the show forbids it.
        conflicts := ARRAY(
          SELECT call.checks[n][2] FROM generate_subscripts(call.checks, 1) n
          WHERE call.checks[n][1] = number AND call.checks[n][2] <> ALL (taken)
            AND (call.checks[n][3] = -1 OR call.checks[n][3] = ANY (taken))
            AND call.checks[n][4] <> ALL (taken));
        IF cardinality(conflicts) > 0 THEN outcome := 'stranded'; END IF;
      END IF;
      EXIT WHEN outcome = 'held';
    END LOOP;
    IF outcome <> 'held' THEN
      results[call.place] := CASE WHEN number > 1 THEN json_build_object('outcome', 'none-free')
        ELSE json_build_object('outcome', outcome, 'conflicts', conflicts) END;
      CONTINUE;
    END IF;

    -- A hold lasts 7 minutes (ttl), and 15 in total (seats.restart_deadline).
    results[call.place] := json_build_object('outcome', 'held', 'seats', seat_window,
      'deadline', now_at + ttl, 'endsBy', now_at + total);
    is_held[call.id_first] := true;
    taken := taken || seat_window;
    owned[call.buyer_first] := owned[call.buyer_first] + cardinality(seat_window);
    held := held || call.place::integer;
    held_stocks := held_stocks || stock;
    seat_calls := seat_calls || array_fill(call.place::integer, ARRAY[cardinality(seat_window)]);
    seat_stocks := seat_stocks || array_fill(stock, ARRAY[cardinality(seat_window)]);
    seats := seats || seat_window;
    seat_grades := seat_grades || call.grades;
    -- A lapsed hold is taken over in place.
    IF cardinality(lapsed) > 0 THEN
      ending := ARRAY(
        SELECT DISTINCT w.hold_id FROM unnest(way.stocks, way.seats, way.holds)
          AS w (stock_no, seat_no, hold_id)
        WHERE w.stock_no = stock AND w.seat_no = ANY (seat_window) AND w.hold_id = ANY (lapsed));
      SELECT * INTO ended FROM seats.end_holds(ending, 'LAPSED', 'taken over after its deadline',
        'seats', call."requestId", now_at);
      freed_stocks := freed_stocks || ended.stock_nos;
      freed := freed || ended.changes;
      lapsed := ARRAY(SELECT l FROM unnest(lapsed) l WHERE l <> ALL (ending));
    END IF;
  END LOOP;

  -- 3 Write what was decided, and publish it.
  IF cardinality(held) = 0 THEN
    RETURN json_build_object('results', results, 'deltas', '[]'::json);
  END IF;
  INSERT INTO seats.holds (id, stock_no, buyer_id, seat_nos, state, taken_at, deadline, ends_by,
    due, request_id, fingerprint)
  SELECT asked[h.place]."holdId", h.stock_no, asked[h.place]."buyerId",
    ARRAY(SELECT s.seat_no FROM unnest(seat_calls, seats) AS s (place, seat_no)
      WHERE s.place = h.place), 'ACTIVE', now_at, now_at + ttl, now_at + total, now_at + ttl,
    asked[h.place]."requestId", asked[h.place].fingerprint
  FROM unnest(held, held_stocks) AS h (place, stock_no);
  INSERT INTO seats.claims (stock_no, seat_no, grade, hold_id)
  SELECT s.stock_no, s.seat_no, s.grade, asked[s.place]."holdId"
  FROM unnest(seat_calls, seat_stocks, seats, seat_grades) AS s (place, stock_no, seat_no, grade);
  RETURN json_build_object('results', results, 'deltas', seats.publish(
    freed_stocks || seat_stocks,
    freed || ARRAY(SELECT s * 4 + 1 FROM unnest(seats) s),
    array_fill(''::text, ARRAY[cardinality(freed)])
      || ARRAY(SELECT right(asked[p]."buyerId", 6) FROM unnest(seat_calls) p),
    now_at + ttl));
END $$;

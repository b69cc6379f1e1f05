-- Decides a batch of hold requests in arrival order, each all or nothing. A request has one window
-- of seats (named ones) or several (best available, best first) and gets the first one that is
-- free; a lapsed hold is taken over in place. It is refused only if somebody else really has a seat
-- at this moment.
--   windows  text of an int[][]: one row a window
--   grades   text of an int[]: one a seat, its index in the painting
--   painting_versions  by which the grades were looked up
--   checks   text of an int[][4]: window (from 1), mid, far, opposite (see domain/src/stranded.ts),
--            or null
--   looks    text of an int[]: every seat that windows and checks name
--   fingerprints  what each request wishes, as a text that is stored with its hold
--   ttl, total  how long a hold lasts, and its maximum if its time is restarted
-- Answers { columns: { outcome, seats, deadline, endsBy, conflicts }, deltas }: each column an
-- array in the order of the requests, seats and conflicts as texts of int[]; for deltas see
-- seats.publish.
-- Outcomes: held, repeated (an earlier request with this id took a hold, which the program reads),
-- unknown-performance, repainted, not-open, closed, limit, taken, blocked, stranded, none-free.
-- Locks: the stock of every performance; then the lapsed holds in the way, by id.
-- Called by: the program (SeatStore.take).
-- Plans: generic, by an index (docs/decisions/0012).
-- The data of a batch is read first, everything is decided in memory, and the result is written
-- last: one statement for each step, not for each request.
CREATE OR REPLACE FUNCTION seats.take(
  hold_ids text[], show_ids text[], performance_ids text[], buyer_ids text[],
  windows text[], grades text[], checks text[], looks text[], request_ids text[],
  painting_versions text[], fingerprints text[], ttl interval, total interval
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now_at timestamptz;
  place integer;
  asked record;
  way record;
  -- The answers, each in the order of the requests, and the positions of the new holds.
  outcomes text[];
  chosen text[];
  deadlines timestamptz[];
  ends_bys timestamptz[];
  conflicts text[];
  held integer[] := '{}';
  fences bigint[];
  -- Seats that each buyer has, at the position of the buyer's first request for a performance.
  owned integer[];
  -- For the current performance: taken seats and lapsed holds.
  performance integer := 0;
  taken integer[];
  blocked integer[];
  lapsed text[];
  -- For the current request.
  number integer;
  seat_window integer[];
  seat_checks integer[];
  outcome text;
  stranded integer[];
  ending text[];
  ended record;
  -- The changes to publish to the seat map.
  changed_shows text[] := '{}';
  changed_performances text[] := '{}';
  changes integer[] := '{}';
  holders text[] := '{}';
BEGIN
  -- 1 Read the data of the batch, under the lock of each performance.
  PERFORM 1 FROM (SELECT DISTINCT * FROM unnest(show_ids, performance_ids)) w (show_id, id)
  JOIN seats.stock s ON s.show_id = ANY (ARRAY[w.show_id]) AND s.performance_id = ANY (ARRAY[w.id])
  ORDER BY s.show_id, s.performance_id FOR UPDATE OF s;
  now_at := clock_timestamp();

  WITH request AS (
    SELECT r.*,
      min(r.place) OVER (PARTITION BY r.show_id, r.performance_id) AS performance_first,
      min(r.place) OVER (PARTITION BY r.show_id, r.performance_id, r.buyer_id) AS buyer_first,
      min(r.place) OVER (PARTITION BY r.hold_id) AS id_first
    FROM unnest(hold_ids, show_ids, performance_ids, buyer_ids, painting_versions)
      WITH ORDINALITY AS r (hold_id, show_id, performance_id, buyer_id, painting_version, place)
  ), known AS (
    SELECT r.*, s.buyer_limit, s.refuses_stranding,
      CASE
        WHEN h.id IS NOT NULL THEN 'repeated'
        WHEN s.show_id IS NULL THEN 'unknown-performance'
        -- The first hold fixes the grades of a performance, so it must use the current ones.
        WHEN s.painting_version <> r.painting_version THEN 'repainted'
        -- The sale opens and closes at exact instants of the database's clock.
        WHEN now_at < s.sale_opens_at THEN 'not-open'
        WHEN now_at >= s.sale_closes_at THEN 'closed'
      END AS outcome,
      -- Held, paying and paid seats of this buyer; a lapsed hold does not count.
      CASE WHEN r.place = r.buyer_first THEN (
        SELECT count(*) FROM seats.claims c
        WHERE c.buyer_id = r.buyer_id AND c.performance_id = r.performance_id
          AND NOT (c.state = 'held' AND c.deadline <= now_at)) END AS owned
    FROM request r
    LEFT JOIN seats.holds h ON h.id = ANY (ARRAY[r.hold_id])
    LEFT JOIN LATERAL (
      SELECT * FROM seats.stock s
      WHERE s.show_id = r.show_id AND s.performance_id = r.performance_id OFFSET 0) s ON true
  )
  SELECT array_agg(k.outcome ORDER BY k.place) AS outcomes,
    array_agg(k.buyer_limit ORDER BY k.place) AS limits,
    array_agg(k.refuses_stranding ORDER BY k.place) AS refuse_stranding,
    array_agg(k.owned ORDER BY k.place) AS owned,
    array_agg(k.performance_first ORDER BY k.place) AS performance_firsts,
    array_agg(k.buyer_first ORDER BY k.place) AS buyer_firsts,
    array_agg(k.id_first ORDER BY k.place) AS id_firsts,
    array_agg(k.place ORDER BY k.performance_first, k.place) AS places
  INTO asked FROM known k;
  outcomes := asked.outcomes;
  owned := asked.owned;
  chosen := array_fill(NULL::text, ARRAY[cardinality(hold_ids)]);
  conflicts := chosen;
  deadlines := array_fill(NULL::timestamptz, ARRAY[cardinality(hold_ids)]);
  ends_bys := deadlines;

  -- Claims that conflict with any request; usually none.
  SELECT array_agg(asked.performance_firsts[r.place]) AS firsts, array_agg(c.seat_no) AS seats,
    array_agg(c.state) AS states, array_agg(c.hold_id) AS holds,
    array_agg(c.hold_id) FILTER (WHERE c.state = 'held' AND c.deadline <= now_at) AS lapsing
  INTO way
  FROM unnest(show_ids, performance_ids, looks)
    WITH ORDINALITY AS r (show_id, performance_id, looks, place)
  CROSS JOIN LATERAL unnest(r.looks::integer[]) AS look (seat_no)
  CROSS JOIN LATERAL (
    SELECT * FROM seats.claims c
    WHERE c.show_id = r.show_id AND c.performance_id = r.performance_id
      AND c.seat_no = look.seat_no OFFSET 0) c;
  lapsed := '{}';
  IF way.lapsing IS NOT NULL THEN
    -- The rows of the holds decide: a payment may just have begun, or the time been restarted.
    PERFORM seats.lock_holds(way.lapsing);
    lapsed := ARRAY(
      SELECT DISTINCT h.id FROM unnest(way.lapsing) AS l (hold_id)
      JOIN seats.holds h ON h.id = ANY (ARRAY[l.hold_id])
      WHERE h.state = 'ACTIVE' AND h.deadline <= now_at);
  END IF;

  -- 2 Decide, performance by performance, in arrival order.
  FOREACH place IN ARRAY asked.places LOOP
    IF performance <> asked.performance_firsts[place] THEN
      performance := asked.performance_firsts[place];
      taken := '{}';
      blocked := '{}';
      IF way.firsts IS NOT NULL THEN
        SELECT coalesce(array_agg(w.seat_no), '{}'),
          coalesce(array_agg(w.seat_no) FILTER (WHERE w.state = 'blocked'), '{}')
        INTO taken, blocked
        FROM unnest(way.firsts, way.seats, way.states, way.holds)
          AS w (performance_first, seat_no, state, hold_id)
        WHERE w.performance_first = performance
          AND NOT (w.state = 'held' AND w.hold_id = ANY (lapsed));
      END IF;
    END IF;
    CONTINUE WHEN outcomes[place] IS NOT NULL;
    -- An id that is asked for again within the batch, perhaps after a refusal, is held once.
    IF asked.id_firsts[place] < place
      AND EXISTS (SELECT FROM unnest(held) AS h (p) WHERE hold_ids[h.p] = hold_ids[place])
    THEN
      outcomes[place] := 'repeated';
      CONTINUE;
    END IF;
    -- At most 4 tickets a buyer a performance (the show's limit), counting held, paying and paid.
    IF owned[asked.buyer_firsts[place]] + cardinality(grades[place]::integer[])
      > asked.limits[place]
    THEN
      outcomes[place] := 'limit';
      CONTINUE;
    END IF;

    number := 0;
    FOREACH seat_window SLICE 1 IN ARRAY windows[place]::integer[] LOOP
      number := number + 1;
      IF taken && seat_window THEN
        outcome := CASE WHEN blocked && seat_window THEN 'blocked' ELSE 'taken' END;
        conflicts[place] := ARRAY(
          SELECT n FROM unnest(seat_window) n WHERE n = ANY (taken) ORDER BY n)::text;
        CONTINUE;
      END IF;
      -- No single free seat may be left stranded between taken ones, if the show forbids it.
      IF asked.refuse_stranding[place] AND checks[place] IS NOT NULL THEN
        seat_checks := checks[place]::integer[];
        stranded := ARRAY(
          SELECT seat_checks[n][2] FROM generate_subscripts(seat_checks, 1) n
          WHERE seat_checks[n][1] = number AND seat_checks[n][2] <> ALL (taken)
            AND (seat_checks[n][3] = -1 OR seat_checks[n][3] = ANY (taken))
            AND seat_checks[n][4] <> ALL (taken));
        IF cardinality(stranded) > 0 THEN
          outcome := 'stranded';
          conflicts[place] := stranded::text;
          CONTINUE;
        END IF;
      END IF;
      outcome := 'held';
      EXIT;
    END LOOP;
    outcomes[place] := CASE WHEN outcome <> 'held' AND number > 1 THEN 'none-free' ELSE outcome END;
    CONTINUE WHEN outcome <> 'held';

    -- A hold lasts 7 minutes (ttl), and 15 in total (seats.restart_deadline).
    chosen[place] := seat_window::text;
    deadlines[place] := now_at + ttl;
    ends_bys[place] := now_at + total;
    conflicts[place] := NULL;
    taken := taken || seat_window;
    owned[asked.buyer_firsts[place]] := owned[asked.buyer_firsts[place]]
      + cardinality(seat_window);
    held := held || place;
    -- A lapsed hold is taken over in place.
    IF cardinality(lapsed) > 0 THEN
      ending := ARRAY(
        SELECT DISTINCT w.hold_id FROM unnest(way.firsts, way.seats, way.holds)
          AS w (performance_first, seat_no, hold_id)
        WHERE w.performance_first = performance AND w.seat_no = ANY (seat_window)
          AND w.hold_id = ANY (lapsed));
      SELECT * INTO ended FROM seats.end_holds(ending, 'LAPSED', 'taken over after its deadline',
        'seats', request_ids[place], now_at);
      changed_shows := changed_shows || ended.show_ids;
      changed_performances := changed_performances || ended.performance_ids;
      changes := changes || ended.changes;
      lapsed := ARRAY(SELECT l FROM unnest(lapsed) l WHERE l <> ALL (ending));
    END IF;
  END LOOP;
  holders := array_fill(''::text, ARRAY[cardinality(changes)]);

  -- 3 Write.
  IF cardinality(held) > 0 THEN
    fences := ARRAY(SELECT nextval('seats.fence') FROM unnest(held));
    INSERT INTO seats.holds (
      show_id, id, performance_id, buyer_id, seat_nos, state, fence, taken_at, deadline, ends_by,
      request_id, fingerprint)
    SELECT show_ids[h.p], hold_ids[h.p], performance_ids[h.p], buyer_ids[h.p],
      chosen[h.p]::integer[], 'ACTIVE', h.fence, now_at, now_at + ttl, now_at + total,
      request_ids[h.p], fingerprints[h.p]
    FROM unnest(held, fences) AS h (p, fence);
    INSERT INTO seats.claims (
      show_id, performance_id, seat_no, grade, state, buyer_id, hold_id, fence, deadline)
    SELECT show_ids[h.p], performance_ids[h.p], s.seat_no, s.grade, 'held', buyer_ids[h.p],
      hold_ids[h.p], h.fence, now_at + ttl
    FROM unnest(held, fences) AS h (p, fence)
    CROSS JOIN LATERAL unnest(chosen[h.p]::integer[], grades[h.p]::integer[]) AS s (seat_no, grade);
    SELECT changed_shows || array_agg(show_ids[h.p] ORDER BY h.nth),
      changed_performances || array_agg(performance_ids[h.p] ORDER BY h.nth),
      changes || array_agg(s.seat_no * 4 + 1 ORDER BY h.nth),
      holders || array_agg(right(buyer_ids[h.p], 6) ORDER BY h.nth)
    INTO changed_shows, changed_performances, changes, holders
    FROM unnest(held) WITH ORDINALITY AS h (p, nth)
    CROSS JOIN LATERAL unnest(chosen[h.p]::integer[]) AS s (seat_no);
  END IF;
  -- 4 Answer, and publish what changed.
  RETURN jsonb_build_object(
    'columns', jsonb_build_object('outcome', outcomes, 'seats', chosen, 'deadline', deadlines,
      'endsBy', ends_bys, 'conflicts', conflicts),
    'deltas', seats.publish(changed_shows, changed_performances, changes, holders, now_at + ttl));
END $$;

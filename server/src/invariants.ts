import type { Sql } from './platform/postgres/sql.ts';

/**
 * The guarantees of docs/booking.md as queries: each returns the rows that break it, so an empty
 * result means that it holds. They run after every load, chaos and simulation run, and in
 * `usher stampede`. Each has planted breaches in invariants.postgres.test.ts.
 */
type Check = { id: string; promise: string; sql: string };

export const checks: readonly Check[] = [
  {
    id: 'I1',
    promise: 'at most one live ticket for a seat of a performance, and sold seats are ticketed',
    sql: `
      SELECT 'two live tickets' AS what, performance_id || ' ' || seat_no AS which
      FROM tickets.tickets WHERE state = 'LIVE'
      GROUP BY performance_id, seat_no HAVING count(*) > 1
      UNION ALL
      SELECT 'sold without a live ticket', s.performance_id || ' ' || seat.no
      FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no
      CROSS JOIN LATERAL unnest(h.seat_nos) AS seat (no)
      LEFT JOIN tickets.tickets t ON t.performance_id = s.performance_id AND t.seat_no = seat.no
        AND t.state = 'LIVE' AND t.order_id = h.order_id
      WHERE h.state = 'SOLD' AND t.id IS NULL
      UNION ALL
      SELECT 'live ticket for a seat not sold', t.id
      FROM tickets.tickets t LEFT JOIN (seats.claims c
          JOIN seats.stock s ON s.no = c.stock_no
          JOIN seats.holds h ON h.id = c.hold_id AND h.state = 'SOLD')
        ON s.performance_id = t.performance_id AND c.seat_no = t.seat_no AND h.order_id = t.order_id
      WHERE t.state = 'LIVE' AND c.seat_no IS NULL`,
  },
  {
    id: 'I2',
    promise: 'no money without its tickets',
    sql: `
      SELECT 'captured, order not paid' AS what, o.id AS which
      FROM orders.orders o
      WHERE o.captured_minor > o.refunded_minor AND o.state NOT IN ('PAID', 'PARTLY_REFUNDED')
      UNION ALL
      SELECT 'approved attempt without capture', a.id
      FROM payments.attempts a LEFT JOIN payments.ledger l ON l.order_id = a.order_id
        AND l.attempt_id = a.id AND l.kind = 'CAPTURE'
      WHERE a.outcome = 'APPROVED' AND l.order_id IS NULL
      UNION ALL
      SELECT 'paid order without all its tickets', o.id
      FROM orders.orders o WHERE o.state = 'PAID' AND json_array_length(o.items) <>
        (SELECT count(*) FROM tickets.tickets t WHERE t.order_id = o.id AND t.state = 'LIVE')`,
  },
  {
    id: 'I3',
    promise: 'no ticket without money',
    sql: `
      SELECT 'live ticket without captured money' AS what, t.id AS which
      FROM tickets.tickets t
      LEFT JOIN orders.orders o ON o.id = t.order_id
      LEFT JOIN LATERAL json_to_recordset(o.items) AS i ("seatNo" integer, "priceMinor" bigint)
        ON i."seatNo" = t.seat_no
      WHERE t.state = 'LIVE' AND (o.id IS NULL OR i."seatNo" IS NULL
        OR o.captured_minor - o.refunded_minor < i."priceMinor")`,
  },
  {
    id: 'I4',
    promise: 'what was captured is the server’s total, in its currency, for that order',
    sql: `
      SELECT 'captured another amount' AS what, l.order_id AS which
      FROM payments.ledger l LEFT JOIN orders.orders o ON o.id = l.order_id
      WHERE l.kind = 'CAPTURE'
        AND (o.id IS NULL OR l.amount_minor <> o.total_minor OR l.currency <> o.currency)
      UNION ALL
      SELECT 'total is not the sum of its items', o.id
      FROM orders.orders o WHERE o.total_minor IS DISTINCT FROM (
        SELECT sum(i."priceMinor" + i."feeMinor")
        FROM json_to_recordset(o.items) AS i ("priceMinor" bigint, "feeMinor" bigint))
      UNION ALL
      SELECT 'attempt for another amount or order', a.id
      FROM payments.attempts a LEFT JOIN orders.orders o ON o.id = a.order_id
      WHERE o.id IS NULL OR a.amount_minor <> o.total_minor OR a.currency <> o.currency`,
  },
  {
    id: 'I5',
    promise: 'an outdated holder or attempt has changed nothing (fence)',
    sql: `
      SELECT 'sold by an attempt that had lost its fence' AS what, a.id AS which
      FROM payments.attempts a LEFT JOIN seats.holds h ON h.id = a.hold_id
      WHERE a.outcome = 'APPROVED' AND (a.fence IS DISTINCT FROM h.fence OR h.state <> 'SOLD')
      UNION ALL
      SELECT 'attempt under way that has lost its fence', a.id
      FROM payments.attempts a LEFT JOIN seats.holds h ON h.id = a.hold_id
      WHERE a.state IN ('SENT', 'ANSWERED')
        AND (a.fence IS DISTINCT FROM h.fence OR h.state <> 'PAYING')
      UNION ALL
      SELECT 'claim of a hold that has other seats', c.stock_no || ' ' || c.seat_no
      FROM seats.claims c LEFT JOIN seats.holds h ON h.id = c.hold_id
        AND h.stock_no = c.stock_no AND c.seat_no = ANY (h.seat_nos)
      WHERE c.hold_id IS NOT NULL AND h.id IS NULL`,
  },
  {
    id: 'I8',
    promise: 'the same request has one effect',
    sql: `
      SELECT 'order captured twice' AS what, order_id AS which
      FROM payments.ledger WHERE kind = 'CAPTURE' GROUP BY order_id HAVING count(*) > 1
      UNION ALL
      SELECT 'two approved attempts for one order', order_id
      FROM payments.attempts WHERE outcome = 'APPROVED' GROUP BY order_id HAVING count(*) > 1
      UNION ALL
      SELECT 'two living orders for one hold', hold_id
      FROM orders.orders WHERE state NOT IN ('FAILED', 'CANCELLED', 'EXPIRED')
      GROUP BY hold_id HAVING count(*) > 1`,
  },
  {
    id: 'I9',
    promise: 'every paid order was published exactly once, after it was placed',
    // Numbers below zero are of before the journal: those events were delivered and deleted.
    sql: `
      SELECT 'paid order published ' || count(e.seq) || ' times' AS what, o.id AS which
      FROM orders.orders o LEFT JOIN platform.journal e ON e.show_id = o.show_id
        AND e.order_id = o.id AND (e.type = 'order.paid' OR (e.seq < 0 AND e.to_state = 'PAID'))
      WHERE o.paid_at IS NOT NULL
      GROUP BY o.id HAVING count(e.seq) <> 1
      UNION ALL
      SELECT 'paid before it was placed', p.order_id
      FROM platform.journal p JOIN platform.journal e
        ON e.show_id = p.show_id AND e.order_id = p.order_id
      WHERE p.type = 'order.placed' AND e.type = 'order.paid' AND e.seq < p.seq
      UNION ALL
      SELECT 'published as paid, but not paid', e.order_id
      FROM platform.journal e
      LEFT JOIN orders.orders o ON o.show_id = e.show_id AND o.id = e.order_id
      WHERE e.type = 'order.paid' AND o.paid_at IS NULL
      UNION ALL
      SELECT 'published as ' || e.type || ' when it became ' || e.to_state, e.order_id
      FROM platform.journal e WHERE e.to_state IS NOT NULL AND e.type <>
        'order.' || CASE e.to_state WHEN 'PENDING' THEN 'placed' ELSE lower(e.to_state) END`,
  },
  {
    id: 'I11',
    promise: 'lapsed holds are on sale again, nothing is stuck silently',
    sql: `
      SELECT 'hold past its deadline' AS what, id AS which FROM seats.holds
      WHERE state = 'ACTIVE' AND deadline < clock_timestamp() - interval '5 seconds'
      UNION ALL
      SELECT 'hold that the sweeper will not look at', h.id
      FROM seats.holds h, seats.sweeper s
      WHERE h.state = 'ACTIVE' AND h.due <= s.swept_until
      UNION ALL
      SELECT 'attempt that recovery will not look at', a.id
      FROM payments.attempts a, payments.recovery r
      WHERE a.state = 'SENT' AND a.left_since IS NULL AND a.sent_at <= r.checked_until
      UNION ALL
      SELECT 'claim of an ended hold', c.stock_no || ' ' || c.seat_no
      FROM seats.claims c JOIN seats.holds h ON h.id = c.hold_id
      WHERE h.state IN ('RELEASED', 'LAPSED')
      UNION ALL
      SELECT 'living hold without all its claims', h.id FROM seats.holds h
      WHERE h.state IN ('ACTIVE', 'PAYING', 'SOLD') AND cardinality(h.seat_nos) <>
        (SELECT count(*) FROM seats.claims c WHERE c.stock_no = h.stock_no
          AND c.seat_no = ANY (h.seat_nos) AND c.hold_id = h.id)
      UNION ALL
      SELECT s.taken || ' seats counted as taken', s.performance_id FROM seats.stock s
      WHERE s.taken <> (SELECT count(*) FROM seats.claims c WHERE c.stock_no = s.no)
      UNION ALL
      SELECT 'seats being paid for by nobody', h.id FROM seats.holds h
      WHERE h.state = 'PAYING' AND NOT EXISTS (SELECT FROM payments.attempts a
        WHERE a.hold_id = h.id AND a.state IN ('SENT', 'ANSWERED'))
      UNION ALL
      SELECT 'order being paid for without its hold', o.id
      FROM orders.orders o LEFT JOIN seats.holds h ON h.id = o.hold_id AND h.order_id = o.id
      WHERE o.state IN ('PAYING', 'UNKNOWN') AND h.state IS DISTINCT FROM 'PAYING'
      UNION ALL
      SELECT 'open order of an ended hold', o.id
      FROM orders.orders o LEFT JOIN seats.holds h ON h.id = o.hold_id AND h.order_id = o.id
      WHERE o.state = 'PENDING' AND h.state IS DISTINCT FROM 'ACTIVE'`,
  },
  {
    id: 'I13',
    promise: 'the ledger adds up, and no more is refunded than was captured',
    sql: `
      SELECT 'amounts of the order are not the sums of the ledger' AS what,
        coalesce(o.id, l.order_id) AS which
      FROM (SELECT order_id,
          coalesce(sum(amount_minor) FILTER (WHERE kind = 'CAPTURE'), 0) AS captured,
          coalesce(sum(amount_minor) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
        FROM payments.ledger GROUP BY order_id) l
      FULL JOIN orders.orders o ON o.id = l.order_id
      WHERE o.captured_minor IS DISTINCT FROM coalesce(l.captured, 0)
        OR o.refunded_minor IS DISTINCT FROM coalesce(l.refunded, 0) OR l.refunded > l.captured`,
  },
  {
    id: 'I14',
    promise: 'every move of an order exists, and has who, when, why and the request',
    sql: `
      WITH trail AS (SELECT * FROM platform.journal WHERE to_state IS NOT NULL)
      SELECT 'order whose trail ends in another state' AS what, o.id AS which
      FROM orders.orders o WHERE NOT EXISTS (SELECT FROM trail t
        WHERE t.show_id = o.show_id AND t.order_id = o.id AND t.to_state = o.state)
      UNION ALL
      SELECT 'order without one beginning', o.id
      FROM orders.orders o LEFT JOIN trail t ON t.show_id = o.show_id AND t.order_id = o.id
        AND t.from_state IS NULL
      GROUP BY o.id HAVING count(t.seq) <> 1
      UNION ALL
      SELECT 'broken trail', t.order_id
      FROM trail t WHERE t.from_state IS NOT NULL AND NOT EXISTS (
        SELECT FROM trail b WHERE b.show_id = t.show_id AND b.order_id = t.order_id
          AND b.to_state = t.from_state AND b.at <= t.at)
      UNION ALL
      -- What was written before the journal existed has other numbers.
      SELECT 'move from another state than the one before', m.order_id
      FROM (SELECT t.order_id, t.from_state,
          lag(t.to_state) OVER (PARTITION BY t.order_id ORDER BY t.seq) AS before,
          min(t.seq) OVER (PARTITION BY t.order_id) AS first_seq
        FROM trail t) m
      WHERE m.first_seq > 0 AND m.from_state IS DISTINCT FROM m.before
      UNION ALL
      SELECT 'move from ' || coalesce(t.from_state, 'nothing') || ' to ' || t.to_state, t.order_id
      FROM trail t WHERE NOT EXISTS (
        SELECT FROM platform.moves m WHERE m.machine = 'order'
          AND m.from_state IS NOT DISTINCT FROM t.from_state AND m.to_state = t.to_state)
      UNION ALL
      SELECT 'move without who, why or request', t.order_id FROM trail t
      WHERE t.actor = '' OR t.reason = '' OR t.request_id = ''
      UNION ALL
      SELECT 'ended hold without a reason', h.id FROM seats.holds h
      WHERE h.state IN ('SOLD', 'RELEASED', 'LAPSED')
        AND (h.ended_at IS NULL OR coalesce(h.end_reason, '') = '' OR h.request_id = '')`,
  },
];

type Violation = { id: string; promise: string; what: string; which: string };

/** All breaches of all guarantees (at most 20 of each), and which were checked. */
export const checkInvariants = async (
  db: Sql,
): Promise<{ checked: string[]; violations: Violation[] }> => {
  const violations: Violation[] = [];
  for (const { id, promise, sql } of checks) {
    const rows = await db.query<{ what: string; which: string }>(
      `SELECT what, which FROM (${sql}) breaches LIMIT 20`,
    );
    for (const row of rows) violations.push({ id, promise, ...row });
  }
  return { checked: checks.map((check) => check.id), violations };
};

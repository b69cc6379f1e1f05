import type { Sql } from './platform/postgres/sql.ts';

/**
 * The guarantees of docs/booking.md as queries: each returns the rows that break it, so an empty
 * result means that it holds. They run after every load, chaos and simulation run, and in
 * `usher stampede`. Each has planted breaches in invariants.postgres.test.ts.
 */
type Check = { id: string; promise: string; sql: string };

const checks: readonly Check[] = [
  {
    id: 'I1',
    promise: 'at most one live ticket for a seat of a performance, and sold seats are ticketed',
    sql: `
      SELECT 'two live tickets' AS what, performance_id || ' ' || seat_no AS which
      FROM tickets.tickets WHERE state = 'LIVE'
      GROUP BY show_id, performance_id, seat_no HAVING count(*) > 1
      UNION ALL
      SELECT 'sold without a live ticket', c.performance_id || ' ' || c.seat_no
      FROM seats.claims c LEFT JOIN tickets.tickets t ON t.show_id = c.show_id
        AND t.performance_id = c.performance_id AND t.seat_no = c.seat_no AND t.state = 'LIVE'
        AND t.order_id = c.order_id
      WHERE c.state = 'sold' AND t.id IS NULL
      UNION ALL
      SELECT 'live ticket for a seat not sold', t.id
      FROM tickets.tickets t LEFT JOIN seats.claims c ON t.show_id = c.show_id
        AND t.performance_id = c.performance_id AND t.seat_no = c.seat_no AND c.state = 'sold'
        AND t.order_id = c.order_id
      WHERE t.state = 'LIVE' AND c.seat_no IS NULL`,
  },
  {
    id: 'I2',
    promise: 'no money without its tickets',
    sql: `
      SELECT 'captured, order not paid' AS what, o.id AS which
      FROM payments.balances b JOIN orders.orders o ON o.show_id = b.show_id AND o.id = b.order_id
      WHERE b.captured_minor > b.refunded_minor AND o.state NOT IN ('PAID', 'PARTLY_REFUNDED')
      UNION ALL
      SELECT 'approved attempt without capture', a.id
      FROM payments.attempts a LEFT JOIN payments.ledger l ON l.show_id = a.show_id
        AND l.attempt_id = a.id AND l.kind = 'CAPTURE'
      WHERE a.outcome = 'APPROVED' AND l.seq IS NULL
      UNION ALL
      SELECT 'paid order without all its tickets', o.id
      FROM orders.orders o WHERE o.state = 'PAID' AND
        (SELECT count(*) FROM orders.items i WHERE i.show_id = o.show_id AND i.order_id = o.id) <>
        (SELECT count(*) FROM tickets.tickets t WHERE t.show_id = o.show_id AND t.order_id = o.id
          AND t.state = 'LIVE')`,
  },
  {
    id: 'I3',
    promise: 'no ticket without money',
    sql: `
      SELECT 'live ticket without captured money' AS what, t.id AS which
      FROM tickets.tickets t
      LEFT JOIN payments.balances b ON b.show_id = t.show_id AND b.order_id = t.order_id
      LEFT JOIN orders.items i ON i.show_id = t.show_id AND i.order_id = t.order_id
        AND i.seat_no = t.seat_no
      WHERE t.state = 'LIVE'
        AND (b.order_id IS NULL OR i.seat_no IS NULL
          OR b.captured_minor - b.refunded_minor < i.price_minor)`,
  },
  {
    id: 'I4',
    promise: 'what was captured is the server’s total, in its currency, for that order',
    sql: `
      SELECT 'captured another amount' AS what, o.id AS which
      FROM payments.ledger l JOIN orders.orders o ON o.show_id = l.show_id AND o.id = l.order_id
      WHERE l.kind = 'CAPTURE' AND (l.amount_minor <> o.total_minor OR l.currency <> o.currency)
      UNION ALL
      SELECT 'total is not the sum of its items', o.id
      FROM orders.orders o WHERE o.total_minor IS DISTINCT FROM
        (SELECT sum(i.price_minor + i.fee_minor) FROM orders.items i
         WHERE i.show_id = o.show_id AND i.order_id = o.id)
      UNION ALL
      SELECT 'attempt for another amount or order', a.id
      FROM payments.attempts a
      LEFT JOIN orders.orders o ON o.show_id = a.show_id AND o.id = a.order_id
      WHERE o.id IS NULL OR a.amount_minor <> o.total_minor OR a.currency <> o.currency`,
  },
  {
    id: 'I5',
    promise: 'an outdated holder or attempt has changed nothing (fence)',
    sql: `
      SELECT 'claim under another fence than its hold' AS what,
        c.performance_id || ' ' || c.seat_no AS which
      FROM seats.claims c JOIN seats.holds h ON h.show_id = c.show_id AND h.id = c.hold_id
      WHERE c.state IN ('paying', 'sold') AND c.fence <> h.fence
      UNION ALL
      SELECT 'sold by an attempt that had lost its fence', a.id
      FROM payments.attempts a JOIN seats.holds h ON h.show_id = a.show_id AND h.id = a.hold_id
      WHERE a.outcome = 'APPROVED' AND (a.fence IS DISTINCT FROM h.fence OR h.state <> 'SOLD')
      UNION ALL
      SELECT 'claim of a hold that is not its holder', c.performance_id || ' ' || c.seat_no
      FROM seats.claims c LEFT JOIN seats.holds h ON h.show_id = c.show_id AND h.id = c.hold_id
        AND h.buyer_id = c.buyer_id AND c.seat_no = ANY (h.seat_nos)
      WHERE c.state <> 'blocked' AND h.id IS NULL`,
  },
  {
    id: 'I8',
    promise: 'the same request has one effect',
    sql: `
      SELECT 'order captured twice' AS what, order_id AS which
      FROM payments.ledger WHERE kind = 'CAPTURE' GROUP BY show_id, order_id HAVING count(*) > 1
      UNION ALL
      SELECT 'two approved attempts for one order', order_id
      FROM payments.attempts WHERE outcome = 'APPROVED'
      GROUP BY show_id, order_id HAVING count(*) > 1
      UNION ALL
      SELECT 'two living orders for one hold', hold_id
      FROM orders.orders WHERE state NOT IN ('FAILED', 'CANCELLED', 'EXPIRED')
      GROUP BY show_id, hold_id HAVING count(*) > 1`,
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
      SELECT 'claim of an ended hold', c.performance_id || ' ' || c.seat_no
      FROM seats.claims c JOIN seats.holds h ON h.show_id = c.show_id AND h.id = c.hold_id
      WHERE (h.state IN ('RELEASED', 'LAPSED'))
        OR (h.state = 'ACTIVE' AND c.state <> 'held')
        OR (h.state = 'PAYING' AND c.state <> 'paying')
      UNION ALL
      SELECT 'living hold without all its claims', h.id FROM seats.holds h
      WHERE h.state IN ('ACTIVE', 'PAYING', 'SOLD') AND cardinality(h.seat_nos) <>
        (SELECT count(*) FROM seats.claims c WHERE c.show_id = h.show_id
          AND c.performance_id = h.performance_id AND c.hold_id = h.id)
      UNION ALL
      SELECT s.taken || ' seats counted as taken', s.performance_id FROM seats.stock s
      WHERE s.taken <> (SELECT count(*) FROM seats.claims c
        WHERE c.show_id = s.show_id AND c.performance_id = s.performance_id)
      UNION ALL
      SELECT 'seats being paid for by nobody', h.id FROM seats.holds h
      WHERE h.state = 'PAYING' AND NOT EXISTS (SELECT FROM payments.attempts a
        WHERE a.show_id = h.show_id AND a.hold_id = h.id
          AND a.state IN ('SEATS_LOCKED', 'SENT', 'ANSWERED'))
      UNION ALL
      SELECT 'open order of an ended hold', o.id
      FROM orders.orders o JOIN seats.holds h ON h.show_id = o.show_id AND h.id = o.hold_id
      WHERE o.state = 'PENDING' AND h.state IN ('RELEASED', 'LAPSED')`,
  },
  {
    id: 'I13',
    promise: 'the ledger adds up, and no more is refunded than was captured',
    sql: `
      SELECT 'balance is not the sum of the ledger' AS what, order_id AS which
      FROM (SELECT show_id, order_id,
          coalesce(sum(amount_minor) FILTER (WHERE kind = 'CAPTURE'), 0) AS captured,
          coalesce(sum(amount_minor) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
        FROM payments.ledger GROUP BY show_id, order_id) l
      FULL JOIN payments.balances b USING (show_id, order_id)
      WHERE b.captured_minor IS DISTINCT FROM l.captured
        OR b.refunded_minor IS DISTINCT FROM l.refunded OR l.refunded > l.captured`,
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

import type { Sql } from '../../server/src/platform/postgres/sql.ts';
import type { Gate, View } from './calls.ts';
import type { Words } from './words.ts';

/**
 * The tables of booking: what they show after a history, in the words of calls.ts, and what only a
 * test does to them. The only file of the reference tests that knows the tables.
 */

type Row<Table extends keyof View> = View[Table][number];
/** As the tables have it: ids with their prefix, instants as texts. */
type StoredView = {
  performances: Row<'performances'>[];
  seats: (Omit<Row<'seats'>, 'deadline'> & { deadline: string | null })[];
  holds: (Omit<Row<'holds'>, 'deadline' | 'endsBy'> & { deadline: string; endsBy: string })[];
  orders: (Omit<Row<'orders'>, 'deadline'> & { deadline: string })[];
  attempts: Row<'attempts'>[];
  tickets: Row<'tickets'>[];
  ledger: Row<'ledger'>[];
};

const viewSql = `
  SELECT json_build_object(
    'performances', (
      SELECT coalesce(json_agg(json_build_object('id', s.performance_id,
        'painting', s.painting_version, 'taken', s.taken)), '[]')
      FROM seats.stock s WHERE s.show_id = ANY ($1)),
    'seats', (
      SELECT coalesce(json_agg(json_build_object('performance', s.performance_id,
        'seat', c.seat_no, 'state', CASE h.state WHEN 'ACTIVE' THEN 'held'
          WHEN 'PAYING' THEN 'paying' WHEN 'SOLD' THEN 'sold' ELSE 'blocked' END,
        'grade', c.grade, 'hold', c.hold_id, 'buyer', h.buyer_id, 'order', h.order_id,
        'deadline', CASE h.state WHEN 'ACTIVE' THEN h.deadline END)), '[]')
      FROM seats.claims c JOIN seats.stock s ON s.no = c.stock_no
      LEFT JOIN seats.holds h ON h.id = c.hold_id
      WHERE s.show_id = ANY ($1)),
    'holds', (
      SELECT coalesce(json_agg(json_build_object('id', h.id, 'performance', s.performance_id,
        'buyer', h.buyer_id, 'seats', h.seat_nos, 'state', h.state,
        'order', CASE WHEN h.state IN ('ACTIVE', 'PAYING', 'SOLD') THEN h.order_id END,
        'deadline', h.deadline, 'endsBy', h.ends_by,
        'isExtended', h.extended_at IS NOT NULL, 'wish', h.fingerprint)), '[]')
      FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no
      WHERE s.show_id = ANY ($1)),
    'orders', (
      SELECT coalesce(json_agg(json_build_object('id', o.id, 'hold', o.hold_id,
        'buyer', o.buyer_id, 'performance', o.performance_id, 'state', o.state,
        'totalMinor', o.total_minor, 'deadline', o.deadline,
        'failureCode', CASE o.state WHEN 'FAILED' THEN o.failure_code END,
        'seats', (SELECT json_agg((i->>'seatNo')::integer ORDER BY (i->>'seatNo')::integer)
          FROM json_array_elements(o.items) i),
        'trail', (SELECT json_agg(j.to_state ORDER BY j.seq) FROM platform.journal j
          WHERE j.seq > $2 AND j.order_id = o.id),
        'events', (SELECT json_agg(replace(j.type, 'order.', '') ORDER BY j.seq)
          FROM platform.journal j
          WHERE j.seq > $2 AND j.order_id = o.id AND j.type IS NOT NULL))), '[]')
      FROM orders.orders o WHERE o.show_id = ANY ($1)),
    'attempts', (
      SELECT coalesce(json_agg(json_build_object('id', a.id, 'order', a.order_id,
        'amountMinor', a.amount_minor, 'paymentKey', a.payment_key, 'answer', a.outcome,
        'wasUnknown', a.unknown_since IS NOT NULL)), '[]')
      FROM payments.attempts a JOIN orders.orders o ON o.id = a.order_id
      WHERE o.show_id = ANY ($1)),
    'tickets', (
      SELECT coalesce(json_agg(json_build_object('order', t.order_id,
        'performance', t.performance_id, 'buyer', t.buyer_id, 'seat', t.seat_no,
        'grade', t.grade)), '[]')
      FROM tickets.tickets t WHERE t.show_id = ANY ($1)),
    'ledger', (
      SELECT coalesce(json_agg(json_build_object('order', l.order_id, 'attempt', l.attempt_id,
        'amountMinor', l.amount_minor)), '[]')
      FROM payments.ledger l JOIN orders.orders o ON o.id = l.order_id
      WHERE o.show_id = ANY ($1))) AS view`;

/** The same in the words of the history. */
const toView = (stored: StoredView, { toName, toHours }: Words): View => {
  const toNameMaybe = (id: string | null): string | null => (id === null ? null : toName(id));
  return {
    performances: stored.performances.map((each) => ({ ...each, id: toName(each.id) })),
    seats: stored.seats.map((each) => ({
      ...each,
      performance: toName(each.performance),
      hold: toNameMaybe(each.hold),
      buyer: toNameMaybe(each.buyer),
      order: toNameMaybe(each.order),
      deadline: each.deadline === null ? null : toHours(each.deadline),
    })),
    holds: stored.holds.map((each) => ({
      ...each,
      id: toName(each.id),
      performance: toName(each.performance),
      buyer: toName(each.buyer),
      order: toNameMaybe(each.order),
      deadline: toHours(each.deadline),
      endsBy: toHours(each.endsBy),
    })),
    orders: stored.orders.map((each) => ({
      ...each,
      id: toName(each.id),
      hold: toName(each.hold),
      buyer: toName(each.buyer),
      performance: toName(each.performance),
      deadline: toHours(each.deadline),
    })),
    attempts: stored.attempts.map((each) => ({
      ...each,
      id: toName(each.id),
      order: toName(each.order),
      paymentKey: toName(each.paymentKey),
    })),
    tickets: stored.tickets.map((each) => ({
      ...each,
      order: toName(each.order),
      performance: toName(each.performance),
      buyer: toName(each.buyer),
    })),
    ledger: stored.ledger.map((each) => ({
      ...each,
      order: toName(each.order),
      attempt: toName(each.attempt),
    })),
  };
};

/** `afterSeq`: the last row of the journal before the history. */
export const readView = async (db: Sql, words: Words, afterSeq: number): Promise<View> => {
  const [row] = await db.query<{ view: StoredView }>(viewSql, [words.showIds, afterSeq]);
  if (row === undefined) throw new Error('the database shows nothing');
  return toView(row.view, words);
};

/** The version of the seats of each performance. */
export const readVersions = async (db: Sql, words: Words): Promise<Map<string, number>> => {
  const found = await db.query<{ performance_id: string; version: number }>(
    'SELECT performance_id, version::integer FROM seats.stock WHERE show_id = ANY ($1)',
    [words.showIds],
  );
  return new Map(found.map((row) => [words.toName(row.performance_id), row.version]));
};

/**
 * The database's clock cannot be moved: instead, every instant of the history is so many hours
 * longer ago. No state changes.
 */
export const passTime = async (db: Sql, { showIds }: Words, hours: number): Promise<void> => {
  await db.query(
    `WITH stock AS (
       UPDATE seats.stock SET sale_opens_at = sale_opens_at - $2::interval,
         sale_closes_at = sale_closes_at - $2::interval WHERE show_id = ANY ($1)
     ), holds AS (
       UPDATE seats.holds SET taken_at = taken_at - $2::interval,
         deadline = deadline - $2::interval, ends_by = ends_by - $2::interval,
         due = due - $2::interval
       WHERE stock_no IN (SELECT no FROM seats.stock WHERE show_id = ANY ($1))
     ), sweeper AS (
       UPDATE seats.sweeper SET swept_until = swept_until - $2::interval
     )
     UPDATE orders.orders SET deadline = deadline - $2::interval WHERE show_id = ANY ($1)`,
    [showIds, `${hours} hours`],
  );
};

/** Which tables to lock so that calls meet; see `Gate`. The rows of the history, by `$1`. */
export const gateSql: Readonly<Record<Exclude<Gate, 'none'>, string>> = {
  stock: 'SELECT FROM seats.stock WHERE show_id = ANY ($1) FOR UPDATE',
  holds: `SELECT FROM seats.holds WHERE stock_no IN (
    SELECT no FROM seats.stock WHERE show_id = ANY ($1)) FOR UPDATE`,
  orders: 'SELECT FROM orders.orders WHERE show_id = ANY ($1) FOR UPDATE',
  attempts: `SELECT FROM payments.attempts WHERE order_id IN (
    SELECT id FROM orders.orders WHERE show_id = ANY ($1)) FOR UPDATE`,
};

/** As if another process had meanwhile begun to pay for the same hold. */
export const outdateHold = async (db: Sql, holdId: string): Promise<void> => {
  await db.query('UPDATE seats.holds SET fence = fence + 1 WHERE id = $1', [holdId]);
};

/** The sweeper does not look again at what the history has left: it would count in later ones. */
export const leaveHolds = async (db: Sql, { showIds }: Words): Promise<void> => {
  await db.query(
    `UPDATE seats.holds SET due = 'infinity'
     WHERE stock_no IN (SELECT no FROM seats.stock WHERE show_id = ANY ($1))
       AND state IN ('ACTIVE', 'PAYING')`,
    [showIds],
  );
};

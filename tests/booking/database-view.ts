import type { Sql } from '../../server/src/platform/postgres/sql.ts';
import type { View } from './calls.ts';

/**
 * What the tables of booking show after a history, in the words of calls.ts; beside database.ts the
 * only file of the reference tests that knows the tables.
 */

/** Between the words of a history and those of the database. */
export type Words = {
  /** The history's id as it is in the database. */
  add(id: string): string;
  /** And back. Throws for an id of another history. */
  drop(id: string): string;
  /** Whole hours since the history began; what the database adds to them is less than an hour. */
  toHours(at: Date | string): number;
  /** The shows of the history, as they are in the database. */
  readonly showIds: readonly string[];
};

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
      SELECT coalesce(json_agg(json_build_object('performance', c.performance_id,
        'seat', c.seat_no, 'state', c.state, 'grade', c.grade, 'hold', c.hold_id,
        'buyer', c.buyer_id, 'order', c.order_id, 'deadline', c.deadline)), '[]')
      FROM seats.claims c WHERE c.show_id = ANY ($1)),
    'holds', (
      SELECT coalesce(json_agg(json_build_object('id', h.id, 'performance', h.performance_id,
        'buyer', h.buyer_id, 'seats', h.seat_nos, 'state', h.state,
        'order', CASE WHEN h.state IN ('ACTIVE', 'PAYING', 'SOLD') THEN h.order_id END,
        'deadline', h.deadline, 'endsBy', h.ends_by,
        'isExtended', h.extended_at IS NOT NULL, 'wish', h.fingerprint)), '[]')
      FROM seats.holds h WHERE h.show_id = ANY ($1)),
    'orders', (
      SELECT coalesce(json_agg(json_build_object('id', o.id, 'hold', o.hold_id,
        'buyer', o.buyer_id, 'performance', o.performance_id, 'state', o.state,
        'totalMinor', o.total_minor, 'deadline', o.deadline,
        'failureCode', CASE o.state WHEN 'FAILED' THEN o.failure_code END,
        'seats', (SELECT json_agg(i.seat_no ORDER BY i.seat_no) FROM orders.items i
          WHERE i.show_id = o.show_id AND i.order_id = o.id),
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
      FROM payments.attempts a WHERE a.show_id = ANY ($1) AND a.payment_key IS NOT NULL),
    'tickets', (
      SELECT coalesce(json_agg(json_build_object('order', t.order_id,
        'performance', t.performance_id, 'buyer', t.buyer_id, 'seat', t.seat_no,
        'grade', t.grade)), '[]')
      FROM tickets.tickets t WHERE t.show_id = ANY ($1)),
    'ledger', (
      SELECT coalesce(json_agg(json_build_object('order', l.order_id, 'attempt', l.attempt_id,
        'amountMinor', l.amount_minor)), '[]')
      FROM payments.ledger l WHERE l.show_id = ANY ($1))) AS view`;

/** The same in the words of the history. */
const toView = (stored: StoredView, { drop, toHours }: Words): View => {
  const dropMaybe = (id: string | null): string | null => (id === null ? null : drop(id));
  return {
    performances: stored.performances.map((each) => ({ ...each, id: drop(each.id) })),
    seats: stored.seats.map((each) => ({
      ...each,
      performance: drop(each.performance),
      hold: dropMaybe(each.hold),
      buyer: dropMaybe(each.buyer),
      order: dropMaybe(each.order),
      deadline: each.deadline === null ? null : toHours(each.deadline),
    })),
    holds: stored.holds.map((each) => ({
      ...each,
      id: drop(each.id),
      performance: drop(each.performance),
      buyer: drop(each.buyer),
      order: dropMaybe(each.order),
      deadline: toHours(each.deadline),
      endsBy: toHours(each.endsBy),
    })),
    orders: stored.orders.map((each) => ({
      ...each,
      id: drop(each.id),
      hold: drop(each.hold),
      buyer: drop(each.buyer),
      performance: drop(each.performance),
      deadline: toHours(each.deadline),
    })),
    attempts: stored.attempts.map((each) => ({
      ...each,
      id: drop(each.id),
      order: drop(each.order),
      paymentKey: drop(each.paymentKey),
    })),
    tickets: stored.tickets.map((each) => ({
      ...each,
      order: drop(each.order),
      performance: drop(each.performance),
      buyer: drop(each.buyer),
    })),
    ledger: stored.ledger.map((each) => ({
      ...each,
      order: drop(each.order),
      attempt: drop(each.attempt),
    })),
  };
};

/** `afterSeq`: the last row of the journal before the history. */
export const readView = async (db: Sql, words: Words, afterSeq: number): Promise<View> => {
  const [row] = await db.query<{ view: StoredView }>(viewSql, [words.showIds, afterSeq]);
  if (row === undefined) throw new Error('the database shows nothing');
  return toView(row.view, words);
};

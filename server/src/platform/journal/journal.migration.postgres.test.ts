import { openBooking } from '@usher/tests/support/booking.ts';
import { makeOldSale } from '@usher/tests/support/old-database.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { stateMachines } from '../../state-machines.ts';
import { manualClock, systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import { migrate } from '../postgres/migrate.ts';
import { type Database, openDatabase } from '../postgres/sql.ts';
import { makeEventId } from './consumer.ts';
import type { JournalEvent } from './relay.ts';
import { append, openRelay, testEvent } from './test-bed.ts';

/** The consumers of the version before, and what they take. */
const consumers: Readonly<Record<string, readonly string[]>> = {
  'catalogue-sold-out': [
    'order.placed',
    'order.paid',
    'order.failed',
    'order.expired',
    'order.cancelled',
  ],
  notifications: ['order.paid', 'order.failed', 'order.unknown', 'sale.opened'],
  ranking: ['order.paid'],
  'waiting-room-order-ends': ['order.paid', 'order.failed', 'order.expired', 'order.cancelled'],
};

type OldEvent = {
  seq: number;
  id: string;
  show_id: string;
  type: string;
  payload: { orderId?: string };
  trace_id: string | null;
};
type OldTransition = { order_id: string; from_state: string | null; to_state: string; at: Date };

let url: string;
let db: Database;
/** As it was before the migration. */
let old: {
  events: OldEvent[];
  transitions: OldTransition[];
  cursors: { consumer: string; seq: number }[];
  parked: { seq: number }[];
  seen: { event_id: string }[];
  letters: { event_id: string; replayed_at: Date | null }[];
  lastSeq: number;
};

beforeEach(async () => {
  ({ url } = await makeOldSale());
  db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
  const [last] = await db.query<{ seq: number }>(
    'SELECT last_value AS seq FROM platform.outbox_seq_seq',
  );
  old = {
    events: await db.query(
      'SELECT seq, id, show_id, type, payload, trace_id FROM platform.outbox ORDER BY seq',
    ),
    transitions: await db.query('SELECT * FROM orders.transitions ORDER BY order_id, at'),
    cursors: await db.query('SELECT consumer, seq FROM platform.cursors'),
    parked: await db.query(
      `SELECT seq FROM platform.parked WHERE consumer = 'notifications' ORDER BY seq`,
    ),
    seen: await db.query(`SELECT event_id FROM platform.inbox WHERE consumer = 'ranking'`),
    letters: await db.query('SELECT event_id, replayed_at FROM platform.dead_letters'),
    lastSeq: last?.seq ?? 0,
  };
  await migrate({ url, log: silentLog, machines: stateMachines });
});
afterEach(() => db.close());

/** What each consumer receives in the first round of this version's relay. */
const deliver = async (
  types: Readonly<Record<string, readonly string[]>>,
  work: (relay: ReturnType<typeof openRelay>) => Promise<void> = async () => undefined,
) => {
  const received = new Map<string, JournalEvent[]>();
  const clock = manualClock(systemClock.nowMs());
  const relay = openRelay({
    db,
    clock,
    log: silentLog,
    metrics: makeMetrics(),
    owner: 'the new version',
    consumers: Object.entries(types).map(([name, wanted]) => ({
      name,
      types: wanted,
      handle: async (_tx, events) => {
        received.set(name, [...(received.get(name) ?? []), ...events]);
      },
    })),
  });
  await until('the relay sleeps', () => clock.sleeping === 1);
  await work(relay);
  await relay.close();
  return (name: string): JournalEvent[] => received.get(name) ?? [];
};
const numbersOf = (events: readonly { seq: number }[]): number[] => events.map(({ seq }) => seq);

describe('the old sale', () => {
  test('has what the migration has to move: nothing here is tested on an empty table', () => {
    expect(old.events.length).toBeGreaterThan(10);
    expect(old.parked.length).toBeGreaterThan(1);
    expect(old.letters.map(({ replayed_at }) => replayed_at !== null).toSorted()).toEqual([
      false,
      true,
    ]);
    expect(new Set(old.cursors.map(({ seq }) => seq)).size).toBe(2);
    expect(old.lastSeq).toBeGreaterThan(old.events.at(-1)?.seq ?? 0);
    const ranking = old.cursors.find(({ consumer }) => consumer === 'ranking');
    const beyond = old.events.filter(({ seq }) => seq > (ranking?.seq ?? 0));
    const ids = new Set(beyond.map(({ id }) => id));
    expect(old.seen.filter(({ event_id }) => ids.has(event_id))).toHaveLength(1);
    const states = new Set(old.transitions.map(({ to_state }) => to_state));
    expect([...states].toSorted()).toEqual([
      'CANCELLED',
      'EXPIRED',
      'FAILED',
      'PAID',
      'PAYING',
      'PENDING',
      'UNKNOWN',
    ]);
  });
});

describe('the migration to one journal', () => {
  test('keeps every transition, with its instant, who, why and request', async () => {
    const kept = await db.query(
      `SELECT show_id, order_id, from_state, to_state, at, actor, reason, request_id
       FROM platform.journal WHERE to_state IS NOT NULL ORDER BY order_id, at`,
    );
    expect(kept).toEqual(old.transitions);
  });

  test('keeps every event under its number, and consumers read the same in it', async () => {
    const types = [...new Set(old.events.map(({ type }) => type))];
    const everything = (await deliver({ everything: types }))('everything');
    expect(
      everything.map(({ seq, showId, type, payload, traceId }) => [
        [seq, showId, type, traceId],
        payload,
      ]),
    ).toEqual(
      old.events.map(({ seq, show_id, type, payload, trace_id }) => [
        [seq, show_id, type, trace_id],
        payload,
      ]),
    );
  });

  test('makes one row of a transition and its event', async () => {
    const rows = await db.query<{ seq: number; type: string | null; to_state: string | null }>(
      'SELECT seq, type, to_state FROM platform.journal ORDER BY seq',
    );
    const alone = old.events.filter(({ payload }) => payload.orderId === undefined);
    expect(rows).toHaveLength(old.transitions.length + alone.length);
    for (const { seq, type, to_state } of rows) {
      // Numbers below zero are history, which no consumer reads.
      expect(seq < 0).toBe(type === null);
      if (type?.startsWith('order.') === true)
        expect(type).toBe(`order.${to_state === 'PENDING' ? 'placed' : to_state?.toLowerCase()}`);
    }
  });

  test('numbers the transitions without an event in their order', async () => {
    const rows = await db.query<{ seq: number; at: Date }>(
      'SELECT seq, at FROM platform.journal WHERE seq < 0 ORDER BY at',
    );
    const [last] = await db.query<{ seq: number }>('SELECT max(seq) AS seq FROM platform.journal');
    expect(last?.seq).toBeGreaterThan(0);
    expect(numbersOf(rows)).toEqual(rows.map((_, i) => i - rows.length));
  });

  test('delivers to each consumer what it had not received, and nothing twice', async () => {
    const received = await deliver(consumers);
    const seen = new Set(old.seen.map(({ event_id }) => event_id));
    for (const { consumer, seq } of old.cursors) {
      const wanted = consumers[consumer] ?? [];
      const parked = consumer === 'notifications' ? numbersOf(old.parked) : [];
      const due = old.events.filter(
        (event) =>
          parked.includes(event.seq) ||
          (event.seq > seq &&
            wanted.includes(event.type) &&
            !(consumer === 'ranking' && seen.has(event.id))),
      );
      expect(numbersOf(received(consumer)), consumer).toEqual(numbersOf(due));
    }
    expect(await db.query('SELECT FROM platform.waiting_events')).toEqual([]);
  });

  test('keeps the dead letter that waits, and it can be replayed', async () => {
    const waiting = old.letters.find(({ replayed_at }) => replayed_at === null);
    const event = old.events.find(({ id }) => id === waiting?.event_id);
    const eventId = makeEventId(event?.seq ?? 0);
    const received = await deliver(consumers, async (relay) => {
      const letters = await relay.deadLetters(10);
      expect(letters).toMatchObject([
        { consumer: 'notifications', eventId, type: event?.type, payload: event?.payload },
      ]);
      expect(await relay.replay('notifications', eventId)).toBe('replayed');
      expect(await relay.deadLetters(10)).toEqual([]);
    });
    expect(received('notifications').at(-1)?.seq).toBe(event?.seq);
  });

  test('continues after the highest number that was ever taken', async () => {
    const event = testEvent('show 1', { type: 'order.paid' });
    await append(db, event);
    const received = await deliver(consumers);
    expect(received('ranking').at(-1)).toMatchObject({
      seq: old.lastSeq + 1,
      payload: { name: event.name },
    });
  });

  test('breaks no guarantee, and the sale goes on', async () => {
    expect((await checkInvariants(db)).violations).toEqual([]);
    const [sale] = await db.query<{ showId: string; performanceId: string }>(
      'SELECT show_id AS "showId", performance_id AS "performanceId" FROM seats.stock',
    );
    if (sale === undefined) throw new Error('there is no sale');
    const b = await openBooking({ url, sale, rows: [[10], [10], [10]] });
    const { orderId, attemptId, total } = await b.order('acc_new', [20, 21]);
    expect(await b.pay('acc_new', attemptId, total)).toEqual({ outcome: 'paid', orderId });
    const trail = await db.query(
      'SELECT type, to_state FROM platform.journal WHERE order_id = $1 ORDER BY seq',
      [orderId],
    );
    expect(trail).toEqual([
      { type: 'order.placed', to_state: 'PENDING' },
      { type: null, to_state: 'PAYING' },
      { type: 'order.paid', to_state: 'PAID' },
    ]);
    expect((await checkInvariants(db)).violations).toEqual([]);
  });

  test.each(['payments.ledger', 'platform.journal'])('leaves %s append-only', async (table) => {
    for (const statement of [`DELETE FROM ${table}`, `TRUNCATE ${table}`])
      await expect(db.query(statement)).rejects.toThrow(`${table} is append-only`);
  });
});

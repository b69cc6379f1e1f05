import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prune } from '../prune.ts';
import { makeEventId, readEventId } from './consumer.ts';
import type { JournalEvent } from './relay.ts';
import { append, type JournalBed, openJournalBed, testEvent } from './test-bed.ts';

let bed: JournalBed;
beforeEach(async () => {
  bed = await openJournalBed((await makeTestDatabase()).url);
});
afterEach(() => bed.close());

/** Appends moves of an order, as orders.place and orders.move do. */
const move = (...moves: readonly [type: string | null, from: string | null, to: string][]) =>
  bed.db.query(
    `SELECT platform.append_journal(array_agg(ROW('2026-11-01T09:00:00.123Z', 'show 1', m.type,
       'ord_1', m.from_state, m.to_state, 'acc_1', 'clicked', 'request 1',
       CASE WHEN m.type IS NOT NULL THEN json_build_object('seats', 2) END)::platform.journal_entry
       ORDER BY m.position))
     FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS m (type, from_state, to_state, position)`,
    [moves.map(([type]) => type), moves.map(([, from]) => from), moves.map(([, , to]) => to)],
  );
const rows = () => bed.db.query('SELECT * FROM platform.journal ORDER BY seq');
/** What a consumer of every type receives in its first round. */
const receive = async (...types: readonly string[]): Promise<JournalEvent[]> => {
  const received: JournalEvent[] = [];
  const handle = async (_tx: unknown, events: readonly JournalEvent[]) => {
    received.push(...events);
  };
  const relay = bed.relay([{ name: 'everything', types, handle }]);
  await until('the relay sleeps', () => relay.clock.sleeping === 1);
  return received;
};

describe('a row of the journal', () => {
  test('is a transition and its event in one, numbered in the order of writing', async () => {
    await move(['order.placed', null, 'PENDING'], [null, 'PENDING', 'PAYING']);
    const common = {
      at: new Date('2026-11-01T09:00:00.123Z'),
      show_id: 'show 1',
      order_id: 'ord_1',
      actor: 'acc_1',
      reason: 'clicked',
      request_id: 'request 1',
    };
    const placed = { from_state: null, to_state: 'PENDING', type: 'order.placed' };
    const begun = { from_state: 'PENDING', to_state: 'PAYING', type: null };
    expect(await rows()).toEqual([
      { seq: 1, ...placed, payload: { seats: 2 }, ...common },
      { seq: 2, ...begun, payload: null, ...common },
    ]);
  });

  test.each([
    ['changed', `UPDATE platform.journal SET actor = 'somebody'`],
    ['deleted', 'DELETE FROM platform.journal'],
    ['deleted with all others', 'TRUNCATE platform.journal'],
  ])('cannot be %s', async (_what, statement) => {
    await move(['order.placed', null, 'PENDING']);
    const before = await rows();
    await expect(bed.db.query(statement)).rejects.toThrow('platform.journal is append-only');
    expect(await rows()).toEqual(before);
  });

  test('is kept after every consumer has taken its event', async () => {
    await append(bed.db, testEvent('show 1', { atMs: 0 }));
    expect(await receive('seat.sold')).toHaveLength(1);
    await prune(bed.db);
    expect(await rows()).toHaveLength(1);
  });

  test.each([
    ['neither an event nor a transition', { type: null, to: null, payload: null }],
    ['an event without a payload', { type: 'order.paid', to: null, payload: null }],
    ['a payload without an event', { type: null, to: 'PAID', payload: '{}' }],
  ])('is refused if it is %s', async (_what, { type, to, payload }) => {
    const insert = bed.db.query(
      `INSERT INTO platform.journal (at, show_id, type, order_id, to_state, actor, reason,
         request_id, payload)
       VALUES (now(), 'show 1', $1, 'ord_1', $2, 'a', 'b', 'c', $3)`,
      [type, to, payload],
    );
    await expect(insert).rejects.toThrow('violates check constraint');
  });

  test.each(['order_id', 'actor', 'reason', 'request_id'])(
    'is refused if it is a transition without its %s',
    async (column) => {
      const insert = bed.db.query(
        `INSERT INTO platform.journal (at, show_id, to_state, order_id, actor, reason, request_id)
         SELECT now(), 'show 1', 'PAID', e.order_id, e.actor, e.reason, e.request_id
         FROM jsonb_populate_record(null::platform.journal_entry,
           '{"order_id": "a", "actor": "b", "reason": "c", "request_id": "d"}'::jsonb - $1) e`,
        [column],
      );
      await expect(insert).rejects.toThrow('violates check constraint');
    },
  );
});

describe('a consumer', () => {
  test('receives an event with what the columns say of it', async () => {
    await move([null, 'PENDING', 'PAYING'], ['order.paid', 'PAYING', 'PAID']);
    expect(await receive('order.paid')).toEqual([
      {
        seq: 2,
        id: 'evt_00000000000000000000000002',
        showId: 'show 1',
        type: 'order.paid',
        payload: { seats: 2, orderId: 'ord_1', at: '2026-11-01T09:00:00.123Z' },
        traceId: null,
        atMs: Date.parse('2026-11-01T09:00:00.123Z'),
      },
    ]);
  });

  test('passes over a transition that is no event: nothing waits, nothing is late', async () => {
    await bed.db.query(`INSERT INTO platform.cursors (consumer, seq) VALUES ('mails', 0)`);
    await move([null, 'PENDING', 'PAYING']);
    expect(await bed.waiting()).toEqual([]);
    const relay = bed.relay([bed.consumer('mails')]);
    await until('the relay sleeps', () => relay.clock.sleeping === 1);
    expect(await relay.metric('usher_journal_lag_seconds')).toBe('usher_journal_lag_seconds 0');
    expect(await relay.metric('usher_journal_events_total')).toBe('usher_journal_events_total 0');
    expect(await bed.db.query('SELECT seq FROM platform.cursors')).toEqual([{ seq: 1 }]);
  });

  test('does not receive the transitions from before the journal', async () => {
    await bed.db.query(
      `INSERT INTO platform.journal (seq, at, show_id, order_id, to_state, actor, reason,
         request_id, type, payload)
       OVERRIDING SYSTEM VALUE VALUES (-1, now(), 's', 'o', 'PAID', 'a', 'r', 'q', 'order.paid',
         '{}')`,
    );
    expect(await receive('order.paid')).toEqual([]);
  });
});

describe('the id of an event', () => {
  test('is valid, and says its number', () => {
    for (const seq of [0, 1, 42, Number.MAX_SAFE_INTEGER]) {
      const id = makeEventId(seq);
      expect(id).toMatch(/^evt_[0-9a-hjkmnp-tv-z]{26}$/);
      expect(readEventId(id)).toBe(seq);
    }
  });

  test.each([
    'evt_01jd8zk3v7q2m4x6t9w1y5b0ce',
    'evt_99999999999999999999999999',
    'evt_1',
    'evt_',
    'ord_00000000000000000000000001',
    'evt_0000000000000000000000001e',
    'evt_-0000000000000000000000001',
  ])('%s is of no event', (id) => {
    expect(readEventId(id)).toBeNull();
  });
});

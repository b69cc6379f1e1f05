import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { withClient } from '@usher/tests/support/databases.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { silentLog } from '../../platform/log.ts';
import { type Database, openDatabase } from '../../platform/postgres/sql.ts';
import type { Capture } from './service.capture.ts';
import { makePaymentStore } from './store.ts';

/**
 * No attempt that a crash left as SENT is lost to recovery, although recovery does not look twice
 * at those that it has passed (`payments.recovery`).
 */

type Order = Awaited<ReturnType<Booking['order']>>;
/** As the cycle sends it to payments.begin. */
const writeCall = ({ attemptId, orderId, buyerId, total }: Order) => ({
  attemptId,
  orderId,
  attemptNo: 1,
  buyerId,
  amountMinor: total,
  paymentKey: `pay ${attemptId}`,
  key: `key ${attemptId}`,
  provider: 'toss',
  requestId: 'test',
});
const beginSql = 'SELECT payments.begin($1)';
const writeCalls = (orders: readonly Order[]): string => JSON.stringify(orders.map(writeCall));

const orderSeats = async (b: Booking, count: number): Promise<Order[]> => {
  const orders: Order[] = [];
  for (let i = 0; i < count; i++) orders.push(await b.order(b.ids.make('account'), [2 * i]));
  return orders;
};

/** Attempts that a crash left as SENT, all at one instant two minutes ago; their ids. */
const leaveSilent = async (b: Booking, count: number): Promise<string[]> => {
  const orders = await orderSeats(b, count);
  await b.db.query(beginSql, [writeCalls(orders)]);
  const ids = orders.map(({ attemptId }) => attemptId);
  await b.db.query(
    `UPDATE payments.attempts a SET sent_at = o.at
     FROM (SELECT clock_timestamp() - interval '2 minutes' AS at) o WHERE a.id = ANY ($1)`,
    [ids],
  );
  await b.db.query(
    `UPDATE payments.recovery SET checked_until = clock_timestamp() - interval '1 hour'`,
  );
  return ids;
};

/** Rounds of recovery with a limit, which mark what they find; what they found. */
const runRounds = async (b: Booking, olderThanMs: number, limit: number): Promise<string[]> => {
  const found: string[] = [];
  for (let round = 0; round < 5; round++) {
    const [row] = await b.db.query<{ ids: string[] }>(
      'SELECT payments.find_silent($1, $2) AS ids',
      [olderThanMs, limit],
    );
    const ids = row?.ids ?? [];
    found.push(...ids);
    await makePaymentStore(b.db).markUnknown(
      ids.map((attemptId) => ({ attemptId, code: 'NO_ANSWER' })),
    );
  }
  return found;
};

/** Each answers the attempts that were left, and those that recovery found, in any order. */
type Story = (b: Booking) => Promise<{ left: string[]; found: string[] }>;
const stories = {
  'that are more than the limit, sent at one instant': async (b) => {
    const left = await leaveSilent(b, 3);
    return { left, found: await runRounds(b, 60_000, 1) };
  },
  'that a round found which stopped before it marked them': async (b) => {
    const left = await leaveSilent(b, 2);
    await makePaymentStore(b.db).findSilent(60_000);
    return { left, found: await runRounds(b, 60_000, 10) };
  },
  'since the clock was an hour ahead, and is right again': async (b) => {
    const left = await leaveSilent(b, 2);
    await b.db.query(
      `UPDATE payments.recovery SET checked_until = clock_timestamp() + interval '1 hour'`,
    );
    return { left, found: await runRounds(b, 60_000, 10) };
  },
  'whose commit came after a round that passed their instant': async (b) => {
    const [late, early] = await orderSeats(b, 2);
    if (late === undefined || early === undefined) throw new Error('assertion failed: two orders');
    await withClient(b.url, async (client) => {
      await client.query('BEGIN');
      await client.query(beginSql, [writeCalls([late])]);
      // Sent later, committed earlier, settled: nothing holds the round at it.
      await b.pay(early.buyerId, early.attemptId, early.total);
      await runRounds(b, 0, 10);
      await client.query('COMMIT');
    });
    return { left: [late.attemptId], found: await runRounds(b, 0, 10) };
  },
} satisfies Record<string, (b: Booking & { url: string }) => ReturnType<Story>>;
type Title = keyof typeof stories;
const titles = Object.keys(stories) as Title[];

type Replacement = { from: string; to: string };
const hasNoMargin = { from: "now_at - interval '15 s'", to: 'now_at' };
const ignoresWriters = { from: "oldest_at - interval '1 microsecond', ", to: '' };
const leavesBehind = { from: ", found.first_at - interval '1 microsecond'", to: '' };
/** Bugs that lose attempts, each alone or together with others. */
const planted: readonly (readonly [Title, string, readonly Replacement[]])[] = [
  ['that are more than the limit, sent at one instant', 'passes those beyond it', [leavesBehind]],
  [
    'that are more than the limit, sent at one instant',
    'passes their instant',
    [{ from: "found.first_at - interval '1 microsecond'", to: 'found.first_at' }],
  ],
  [
    'that a round found which stopped before it marked them',
    'passes what it found',
    [leavesBehind],
  ],
  [
    'since the clock was an hour ahead, and is right again',
    'trusts where it was',
    [{ from: 'IF from_at > final_at THEN', to: 'IF false THEN' }],
  ],
  [
    'whose commit came after a round that passed their instant',
    'waits for no commit',
    [hasNoMargin, ignoresWriters],
  ],
];

const tell = async (title: Title, replacements: readonly Replacement[] = []) => {
  const { url } = await makeTestDatabase();
  if (replacements.length > 0) await plantBug(url, 'payments/sql/find-silent.sql', replacements);
  const b = await openBooking({ url });
  const { left, found } = await stories[title](Object.assign(b, { url }));
  const { violations } = await checkInvariants(b.db);
  await b.close();
  return { lost: left.filter((id) => !found.includes(id)), violations };
};

describe('recovery finds the attempts left as SENT', () => {
  test.each(titles)('%s', async (title) => {
    expect(await tell(title)).toEqual({ lost: [], violations: [] });
  });

  test('each has a planted bug', () => {
    expect(new Set(planted.map(([title]) => title))).toEqual(new Set(titles));
  });
  test.each(planted)('%s; planted bug: a round that %s', async (title, _, replacements) => {
    const { lost, violations } = await tell(title, replacements);
    expect(lost).not.toEqual([]);
    expect(violations.map(({ what }) => what)).toContain('attempt that recovery will not look at');
  });

  const late = 'whose commit came after a round that passed their instant';
  test.each([
    ['the margin, by the transactions that write', hasNoMargin],
    ['looking at transactions, by the margin', ignoresWriters],
  ])('a late commit is found without %s', async (_, guard) => {
    expect(await tell(late, [guard])).toEqual({ lost: [], violations: [] });
  });
});

describe('an attempt that stays open for days', () => {
  /** Unknown for three days; then the bank answers. The state of its order after another round. */
  const waitForDays = async (replacements: readonly Replacement[] = []) => {
    const { url } = await makeTestDatabase();
    if (replacements.length > 0)
      await plantBug(
        url,
        'payments/sql/mark-unknown.sql',
        replacements,
        'ALTER TABLE payments.attempts DROP CONSTRAINT attempts_left',
      );
    const b = await openBooking({ url });
    b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
    const { buyerId, attemptId, total, orderId } = await b.order('acc_days', [0]);
    await b.pay(buyerId, attemptId, total);
    const days = "interval '3 days'";
    await b.db.query(
      `UPDATE payments.attempts SET sent_at = sent_at - ${days}, opened_at = opened_at - ${days},
         unknown_since = unknown_since - ${days}, left_since = left_since - ${days}`,
    );
    await b.db.query('UPDATE payments.recovery SET checked_until = clock_timestamp()');
    // Another program: this one's next question is a second away.
    const next = await openBooking({ url, sale: b });
    await next.payments.recover(false);
    const order = await next.orders.readOwn(orderId, buyerId);
    await next.close();
    await b.close();
    return order?.state;
  };
  test('is asked about, and settled when there is an answer', async () => {
    expect(await waitForDays()).toBe('PAID');
  });
  test('planted bug: one that is not left to recovery stays unknown', async () => {
    const forgets = { from: 'left_since = coalesce(t.left_since, now_at),', to: '' };
    expect(await waitForDays([forgets])).toBe('UNKNOWN');
  });

  /** With more that nobody can answer than one round asks about, all of them earlier. */
  const waitBehindOthers = async (disturb: (capture: Capture) => Capture) => {
    const { url } = await makeTestDatabase();
    const b = await openBooking({ url, disturb });
    b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
    const { buyerId, attemptId, total, orderId } = await b.order('acc_behind', [0]);
    await b.pay(buyerId, attemptId, total);
    await b.db.query(
      `INSERT INTO payments.attempts
       SELECT (jsonb_populate_record(a, jsonb_build_object('id', 'att_' || lpad(n::text, 26, '0'),
         'payment_key', 'stuck ' || n))).*
       FROM payments.attempts a, generate_series(1, 200) n`,
    );
    b.bank.behave(async (request) =>
      request.attemptId === attemptId
        ? b.bank.approve(request)
        : { kind: 'unknown', code: 'NO_ANSWER' },
    );
    for (let round = 0; round < 3; round++) await b.payments.recover(false);
    const order = await b.orders.readOwn(orderId, buyerId);
    await b.close();
    return order?.state;
  };
  test('is asked about although 200 earlier ones cannot be answered', async () => {
    expect(await waitBehindOthers((capture) => capture)).toBe('PAID');
  });
  test('planted bug: rounds that always begin with the earliest never come to it', async () => {
    const beginsAnew = (capture: Capture): Capture => ({
      ...capture,
      find: { ...capture.find, unknown: (limit) => capture.find.unknown(limit, '') },
    });
    expect(await waitBehindOthers(beginsAnew)).toBe('UNKNOWN');
  });
});

describe('a round of recovery', () => {
  const countReads = async (db: Database): Promise<number> => {
    await db.query('SELECT pg_stat_force_next_flush()');
    const [row] = await db.query<{ reads: number }>(
      `SELECT (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int AS reads FROM pg_stat_user_tables
       WHERE relid = 'payments.attempts'::regclass`,
    );
    return row?.reads ?? Number.NaN;
  };
  /** Rows of attempts that a second round reads, with 20,000 settled ones and three unknown. */
  const readsOfRound = async (replacements: readonly Replacement[] = []) => {
    const { url } = await makeTestDatabase();
    if (replacements.length > 0) await plantBug(url, 'payments/sql/find-silent.sql', replacements);
    const b = await openBooking({ url });
    const left = await leaveSilent(b, 3);
    await makePaymentStore(b.db).markUnknown(
      left.map((attemptId) => ({ attemptId, code: 'NO_ANSWER' })),
    );
    const { buyerId, attemptId, total } = await b.order('acc_paid', [6]);
    await b.pay(buyerId, attemptId, total);
    await b.db.query('ALTER TABLE payments.attempts DISABLE TRIGGER USER');
    await b.db.query(
      `INSERT INTO payments.attempts
       SELECT (jsonb_populate_record(a, jsonb_build_object('id', a.id || n,
         'payment_key', 'paid ' || n,
         'sent_at', clock_timestamp() - n * interval '1 ms' - interval '40 s'))).*
       FROM payments.attempts a, generate_series(1, 20000) n WHERE a.state = 'SETTLED'`,
    );
    await b.db.query(`UPDATE payments.recovery SET checked_until = now() - interval '1 day'`);
    // As autovacuum does within seconds of a rush.
    await b.db.query('ANALYZE');
    await b.close();
    const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
    const store = makePaymentStore(db);
    const runRound = async (): Promise<number> => {
      await store.answeredFor(30_000);
      await store.findSilent(35_000);
      return (await store.unknown(200)).length;
    };
    await runRound();
    const before = await countReads(db);
    expect(await runRound()).toBe(3);
    const reads = (await countReads(db)) - before;
    await db.close();
    return reads;
  };
  test('reads what is open, not what is settled', async () => {
    expect(await readsOfRound()).toBeLessThan(20);
  });
  test('planted bug: one that remembers nothing reads all of them', async () => {
    const forgets = {
      from: 'SET checked_until = greatest(',
      to: 'SET checked_until = least(from_at, ',
    };
    expect(await readsOfRound([forgets])).toBeGreaterThan(20_000 - 1);
  });
});

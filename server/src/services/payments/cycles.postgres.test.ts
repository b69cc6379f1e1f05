import { makeAttemptId } from '@usher/domain/ids.ts';
import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { endHold } from '@usher/tests/support/time.ts';
import { describe, expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';

/** What two calls meet about: a buyer's hold of seats 0 and 1, its order, its payment. */
type Meeting = Awaited<ReturnType<typeof openMeeting>>;
const openMeeting = async (url: string, until: 'held' | 'ordered' | 'unknown') => {
  const b = await openBooking({ url, waitMs: 200 });
  const buyerId = b.ids.make('account');
  const [holdId, orderId] = [b.ids.make('hold'), b.ids.make('order')];
  const attemptId = makeAttemptId(orderId, 1);
  const total = 2 * 152_000;
  await b.takeSeats(buyerId, [0, 1], holdId);
  const place = { orderId, holdId, buyerId, requestId: 'test' };
  if (until !== 'held') await b.orders.place(place);
  if (until === 'unknown') {
    b.bank.behave(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
    await b.pay(buyerId, attemptId, total);
  }
  const others: Readonly<Record<string, () => Promise<{ outcome: string } | string>>> = {
    'take the same seats': () => b.takeSeats(b.ids.make('account'), [1, 2]),
    'repeat the hold': () => b.takeSeats(buyerId, [0, 1], holdId),
    release: () => b.seats.release(holdId, buyerId, 'test'),
    order: () => b.orders.place(place),
    'order again': () => b.orders.place({ ...place, orderId: b.ids.make('order') }),
    pay: () => b.pay(buyerId, attemptId, total),
    'pay with another key': () => b.pay(buyerId, attemptId, total, 'another key'),
  };
  return { b, buyerId, holdId, orderId, attemptId, others };
};

const outcomeOf = (result: { outcome: string } | string): string =>
  typeof result === 'string' ? result : result.outcome;

/** Two calls of one turn of the event loop: one cycle, one statement, one commit. */
const meet = async ({ others }: Meeting, names: readonly string[]): Promise<string[]> => {
  const results = await Promise.all(names.map((name) => others[name]?.() ?? 'no such call'));
  return results.map(outcomeOf);
};

/**
 * Each two kinds of calls about one hold in one cycle, and what each is told: kinds are decided in
 * the order of their ranks, so every answer is the one that it would get alone, before or after.
 */
const pairs: readonly {
  until: 'held' | 'ordered' | 'unknown';
  calls: readonly [string, string];
  answers: readonly [string, string];
  /** Of one kind: the earlier call wins. */
  inArrivalOrder?: true;
}[] = [
  { until: 'held', calls: ['take the same seats', 'release'], answers: ['taken', 'released'] },
  { until: 'held', calls: ['repeat the hold', 'release'], answers: ['repeated', 'released'] },
  { until: 'held', calls: ['release', 'release'], answers: ['released', 'released'] },
  { until: 'held', calls: ['release', 'order'], answers: ['released', 'ended'] },
  { until: 'held', calls: ['take the same seats', 'order'], answers: ['taken', 'placed'] },
  { until: 'held', calls: ['order', 'order'], answers: ['placed', 'placed'] },
  {
    until: 'held',
    calls: ['order', 'order again'],
    answers: ['placed', 'has-order'],
    inArrivalOrder: true,
  },
  { until: 'held', calls: ['order', 'pay'], answers: ['placed', 'paid'] },
  { until: 'ordered', calls: ['release', 'pay'], answers: ['released', 'ended'] },
  { until: 'ordered', calls: ['take the same seats', 'pay'], answers: ['taken', 'paid'] },
  { until: 'ordered', calls: ['order again', 'pay'], answers: ['has-order', 'paid'] },
  { until: 'ordered', calls: ['pay', 'pay'], answers: ['paid', 'paid'] },
  {
    until: 'ordered',
    calls: ['pay', 'pay with another key'],
    answers: ['paid', 'reused'],
    inArrivalOrder: true,
  },
  { until: 'unknown', calls: ['release', 'pay'], answers: ['ended', 'under-way'] },
  { until: 'unknown', calls: ['take the same seats', 'order'], answers: ['taken', 'placed'] },
  { until: 'unknown', calls: ['order again', 'pay'], answers: ['has-order', 'under-way'] },
];

describe('two calls about one hold in one cycle', () => {
  const url = makeTestDatabase().then((database) => database.url);
  test.each(pairs)('$until: $calls.0 and $calls.1', async ({ until, calls, answers }) => {
    const meeting = await openMeeting(await url, until);
    expect(await meet(meeting, calls)).toEqual(answers);
    expect((await checkInvariants(meeting.b.db)).violations).toEqual([]);
    await meeting.b.close();
  });
  test.each(pairs.filter(({ calls, inArrivalOrder }) => calls[0] !== calls[1] && !inArrivalOrder))(
    'the other way round, $until: $calls.1 and $calls.0',
    async ({ until, calls, answers }) => {
      const meeting = await openMeeting(await url, until);
      expect(await meet(meeting, calls.toReversed())).toEqual(answers.toReversed());
      expect((await checkInvariants(meeting.b.db)).violations).toEqual([]);
      await meeting.b.close();
    },
  );

  test('guard off: without a look at the hold a release frees seats being paid for', async () => {
    const broken = await makeTestDatabase();
    await plantBug(
      broken.url,
      'seats/sql/release.sql',
      [
        {
          from: "ELSIF asked.state <> 'ACTIVE' OR asked.deadline <= now_at THEN",
          to: 'ELSIF false THEN',
        },
      ],
      `ALTER TABLE seats.holds DISABLE TRIGGER refuse_move;
       ALTER TABLE orders.orders DISABLE TRIGGER refuse_move;`,
    );
    const meeting = await openMeeting(broken.url, 'unknown');
    expect(await meet(meeting, ['release', 'pay'])).toEqual(['released', 'under-way']);
    expect((await checkInvariants(meeting.b.db)).violations).not.toEqual([]);
    await meeting.b.close();
  });
});

test('two shows, each sold by two programs at once, sell out without a deadlock', async () => {
  const { url } = await makeTestDatabase();
  const shows = [
    await openBooking({ url, rows: [[60]] }),
    await openBooking({ url, rows: [[60]] }),
  ];
  const twins: Booking[] = [];
  for (const sale of shows) twins.push(await openBooking({ url, rows: [[60]], sale }));
  const buy = async (b: Booking, seatNo: number): Promise<string> => {
    const { buyerId, attemptId, total } = await b.order(b.ids.make('account'), [seatNo]);
    return (await b.pay(buyerId, attemptId, total)).outcome;
  };
  const bought = await Promise.all(
    Array.from({ length: 30 }, (_, i) => [
      ...shows.map((show) => buy(show, 2 * i)),
      ...twins.map((twin) => buy(twin, 2 * i + 1)),
    ]).flat(),
  );
  expect(bought).toEqual(bought.map(() => 'paid'));
  const deadlocks = await twins[0]?.db.query(
    'SELECT deadlocks::int AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(deadlocks).toEqual([{ count: 0 }]);
  for (const each of [...shows, ...twins]) await each.close();
});

test('holds that are due at one instant all lapse, however few a round looks at', async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url, rows: [[10]] });
  const holds = [0, 1, 2].map(() => b.ids.make('hold'));
  await Promise.all(holds.map((holdId, i) => b.takeSeats(`acc_${i}`, [i], holdId)));
  for (const holdId of holds) await endHold(b.db, holdId);
  const longAgo = "clock_timestamp() - interval '1 minute'";
  await b.db.query(`UPDATE seats.sweeper SET swept_until = clock_timestamp() - interval '1 hour'`);
  await b.db.query(
    `UPDATE seats.holds h SET due = o.at, deadline = o.at FROM (SELECT ${longAgo} AS at) o`,
  );
  const lapsed: number[] = [];
  for (let i = 0; i < 4; i++) {
    const [row] = await b.db.query<{ lapsed: number }>(
      `SELECT (seats.lapse(1)->>'lapsed')::int AS lapsed`,
    );
    lapsed.push(row?.lapsed ?? -1);
  }
  expect(lapsed).toEqual([1, 1, 1, 0]);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { expect, test } from 'vitest';
import { openPlays } from './database.ts';
import { makeHistory, togetherShare } from './history.ts';
import { settleOutdated } from './outdated.ts';
import { playHistory } from './play.ts';

/**
 * Bugs of one condition in the functions of booking, each of which some history must notice. What
 * no history can notice here: a row that is not looked at again after its lock, rows locked in
 * another order, and whatever else needs two transactions at the same time; one connection makes
 * one call after another. The tests of races do that (*.postgres.test.ts of the services).
 */
type Bug = { title: string; file: string; from: string; to: string };

const bugs: readonly Bug[] = [
  {
    title: 'a buyer gets one seat more than the limit',
    file: 'seats/sql/take.sql',
    from: '> call.buyer_limit',
    to: '> call.buyer_limit + 1',
  },
  {
    title: 'a lapsed hold counts for the limit',
    file: 'seats/sql/take.sql',
    from: "(o.state = 'ACTIVE' AND o.deadline > now_at)",
    to: "o.state = 'ACTIVE'",
  },
  {
    title: 'a lapsed hold is not taken over',
    file: 'seats/sql/take.sql',
    from: "FILTER (WHERE h.state = 'ACTIVE' AND h.deadline <= now_at)",
    to: 'FILTER (WHERE false)',
  },
  {
    title: 'seats are taken by the grades of another painting',
    file: 'seats/sql/take.sql',
    from: `WHEN s.painting_version <> p."paintingVersion"`,
    to: 'WHEN false',
  },
  {
    title: 'the sale is open before it opens',
    file: 'seats/sql/take.sql',
    from: 'WHEN now_at < s.sale_opens_at',
    to: 'WHEN false',
  },
  {
    title: 'the sale is open after it has closed',
    file: 'seats/sql/take.sql',
    from: 'WHEN now_at >= s.sale_closes_at',
    to: 'WHEN false',
  },
  {
    title: 'a party that could not avoid it is refused for a stranded seat',
    file: 'seats/sql/take.sql',
    from: 'AND call.checks[n][4] <> ALL (taken)',
    to: '',
  },
  {
    title: 'another buyer releases a hold',
    file: 'seats/sql/release.sql',
    from: 'AND h.buyer_id = ANY (ARRAY[c.buyer_id])',
    to: '',
  },
  {
    title: 'a hold is released after its time',
    file: 'seats/sql/release.sql',
    from: "ELSIF asked.state <> 'ACTIVE' OR asked.deadline <= now_at THEN",
    to: "ELSIF asked.state <> 'ACTIVE' THEN",
  },
  {
    title: 'the time of a hold restarts twice',
    file: 'seats/sql/restart-deadline.sql',
    from: 'WHEN hold.extended_at IS NULL',
    to: 'WHEN true',
  },
  {
    title: 'a hold passes its absolute end',
    file: 'seats/sql/restart-deadline.sql',
    from: 'least(at + ttl, hold.ends_by)',
    to: 'least(at + ttl, hold.ends_by - ttl)',
  },
  {
    title: 'a decline after the deadline gives the seats back to the hold',
    file: 'seats/sql/give-back.sql',
    from: 'IF hold.deadline <= at THEN',
    to: 'IF false THEN',
  },
  {
    title: 'a declined order stays that of the hold',
    file: 'seats/sql/give-back.sql',
    from: "SET state = 'ACTIVE', order_id = NULL",
    to: "SET state = 'ACTIVE'",
  },
  {
    title: 'the seat map counts no versions',
    file: 'seats/sql/publish.sql',
    from: 'version = s.version + 1',
    to: 'version = s.version',
  },
  {
    title: 'a hold gets a second order',
    file: 'seats/sql/attach-orders.sql',
    from: 'AND h.order_id IS NULL AND',
    to: 'AND',
  },
  {
    title: 'an order is placed for a lapsed hold',
    file: 'seats/sql/attach-orders.sql',
    from: 'AND h.deadline > clock_timestamp()',
    to: '',
  },
  {
    title: 'an order is priced by another painting than its hold',
    file: 'orders/sql/place.sql',
    from: 'AND h.painting_version = a."paintingVersion"',
    to: '',
  },
  {
    title: 'an order that is being paid is cancelled',
    file: 'orders/sql/cancel.sql',
    from: "AND o.state = 'PENDING')",
    to: "AND o.state IN ('PENDING', 'PAYING'))",
  },
  {
    title: 'a payment begins with another amount than the order’s',
    file: 'payments/sql/begin.sql',
    from: 'AND o.total_minor = a."amountMinor"',
    to: '',
  },
  {
    title: 'a payment begins for somebody else’s attempt',
    file: 'payments/sql/begin.sql',
    from: 'AND o.buyer_id = ANY (ARRAY[a."buyerId"])',
    to: '',
  },
  {
    title: 'a payment begins after the hold’s deadline',
    file: 'seats/sql/begin-paying.sql',
    from: 'AND h.deadline > clock_timestamp()',
    to: '',
  },
  {
    title: 'an older attempt of an order stays open when a new one is opened',
    file: 'orders/sql/open-attempt.sql',
    from: 'SET attempt_no = o.attempt_no + 1,',
    to: 'SET attempt_no = o.attempt_no,',
  },
  {
    title: 'an unknown outcome changes an attempt that has its answer',
    file: 'payments/sql/mark-unknown.sql',
    from: "AND t.state = 'SENT'",
    to: '',
  },
  {
    title: 'a block takes a seat from its buyer',
    file: 'seats/sql/block.sql',
    from: 'AND c.hold_id IS NOT NULL',
    to: 'AND false',
  },
];

/**
 * What two steps at the same time need: a lock, or a look at the row that was waited for. Each is
 * noticed within 400 paired histories.
 */
const lockBugs: readonly Bug[] = [
  {
    title: 'seats are taken without the lock of their performance',
    file: 'seats/sql/lock-stock.sql',
    from: 'ORDER BY s.no FOR UPDATE',
    to: '',
  },
  {
    title: 'a hold is released without its lock',
    file: 'seats/sql/lock-holds.sql',
    from: 'ORDER BY h.id FOR UPDATE',
    to: '',
  },
  {
    title: 'a payment begins without another look at its hold',
    file: 'seats/sql/begin-paying.sql',
    from: "AND h.state = 'ACTIVE'",
    to: '',
  },
];

/** More than any of the bugs needs; the fixed set of functions.postgres.test.ts has 120. */
const histories = 120;
const pairedHistories = 400;

/** The first seed whose history differs; null: none does. */
const findFault = async (url: string, count: number, share: number): Promise<number | null> => {
  const plays = await openPlays(url);
  try {
    for (let seed = 1; seed <= count; seed++)
      if ((await playHistory(plays, makeHistory(seed, share))) !== null) return seed;
    return null;
  } finally {
    await plays.close();
  }
};

test.each(bugs)('planted: $title', async ({ file, from, to }) => {
  const { url } = await makeTestDatabase();
  await plantBug(url, file, [{ from, to }]);
  expect(await findFault(url, histories, 0)).not.toBeNull();
});

// Two guards stand for each other here: the state of the attempt, and that of its hold.
test('planted: an attempt is settled from a state that it may not be settled from', async () => {
  const { url } = await makeTestDatabase();
  await plantBug(url, 'payments/sql/settle.sql', [
    { from: "WHERE t.state IN ('SENT', 'ANSWERED') ORDER BY", to: 'ORDER BY' },
  ]);
  await plantBug(url, 'seats/sql/give-back.sql', [{ from: "AND h.state = 'PAYING'", to: '' }]);
  await plantBug(url, 'seats/sql/sell.sql', [{ from: "AND h.state = 'PAYING'", to: '' }]);
  expect(await findFault(url, histories, 0)).not.toBeNull();
});

test.each(lockBugs)('planted: $title', async ({ file, from, to }) => {
  const { url } = await makeTestDatabase();
  await plantBug(url, file, [{ from, to }]);
  expect(await findFault(url, pairedHistories, togetherShare)).not.toBeNull();
});

const fenceBugs: readonly (Bug & { answer: 'APPROVED' | 'DECLINED' })[] = [
  {
    title: 'seats are sold by an attempt that has lost its fence',
    answer: 'APPROVED',
    file: 'seats/sql/sell.sql',
    from: "AND h.fence = f.fence AND h.state = 'PAYING'",
    to: "AND h.state = 'PAYING'",
  },
  {
    title: 'seats are given back by an attempt that has lost its fence',
    answer: 'DECLINED',
    file: 'seats/sql/give-back.sql',
    from: "AND h.fence = f.fence AND h.state = 'PAYING'",
    to: "AND h.state = 'PAYING'",
  },
];

test.each(fenceBugs)('planted: $title', async ({ answer, file, from, to }) => {
  const { url } = await makeTestDatabase();
  await plantBug(url, file, [{ from, to }]);
  const plays = await openPlays(url);
  const { seats } = await settleOutdated(plays, answer);
  expect(seats).not.toContain('paying');
  await plays.close();
});

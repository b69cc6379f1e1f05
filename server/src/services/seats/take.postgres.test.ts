import type { StrandedCheck } from '@usher/domain/stranded.ts';
import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { rewindBefore } from '@usher/tests/support/rewind.ts';
import { makeSqlGate } from '@usher/tests/support/sql-gate.ts';
import { ageHold, endHold } from '@usher/tests/support/time.ts';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../invariants.ts';
import { systemClock } from '../../platform/clock.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { stateMachines } from '../../state-machines.ts';
import { makeSeatStore } from './store.ts';

const { url } = await makeTestDatabase();

const outcomesOf = (results: readonly { outcome: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

/** The URL of the database of a booking (tests/support/booking.ts). */
const connections = 8;

/** A crowd whose requests are not batched: one statement each, many connections. */
const rush = async (b: Booking, crowd: number, seatNos: readonly number[]) => {
  const store = makeSeatStore(b.db);
  const times = { ttlMs: 60_000, totalMaxMs: 120_000 };
  // Every connection is open before the rush begins, so that the requests really overlap.
  await Promise.all(Array.from({ length: connections }, () => b.db.query('SELECT 1')));
  await until('every connection is open', async () => {
    const open = await b.db.query(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'usher test'`,
    );
    return open.length === connections;
  });
  const answers = await Promise.all(
    Array.from({ length: crowd }, () =>
      store.take(
        [
          {
            holdId: b.ids.make('hold'),
            performanceId: b.performanceId,
            buyerId: b.ids.make('account'),
            windows: [seatNos],
            grades: seatNos.map(() => 0),
            checks: null,
            requestId: 'rush',
            paintingVersion: '',
            fingerprint: 'rush',
          },
        ],
        times,
      ),
    ),
  );
  return outcomesOf(answers.flatMap((answer) => answer.results));
};

test('guard off: without the lock and the key one seat is sold to a crowd', async () => {
  const broken = await makeTestDatabase();
  const gate = await makeSqlGate(broken.url);
  await plantBug(broken.url, 'seats/sql/lock-stock.sql', [
    { from: 'ORDER BY s.no FOR UPDATE', to: '' },
  ]);
  await plantBug(
    broken.url,
    'seats/sql/take.sql',
    [
      {
        // All of them read that the seat is free before the first one writes.
        from: 'IF cardinality(held) = 0 THEN',
        to: `${gate.passSql} IF cardinality(held) = 0 THEN`,
      },
    ],
    `ALTER TABLE seats.claims DROP CONSTRAINT claims_pkey;
     ALTER TABLE seats.stock DROP CONSTRAINT stock_taken;`,
  );
  const b = await openBooking({ url: broken.url });
  const rushing = rush(b, 40, [3]);
  await gate.openWhenWaiting(connections);
  expect((await rushing)['held']).toBeGreaterThanOrEqual(connections);
  await b.close();
});

test('guard on: a crowd on one seat has exactly one winner', async () => {
  const b = await openBooking({ url });
  expect(await rush(b, 40, [3])).toEqual({ held: 1, taken: 39 });
  await b.close();
});

test('a thousand batched buyers at once get every seat once, all or nothing', async () => {
  const b = await openBooking({ url, rows: Array.from({ length: 10 }, () => [50]) });
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => {
      const first = (i * 7) % 499;
      return b.takeSeats(b.ids.make('account'), [first, first + 1]);
    }),
  );
  const won = results.filter((result) => result.outcome === 'held');
  const seats = won.flatMap((result) => result.seatNos);
  expect(new Set(seats).size).toBe(seats.length);
  const claims = await b.db.query<{ seat_no: number }>(
    `SELECT c.seat_no FROM seats.claims c JOIN seats.stock s ON s.no = c.stock_no
     WHERE s.performance_id = $1`,
    [b.performanceId],
  );
  expect(claims.map((row) => row.seat_no).sort((x, y) => x - y)).toEqual(
    seats.sort((x, y) => x - y),
  );
  // Refused only if a seat really was somebody else's.
  for (const result of results)
    if (result.outcome === 'taken') expect(result.conflicts.length).toBeGreaterThan(0);
  await b.close();
});

type Asked = { buyerId?: string; holdId?: string; windows: number[][]; checks?: StrandedCheck[] };

/** Sends requests as one batch, in this order. */
const takeTogether = async (b: Booking, asked: readonly Asked[]) => {
  const { results } = await makeSeatStore(b.db).take(
    asked.map(({ buyerId, holdId, windows, checks }) => ({
      performanceId: b.performanceId,
      windows,
      requestId: 'batch',
      paintingVersion: '',
      fingerprint: 'batch',
      holdId: holdId ?? b.ids.make('hold'),
      buyerId: buyerId ?? b.ids.make('account'),
      grades: (windows[0] ?? []).map(() => 0),
      checks: checks === undefined ? null : [checks],
    })),
    { ttlMs: 60_000, totalMaxMs: 120_000 },
  );
  return results;
};

test('within a batch the first request for a seat gets it, and the limit counts all', async () => {
  const b = await openBooking({ url, rows: [[12]] });
  const results = await takeTogether(b, [
    { windows: [[0, 1]] },
    { windows: [[1, 2]] },
    { windows: [[2, 3]], buyerId: 'acc_same' },
    { windows: [[4, 5, 6]], buyerId: 'acc_same' },
    { windows: [[4, 5]], buyerId: 'acc_same' },
    { windows: [[5], [0], [7]] },
    { windows: [[0], [1]] },
  ]);
  expect(results).toMatchObject([
    { outcome: 'held', seatNos: [0, 1] },
    { outcome: 'taken', conflicts: [1] },
    { outcome: 'held', seatNos: [2, 3] },
    { outcome: 'limit' },
    { outcome: 'held', seatNos: [4, 5] },
    { outcome: 'held', seatNos: [7] },
    { outcome: 'none-free' },
  ]);
  await b.close();
});

test('within a batch a duplicate hold id makes one hold, even after a refusal', async () => {
  const b = await openBooking({ url, rows: [[6]] });
  const [held, lost] = [b.ids.make('hold'), b.ids.make('hold')];
  const results = await takeTogether(b, [
    { windows: [[0, 1]], buyerId: 'acc_twice', holdId: held },
    { windows: [[0, 1]], buyerId: 'acc_twice', holdId: held },
    { windows: [[1]], buyerId: 'acc_lost', holdId: lost },
    { windows: [[2]], buyerId: 'acc_lost', holdId: lost },
    { windows: [[3]], buyerId: 'acc_lost', holdId: lost },
  ]);
  expect(results.map(({ outcome }) => outcome)).toEqual([
    'held',
    'repeated',
    'taken',
    'held',
    'repeated',
  ]);
  const holds = await b.db.query<{ id: string; seat_nos: number[] }>(
    `SELECT h.id, h.seat_nos FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no
     WHERE s.performance_id = $1 ORDER BY h.seat_nos`,
    [b.performanceId],
  );
  expect(holds).toEqual([
    { id: held, seat_nos: [0, 1] },
    { id: lost, seat_nos: [2] },
  ]);
  await b.close();
});

test('several requests of a batch take over one lapsed hold, which lapses once', async () => {
  const b = await openBooking({ url, rows: [[6]] });
  const { orderId, holdId } = await b.order('acc_slow', [0, 1, 2]);
  await endHold(b.db, holdId);
  const results = await takeTogether(b, [
    { windows: [[0]] },
    { windows: [[0, 1]] },
    { windows: [[2, 3]] },
    { windows: [[1]] },
  ]);
  expect(results.map(({ outcome }) => outcome)).toEqual(['held', 'taken', 'held', 'held']);
  const ends = await b.db.query<{ to_state: string }>(
    `SELECT to_state FROM platform.journal WHERE order_id = $1 AND from_state IS NOT NULL`,
    [orderId],
  );
  expect(ends).toEqual([{ to_state: 'EXPIRED' }]);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('in a batch a seat just taken can strand its neighbour, and a block is reported', async () => {
  const b = await openBooking({ url, rows: [[10]], refusesStranding: true });
  await b.stock.block(b.db, {
    performanceId: b.performanceId,
    unblock: [],
    block: [{ seatNo: 9, gradeIndex: 0 }],
  });
  // Seat 3 would be left alone between 2, which this batch takes, and 4.
  const checks = [{ mid: 3, far: 2, opposite: 5 }];
  const results = await takeTogether(b, [
    { windows: [[1, 2]], checks: [] },
    { windows: [[4]], checks },
    { windows: [[8, 9]], checks: [] },
  ]);
  expect(results).toMatchObject([
    { outcome: 'held' },
    { outcome: 'stranded', conflicts: [3] },
    { outcome: 'blocked', conflicts: [9] },
  ]);
  await b.close();
});

test('a request that overlaps a taken seat takes none of its other seats', async () => {
  const b = await openBooking({ url });
  await b.takeSeats('acc_a', [2]);
  expect(await b.takeSeats('acc_b', [1, 2, 3])).toEqual({ outcome: 'taken', conflicts: [2] });
  const rows = await b.db.query(
    `SELECT 1 FROM seats.claims c JOIN seats.holds h ON h.id = c.hold_id WHERE h.buyer_id = $1`,
    ['acc_b'],
  );
  expect(rows).toHaveLength(0);
  await b.close();
});

test('a repeated hold id gets the same hold, and holds nothing twice', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => b.takeSeats('acc_repeat', [4, 5], holdId)),
  );
  const repeats = answers.flatMap((each) => (each.outcome === 'repeated' ? [each.hold] : []));
  expect([outcomesOf(answers), new Set(repeats.map(({ id }) => id))]).toEqual([
    { held: 1, repeated: 49 },
    new Set([holdId]),
  ]);
  expect(await b.seats.hold(holdId, 'acc_repeat')).toMatchObject({ seatNos: [4, 5] });
  expect(await b.db.query('SELECT FROM seats.claims WHERE hold_id = $1', [holdId])).toHaveLength(2);
  await b.close();
});

/** A repeat in another process, whose memory has none of the holds of `first`. */
const repeatElsewhere = async (
  first: Booking,
  holdId: string,
  buyerId: string,
  wish: Parameters<Booking['seats']['take']>[0]['wish'],
) => {
  const { showId, performanceId } = first;
  const other = await openBooking({ url, rows: [[4]], sale: { showId, performanceId } });
  const asked = { performanceId, holdId, buyerId, requestId: 'again', wish };
  const answer = await other.seats.take(asked);
  await other.close();
  return answer;
};

test('a repeat tells what the hold is now, in the process that took it and others', async () => {
  const b = await openBooking({ url, rows: [[4]] });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await b.seats.release(holdId, 'acc_a', 'test');
  const released = { outcome: 'repeated', hold: { id: holdId, seatNos: [0], state: 'RELEASED' } };
  expect(await b.takeSeats('acc_a', [0], holdId)).toMatchObject(released);
  const wish = { kind: 'seats', seatNos: [0] } as const;
  expect(await repeatElsewhere(b, holdId, 'acc_a', wish)).toMatchObject(released);
  await b.close();
});

test('a repeat of best available finds its hold although no seat is left to choose', async () => {
  const b = await openBooking({ url, rows: [[4]] });
  const wish = { kind: 'best', grade: 'VIP', count: 4 } as const;
  const holdId = b.ids.make('hold');
  const asked = { holdId, buyerId: 'acc_a', requestId: 'test', wish };
  const taken = await b.seats.take({ ...asked, performanceId: b.performanceId });
  expect(taken.outcome).toBe('held');
  const repeated = { outcome: 'repeated', hold: { id: holdId, state: 'ACTIVE' } };
  expect(await repeatElsewhere(b, holdId, 'acc_a', wish)).toMatchObject(repeated);
  await b.close();
});

test('another wish under the id of a hold is refused in every process', async () => {
  const b = await openBooking({ url, rows: [[4]] });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  const reused = { outcome: 'reused' };
  const best = { kind: 'best', grade: 'VIP', count: 1 } as const;
  expect(await b.takeSeats('acc_a', [1], holdId)).toEqual(reused);
  expect(await repeatElsewhere(b, holdId, 'acc_a', best)).toEqual(reused);
  const together = await Promise.all(
    [2, 3].map((seatNo) => b.takeSeats('acc_b', [seatNo], `${holdId.slice(0, -1)}x`)),
  );
  expect(outcomesOf(together)).toEqual({ held: 1, reused: 1 });
  expect(await readClaims(b)).toHaveLength(2);
  await b.close();
});

test('a hold from before wishes were stored is found by a repeat, whatever it wishes', async () => {
  const before = await makeTestDatabase();
  const b = await openBooking({ url: before.url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await rewindBefore(b.db, '000017_hold_fingerprints');
  await migrate({ url: before.url, log: silentLog, machines: stateMachines });
  const hold = { id: holdId, seatNos: [0] };
  expect(await b.takeSeats('acc_a', [0], holdId)).toMatchObject({ outcome: 'repeated', hold });
  expect((await b.takeSeats('acc_b', [1])).outcome).toBe('held');
  expect((await checkInvariants(b.db)).violations).toEqual([]);
  await b.close();
});

test('one buyer never gets more than the limit, from any number of tabs at once', async () => {
  const b = await openBooking({ url, rows: [[20]] });
  const outcomes = outcomesOf(
    await Promise.all(Array.from({ length: 10 }, (_, i) => b.takeSeats('acc_greedy', [2 * i]))),
  );
  expect(outcomes).toEqual({ held: 4, limit: 6 });
  await b.close();
});

test('nothing is held before the sale opens or after it closes (database’s clock)', async () => {
  const soon = new Date(systemClock.nowMs() + 3_600_000);
  const early = await openBooking({ url, saleOpensAt: soon });
  expect((await early.takeSeats('acc_a', [0])).outcome).toBe('not-open');
  await early.close();
  const late = await openBooking({ url, saleClosesAt: new Date(systemClock.nowMs() - 1000) });
  expect((await late.takeSeats('acc_a', [0])).outcome).toBe('closed');
  await late.close();
});

test('best available gives a crowd disjoint adjacent seats as long as some are left', async () => {
  const b = await openBooking({ url, rows: Array.from({ length: 8 }, () => [20]) });
  const results = await Promise.all(
    Array.from({ length: 27 }, () =>
      b.seats.take({
        performanceId: b.performanceId,
        holdId: b.ids.make('hold'),
        buyerId: b.ids.make('account'),
        requestId: 'herd',
        wish: { kind: 'best', grade: 'VIP', count: 2 },
      }),
    ),
  );
  // Rows 0, 3 and 6 are VIP: 60 seats, 30 pairs.
  expect(outcomesOf(results)).toEqual({ held: 27 });
  const seats = results.flatMap((result) => (result.outcome === 'held' ? result.seatNos : []));
  expect(new Set(seats).size).toBe(54);
  await b.close();
});

const readClaims = (b: Booking) =>
  b.db.query(
    `SELECT c.grade FROM seats.claims c JOIN seats.stock s ON s.no = c.stock_no
     WHERE s.performance_id = $1`,
    [b.performanceId],
  );

/** Holds seat 0 with the grades of an old painting; the performance has a newer one by now. */
const takeAfterRepainting = async (b: Booking) => {
  await b.stock.repaint(b.db, b.showId, [
    {
      performanceId: b.performanceId,
      paintingVersion: 'newer',
      grades: new Uint8Array(100).fill(2),
    },
  ]);
  const asked = {
    holdId: b.ids.make('hold'),
    performanceId: b.performanceId,
    buyerId: b.ids.make('account'),
    windows: [[0]],
    grades: [0],
    checks: null,
    requestId: 'stale',
    paintingVersion: '',
    fingerprint: 'stale',
  };
  const times = { ttlMs: 60_000, totalMaxMs: 120_000 };
  const { results } = await makeSeatStore(b.db).take([asked], times);
  const grades = await readClaims(b);
  return { outcome: results[0]?.outcome, grades };
};

test('guard off: without the check a repainted seat is held at its old grade', async () => {
  const broken = await makeTestDatabase();
  await plantBug(broken.url, 'seats/sql/take.sql', [
    { from: `WHEN s.painting_version <> p."paintingVersion" THEN 'repainted'`, to: '' },
  ]);
  const b = await openBooking({ url: broken.url });
  expect(await takeAfterRepainting(b)).toEqual({ outcome: 'held', grades: [{ grade: 0 }] });
  await b.close();
});

test('guard on: a hold at the grade from before a repainting is refused', async () => {
  const b = await openBooking({ url });
  expect(await takeAfterRepainting(b)).toEqual({ outcome: 'repainted', grades: [] });
  await b.close();
});

test('a buyer does not notice a repainting: the seats are taken at their new grade', async () => {
  const b = await openBooking({ url });
  await b.db.query(`UPDATE seats.stock SET painting_version = 'newer' WHERE performance_id = $1`, [
    b.performanceId,
  ]);
  b.repaintTo('newer', 2);
  expect(await b.takeSeats('acc_a', [0, 1])).toMatchObject({ outcome: 'held' });
  const rows = await readClaims(b);
  expect(rows).toEqual([{ grade: 2 }, { grade: 2 }]);
  await b.close();
});

test('blocked seats are repainted, too, and it is known what was ever held', async () => {
  const b = await openBooking({ url });
  await b.stock.block(b.db, {
    performanceId: b.performanceId,
    block: [{ seatNo: 3, gradeIndex: 0 }],
    unblock: [],
  });
  const performances = [b.performanceId];
  expect(await b.stock.held(b.db, b.showId, performances)).toEqual(new Set());
  const grades = new Uint8Array(100).fill(1);
  const repainting = { performanceId: b.performanceId, paintingVersion: '', grades };
  await b.stock.repaint(b.db, b.showId, [repainting]);
  expect(await b.stock.taken(b.showId)).toEqual(new Map([[b.performanceId, new Map([[1, 1]])]]));
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await b.seats.release(holdId, 'acc_a', 'test');
  expect(await b.stock.held(b.db, b.showId, performances)).toEqual(new Set(performances));
  await b.close();
});

test('best available is refused if not enough adjacent seats of the grade are left', async () => {
  const b = await openBooking({ url, rows: [[3]] });
  await b.takeSeats('acc_a', [1]);
  const best = await b.seats.take({
    performanceId: b.performanceId,
    holdId: b.ids.make('hold'),
    buyerId: 'acc_b',
    requestId: 'test',
    wish: { kind: 'best', grade: 'VIP', count: 2 },
  });
  expect(best).toEqual({ outcome: 'none-adjacent' });
  await b.close();
});

test('a lapsed hold is taken over in place as a whole, and its buyer’s order expires', async () => {
  const b = await openBooking({ url, holdTtlMs: 1000, holdTotalMaxMs: 1000 });
  const { orderId, holdId } = await b.order('acc_slow', [0, 1, 2]);
  await endHold(b.db, holdId);
  expect(await b.takeSeats('acc_fast', [1])).toMatchObject({ outcome: 'held', seatNos: [1] });
  const claims = await b.db.query<{ seat_no: number; buyer_id: string }>(
    `SELECT c.seat_no, h.buyer_id FROM seats.claims c JOIN seats.holds h ON h.id = c.hold_id
     JOIN seats.stock s ON s.no = c.stock_no WHERE s.performance_id = $1`,
    [b.performanceId],
  );
  expect(claims).toEqual([{ seat_no: 1, buyer_id: 'acc_fast' }]);
  expect((await b.orders.readOwn(orderId, 'acc_slow'))?.state).toBe('EXPIRED');
  await b.close();
});

test('the sweeper puts the seats of a lapsed hold on sale and updates the map', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_slow', [0, 1], holdId);
  await endHold(b.db, holdId);
  const before = (await b.seats.readMap(b.performanceId))?.version;
  expect(await b.seats.sweep()).toBe(1);
  const map = await b.seats.readMap(b.performanceId);
  expect(map?.version).toBe((before ?? 0) + 1);
  expect([...(map?.bits() ?? [])].every((byte) => byte === 0)).toBe(true);
  expect(await b.seats.sweep()).toBe(0);
  await b.close();
});

test('a released hold is free at once; another buyer cannot release it', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [7], holdId);
  expect(await b.seats.release(holdId, 'acc_b', 'test')).toBe('not-found');
  expect(await b.seats.release(holdId, 'acc_a', 'test')).toBe('released');
  expect(await b.seats.release(holdId, 'acc_a', 'test')).toBe('ended');
  expect((await b.takeSeats('acc_b', [7])).outcome).toBe('held');
  await b.close();
});

test('a hold’s time restarts once and never passes its absolute end', async () => {
  const b = await openBooking({ url, holdTtlMs: 60_000, holdTotalMaxMs: 90_000 });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await ageHold(b.db, holdId, 50_000);
  expect(await b.seats.extend(holdId, 'acc_a')).toBe('extended');
  const hold = await b.seats.hold(holdId, 'acc_a');
  expect(hold?.deadlineAt).toEqual(hold?.endsBy);
  expect(await b.seats.extend(holdId, 'acc_a')).toBe('extended-before');
  expect(await b.seats.extend(holdId, 'acc_b')).toBe('not-found');
  await b.close();
});

/** Whether an order restarts the time of a hold that its buyer has already extended. */
const restartsWithOrderToo = async (databaseUrl: string): Promise<boolean> => {
  const b = await openBooking({ url: databaseUrl, holdTtlMs: 60_000, holdTotalMaxMs: 600_000 });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [0], holdId);
  await ageHold(b.db, holdId, 30_000);
  expect(await b.seats.extend(holdId, 'acc_a')).toBe('extended');
  await ageHold(b.db, holdId, 30_000);
  const before = await b.seats.hold(holdId, 'acc_a');
  const placed = await b.orders.place({
    orderId: b.ids.make('order'),
    holdId,
    buyerId: 'acc_a',
    requestId: 'test',
  });
  expect(placed.outcome).toBe('placed');
  const after = await b.seats.hold(holdId, 'acc_a');
  await b.close();
  return after?.deadlineAt.getTime() !== before?.deadlineAt.getTime();
};

test('guard off: without the rule both the buyer and the order restart the time', async () => {
  const broken = await makeTestDatabase();
  await plantBug(broken.url, 'seats/sql/restart-deadline.sql', [
    { from: 'hold.extended_at IS NULL', to: 'true' },
  ]);
  expect(await restartsWithOrderToo(broken.url)).toBe(true);
});

test('guard on: an extended hold keeps its deadline when it is ordered', async () => {
  expect(await restartsWithOrderToo(url)).toBe(false);
});

test('stranding a single seat is refused if the show forbids it, and only then', async () => {
  const strict = await openBooking({ url, rows: [[6]], refusesStranding: true });
  expect(await strict.takeSeats('acc_a', [1, 2])).toEqual({ outcome: 'stranded', conflicts: [0] });
  expect((await strict.takeSeats('acc_a', [0, 1])).outcome).toBe('held');
  await strict.close();
  const lax = await openBooking({ url, rows: [[6]] });
  expect((await lax.takeSeats('acc_a', [1, 2])).outcome).toBe('held');
  await lax.close();
});

test('a lost race is refused from memory, without a database round trip', async () => {
  const b = await openBooking({ url });
  const holdId = b.ids.make('hold');
  await b.takeSeats('acc_a', [5], holdId);
  const early = (buyerId: string, hold: string, seatNos: number[]) =>
    b.seats.refuseEarly(b.performanceId, buyerId, seatNos, () => hold);
  expect(early('acc_b', b.ids.make('hold'), [4, 5])).toEqual([5]);
  // The holder’s own repeat is not a lost race: the database answers it.
  expect(early('acc_a', b.ids.make('hold'), [5])).toBeNull();
  expect(early('acc_b', holdId, [5])).toBeNull();
  expect(early('acc_b', b.ids.make('hold'), [4])).toBeNull();
  await b.close();
});

test('another process’s map follows notifications, and reloads if one is missing', async () => {
  const b = await openBooking({ url });
  await b.seats.readMap(b.performanceId);
  const store = makeSeatStore(b.db);
  const other = await store.take(
    [3, 4].map((seatNo) => ({
      holdId: b.ids.make('hold'),
      showId: b.showId,
      performanceId: b.performanceId,
      buyerId: b.ids.make('account'),
      windows: [[seatNo]],
      grades: [0],
      checks: null,
      requestId: 'other process',
      paintingVersion: '',
      fingerprint: 'other process',
    })),
    { ttlMs: 60_000, totalMaxMs: 120_000 },
  );
  const [delta] = other.deltas;
  if (delta === undefined) throw new Error('no delta');
  b.seats.apply(delta);
  expect((await b.seats.readMap(b.performanceId))?.mayBeFree(3, systemClock.nowMs())).toBe(false);
  // A version whose predecessor was lost.
  b.seats.apply({ ...delta, version: delta.version + 2, changes: [4 * 9 + 1], holders: ['x'] });
  expect((await b.seats.readMap(b.performanceId))?.hasGap).toBe(true);
  await b.seats.reloadAll();
  const map = await b.seats.readMap(b.performanceId);
  expect(map?.hasGap).toBe(false);
  expect(map?.mayBeFree(9, systemClock.nowMs())).toBe(true);
  await b.close();
});

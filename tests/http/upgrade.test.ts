import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { readLayout, readPainting, readPerformance, readShow } from '@usher/contract/catalogue.ts';
import { readOrder } from '@usher/contract/orders.ts';
import { paintShow, readShowGrades } from '@usher/contract/organiser.ts';
import { readSeats, takeHold } from '@usher/contract/seats.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import { layoutVersion } from '@usher/domain/layout.ts';
import { decodeSeatBits } from '@usher/domain/seat-bits.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkInvariants } from '../../server/src/invariants.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { withClient } from '../support/databases.ts';
import { silentLog } from '../support/log.ts';
import { makeOldDatabase } from '../support/old-database.ts';
import { openProgram, type Program } from '../support/program.ts';
import type { Person } from '../support/sale.ts';
import { sampleHouse } from '../support/sample-house.ts';

/** The last migration of the version in which grades did not yet belong to shows. */
const oldMigrations = 11;
const ids = makeIds(systemClock);
const plan = sampleHouse([[4], [6]], (row) => row, ['VIP', 'R']);
const version = layoutVersion(plan, (text) =>
  createHash('sha256').update(text).digest('base64url'),
);
const old = {
  venueId: ids.make('venue'),
  planId: ids.make('seatingPlan'),
  showId: ids.make('show'),
  performanceId: ids.make('performance'),
  unsoldId: ids.make('performance'),
  holdId: ids.make('hold'),
  orderId: ids.make('order'),
  attemptId: ids.make('attempt'),
  tickets: [ids.make('ticket'), ids.make('ticket')],
};
/** How the previous version named the seats of an order. */
const seatOf = (seatNo: number, row: string, number: number, grade: string) =>
  JSON.stringify({ seatNo, section: { ko: '1구역', en: 'Block 1' }, row, number, grade });
const soldSeats = [
  { seatNo: 0, grade: 'VIP', price: 150_000, seat: seatOf(0, '1', 1, 'VIP') },
  { seatNo: 4, grade: 'R', price: 100_000, seat: seatOf(4, '2', 1, 'R') },
];

/** A house, a show with two performances, and in the first one a paid order and a blocked seat. */
const fillOldDatabase = (url: string): Promise<void> =>
  withClient(url, async (client) => {
    const { venueId, planId, showId, performanceId, unsoldId, holdId, orderId, attemptId } = old;
    await client.query('INSERT INTO venues.layouts VALUES ($1, $2, 10, $3, $4)', [
      version,
      gzipSync(JSON.stringify(plan)),
      ['VIP', 'R'],
      [4, 6],
    ]);
    await client.query(
      `INSERT INTO venues.venues (id, name, address, time_zone, owner_id, request_id, created_at)
       VALUES ($1, '{"ko":"옛 극장","en":"Old House"}', '{"ko":"서울","en":"Seoul"}',
         'Asia/Seoul', 'acc_owner', 'old', now())`,
      [venueId],
    );
    await client.query('INSERT INTO venues.seating_plans VALUES ($1, $2, $3)', [
      planId,
      venueId,
      version,
    ]);
    await client.query(
      `INSERT INTO catalogue.shows (id, owner_id, venue_id, title, synopsis, category,
         running_time_minutes, age_limit, ladder, sale_opens_at, sale_closes_at, buyer_limit,
         refuses_stranding, poster_version, lowest_price_minor, currency, first_starts_at,
         last_starts_at, search_text, search_grams, created_at)
       VALUES ($1, 'acc_owner', $2, '{"ko":"옛 공연","en":"Old Show"}', '{"ko":"옛","en":"old"}',
         'PLAY', 90, 8, 'operator', now() - interval '1 day', now() + interval '30 days', 4, false,
         'poster', 100000, 'KRW', now() + interval '20 days', now() + interval '21 days', '', '{}',
         now())`,
      [showId, venueId],
    );
    await client.query('INSERT INTO catalogue.show_counts (show_id) VALUES ($1)', [showId]);
    await client.query(
      `INSERT INTO catalogue.grades VALUES
         ($1, 'VIP', 1, '{"ko":"VIP석","en":"VIP"}', 150000, 'KRW'),
         ($1, 'R', 2, '{"ko":"R석","en":"R"}', 100000, 'KRW')`,
      [showId],
    );
    await client.query(
      `INSERT INTO catalogue.performances VALUES
         ($2, $1, now() + interval '20 days', 1, $4, $5),
         ($3, $1, now() + interval '21 days', 1, $4, $5)`,
      [showId, performanceId, unsoldId, planId, version],
    );
    await client.query(
      `INSERT INTO seats.stock (show_id, performance_id, seat_count, sale_opens_at, sale_closes_at,
         buyer_limit, refuses_stranding, taken)
       SELECT $1, p.id, 10, now() - interval '1 day', now() + interval '20 days', 4, false, p.taken
       FROM (VALUES ($2, 3), ($3, 0)) AS p (id, taken)`,
      [showId, performanceId, unsoldId],
    );
    await client.query(
      `INSERT INTO seats.holds (show_id, id, performance_id, buyer_id, seat_nos, state, fence,
         order_id, taken_at, deadline, ends_by, ended_at, end_reason, request_id)
       VALUES ($1, $2, $3, 'acc_old', '{0,4}', 'SOLD', 2, $4, now(), now(), now(), now(), 'sold',
         'old')`,
      [showId, holdId, performanceId, orderId],
    );
    await client.query(
      `INSERT INTO seats.claims (show_id, performance_id, seat_no, grade, state, buyer_id, hold_id,
         order_id, fence)
       VALUES ($1, $2, 0, 0, 'sold', 'acc_old', $3, $4, 2),
         ($1, $2, 4, 1, 'sold', 'acc_old', $3, $4, 2),
         ($1, $2, 9, 1, 'blocked', NULL, NULL, NULL, 1)`,
      [showId, performanceId, holdId, orderId],
    );
    await client.query(
      `INSERT INTO orders.orders (show_id, id, performance_id, buyer_id, hold_id, state,
         total_minor, currency, category, ladder, deadline, created_at, paid_at)
       VALUES ($1, $2, $3, 'acc_old', $4, 'PAID', 252000, 'KRW', 'PLAY', 'operator', now(), now(),
         now())`,
      [showId, orderId, performanceId, holdId],
    );
    await client.query(
      `INSERT INTO orders.transitions VALUES
         ($1, $2, NULL, 'PENDING', now() - interval '3 s', 'acc_old', 'placed', 'old'),
         ($1, $2, 'PENDING', 'PAYING', now() - interval '2 s', 'acc_old', 'payment begun', 'old'),
         ($1, $2, 'PAYING', 'PAID', now() - interval '1 s', 'payments', 'approved', 'old')`,
      [showId, orderId],
    );
    await client.query(
      `INSERT INTO payments.attempts (show_id, id, order_id, hold_id, performance_id, buyer_id,
         provider, idempotency_key, amount_minor, currency, state, outcome, payment_key, fence,
         request_id, created_at, locked_at, sent_at, answered_at, settled_at)
       VALUES ($1, $2, $3, $4, $5, 'acc_old', 'toss', 'old', 252000, 'KRW', 'SETTLED', 'APPROVED',
         'old payment', 2, 'old', now(), now(), now(), now(), now())`,
      [showId, attemptId, orderId, holdId, performanceId],
    );
    await client.query(
      `INSERT INTO payments.ledger (show_id, order_id, attempt_id, kind, amount_minor, currency,
         provider, at)
       VALUES ($1, $2, $3, 'CAPTURE', 252000, 'KRW', 'toss', now())`,
      [showId, orderId, attemptId],
    );
    await client.query(
      `INSERT INTO platform.outbox (id, show_id, type, payload, published_at)
       SELECT 'evt_' || type, $1, type, jsonb_build_object('orderId', $2::text), now()
       FROM unnest('{order.placed,order.paid}'::text[]) type`,
      [showId, orderId],
    );
    for (const [i, { seatNo, grade, price, seat }] of soldSeats.entries()) {
      await client.query('INSERT INTO orders.items VALUES ($1, $2, $3, $4, $5, $6, 1000)', [
        showId,
        orderId,
        seatNo,
        grade,
        seat,
        price,
      ]);
      await client.query(
        `INSERT INTO tickets.tickets (show_id, id, order_id, performance_id, buyer_id, seat_no,
           grade, seat)
         VALUES ($1, $2, $3, $4, 'acc_old', $5, $6, $7)`,
        [showId, old.tickets[i], orderId, performanceId, seatNo, grade, seat],
      );
    }
  });

/** Gives the earlier buyer a current account to sign in with. */
const becomeOldBuyer = async (program: Program, accountId: string): Promise<void> => {
  for (const table of ['seats.holds', 'orders.orders', 'payments.attempts'])
    await program.app.db.query(`UPDATE ${table} SET buyer_id = $1 WHERE buyer_id = 'acc_old'`, [
      accountId,
    ]);
  await program.app.db.query('UPDATE tickets.tickets SET buyer_id = $1', [accountId]);
};

describe('a database of the version before, with sold seats', () => {
  let program: Program;
  let buyer: Person;
  const performance = { performanceId: old.performanceId };

  beforeAll(async () => {
    const { url } = await makeOldDatabase(oldMigrations);
    await fillOldDatabase(url);
    await migrate({ url, log: silentLog, machines: stateMachines });
    program = await openProgram({ databaseUrl: url });
    buyer = await program.newBuyer();
    await becomeOldBuyer(program, buyer.accountId);
  });

  test('shows the same prices, layout, grades and seats left', async () => {
    const { grades } = await program.must(readShow, { params: { showId: old.showId } });
    expect(grades.map(({ code, price }) => [code, price.amount])).toEqual([
      ['VIP', 150_000],
      ['R', 100_000],
    ]);
    const {
      seatsLeft,
      layoutVersion: shown,
      paintingVersion,
    } = await program.must(readPerformance, { params: performance });
    expect(shown).toBe(version);
    expect(seatsLeft).toEqual([
      { grade: 'VIP', seats: 4, left: 3 },
      { grade: 'R', seats: 6, left: 4 },
    ]);
    const layout = await program.ask(readLayout, {
      params: { seatingPlanId: old.planId, version },
    });
    expect(JSON.parse(layout.bytes.toString())).toEqual(plan);
    const painting = await program.ask(readPainting, { params: { version: paintingVersion } });
    expect(JSON.parse(painting.bytes.toString())).toEqual({
      format: 1,
      grades: ['VIP', 'R'],
      seats: [4, 0, 6, 1],
    });
    const map = await program.ask(readSeats, { params: performance });
    expect([...decodeSeatBits(map.bytes, 10)]).toEqual([2, 0, 0, 0, 2, 0, 0, 0, 0, 3]);
  });

  test('shows its orders and tickets with the seats that were bought', async () => {
    const params = { orderId: old.orderId };
    const order = await program.must(readOrder, { as: buyer.token, params });
    expect(order).toMatchObject({ state: 'PAID', total: { amount: 252_000 } });
    const seats = order.items.map(({ seat, price }) => [
      `${seat.section.ko} ${seat.row}-${seat.label}`,
      seat.mark,
      seat.gradeName.ko,
      price.amount,
    ]);
    expect(seats).toEqual([
      ['1구역 1-1', null, 'VIP석', 150_000],
      ['1구역 2-1', null, 'R석', 100_000],
    ]);
    const { items } = await program.must(listTickets, { as: buyer.token, params });
    expect(items.map(({ seat }) => seat)).toEqual(order.items.map(({ seat }) => seat));
  });

  test('continues to sell at the same grades and prices', async () => {
    const other = await program.newBuyer();
    const held = await program.must(takeHold, {
      as: other.token,
      params: performance,
      body: { bestAvailable: { grade: 'R', count: 2 } },
    });
    expect(held.seats.map(({ grade, label }) => [grade, label])).toEqual([
      ['R', expect.any(String)],
      ['R', expect.any(String)],
    ]);
    const { order } = await program.buy(other.token, old.performanceId, [1]);
    expect(order.items[0]?.price.amount).toBe(150_000);
    expect((await checkInvariants(program.app.db)).violations).toEqual([]);
  });

  test('can be repainted only where nothing was sold', async () => {
    const given = { as: program.operator, params: { showId: old.showId } };
    const { grades, performances } = await program.must(readShowGrades, given);
    expect(performances.map(({ isFixed }) => isFixed)).toEqual([true, false]);
    const family = {
      name: { ko: '가족석', en: 'Family' },
      price: { amount: 1, currency: 'KRW' as const },
    };
    const rules = [{ grade: '가족석', section: '1구역', rows: ['2'], seats: ['1', '2'] }];
    const body = {
      grades: [...grades, family],
      paintings: [{ seatingPlanId: old.planId, rules }],
    };
    expect((await program.ask(paintShow, { ...given, body })).status).toBe(409);
    const keep = { ...body, fixedPerformances: 'keep' as const };
    const painted = await program.must(paintShow, { ...given, body: keep });
    const code = painted.grades[2]?.code ?? '';
    const leftOf = async (performanceId: string) =>
      (await program.must(readPerformance, { params: { performanceId } })).seatsLeft;
    expect((await leftOf(old.performanceId)).map(({ grade }) => grade)).toEqual(['VIP', 'R']);
    expect(await leftOf(old.unsoldId)).toContainEqual({ grade: code, seats: 2, left: 2 });
    const { order } = await program.buy(buyer.token, old.unsoldId, [4]);
    expect(order.items[0]).toMatchObject({ grade: code, price: { amount: 1 } });
    expect((await checkInvariants(program.app.db)).violations).toEqual([]);
  });
});

import { callerOf, makeBuilder, openCatalogueOffice } from '@usher/tests/support/catalogue.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendEvents, type NewEvent } from '../../platform/journal/append.ts';
import { makeEventId } from '../../platform/journal/consumer.ts';
import { openRelay } from '../../platform/journal/test-bed.ts';
import { makeMetrics } from '../../platform/metrics.ts';

// Saturday the 21st, noon in Seoul; the week began on Thursday the 19th.
const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url, nowMs: Date.parse('2026-11-21T03:00:00.000Z') });
const call = callerOf(office);
const build = makeBuilder(office);
const metrics = makeMetrics();
const relay = openRelay({
  db: office.db,
  clock: office.clock,
  log: silentLog,
  metrics,
  owner: 'test',
  consumers: office.ranking.consumers ?? [],
});
afterAll(async () => {
  await relay.close();
  await office.close();
});

type Show = { id: string; category: string };
const paid = (show: Show, seats: number, at: string): NewEvent => ({
  atMs: Date.parse(at),
  showId: show.id,
  type: 'order.paid',
  payload: {
    orderId: office.ids.make('order'),
    performanceId: office.ids.make('performance'),
    buyerId: office.ids.make('account'),
    seats,
    category: show.category,
    totalMinor: 1,
  },
  requestId: null,
});
const publish = async (...events: readonly NewEvent[]) => {
  await appendEvents(office.db, events);
  await relay.round();
};
/** The ranking at an instant; it may be five seconds old, so the clock advances by that. */
const rankingAt = async (at: string, query: string): Promise<[string, number][]> => {
  for (const ms of [Math.max(0, Date.parse(at) - office.clock.nowMs()), 5000]) {
    await office.clock.advance(ms);
    await office.idle();
  }
  const body = (await call('GET', `/rankings?${query}`)).json();
  return body.items.map((item: { show: Show; ticketsSold: number }) => [
    item.show.id,
    item.ticketsSold,
  ]);
};

let venueId: string;
let here: Show;
let there: Show;
beforeAll(async () => {
  venueId = (await build.venue()).id;
  here = await build.show(venueId, { category: 'MUSICAL' });
  there = await build.show(venueId, { category: 'PLAY' });
});

describe('a ranking', () => {
  test('counts paid tickets by show, most first, in total and by category', async () => {
    const at = '2026-11-21T03:00:00.000Z';
    await publish(paid(here, 2, at), paid(there, 3, at), paid(here, 4, at));
    expect(await rankingAt(at, 'period=DAY')).toEqual([
      [here.id, 6],
      [there.id, 3],
    ]);
    expect(await rankingAt(at, 'category=PLAY')).toEqual([[there.id, 3]]);
    expect(await rankingAt(at, 'limit=1')).toEqual([[here.id, 6]]);
    expect(await rankingAt(at, 'category=CLASSIC&period=MONTH')).toEqual([]);
  });
  test('counts an order once, however often its event is delivered', async () => {
    const at = '2026-11-21T03:10:00.000Z';
    const event = paid(here, 1, at);
    await publish(event);
    // Another process continues at the cursor.
    await office.db.query("UPDATE platform.cursors SET owner = 'another'");
    await relay.round();
    await office.db.query(
      "UPDATE platform.cursors SET until = clock_timestamp() - '1 s'::interval",
    );
    await relay.round();
    const [consumer] = office.ranking.consumers ?? [];
    const failing = office.db.transaction(async (tx) => {
      const { atMs, showId, type } = event;
      const delivered = { seq: 9, id: makeEventId(9), atMs, showId, type, traceId: null };
      await consumer?.handle(tx, [{ ...delivered, payload: { ...event.payload, at } }]);
      throw new Error('the process dies before the commit');
    });
    await expect(failing).rejects.toThrow('dies');
    expect(await rankingAt(at, 'category=MUSICAL')).toEqual([[here.id, 7]]);
  });
  test('is read without an SQL statement, and is at most five seconds old', async () => {
    const at = new Date(office.clock.nowMs()).toISOString();
    await publish(paid(there, 1, at));
    const before = office.statements();
    const old = (await call('GET', '/rankings?category=PLAY')).json();
    for (let i = 0; i < 20; i++) await call('GET', '/rankings');
    expect(office.statements() - before).toBe(0);
    expect(old.items[0].ticketsSold).toBe(3);
    expect(await rankingAt(at, 'category=PLAY')).toEqual([[there.id, 4]]);
    const { asOf } = (await call('GET', '/rankings')).json();
    expect(office.clock.nowMs() - Date.parse(asOf)).toBeLessThanOrEqual(5000);
  });
  test('says when its period began, in the time zone of the ticket office', async () => {
    const startOf = async (period: string) =>
      (await call('GET', `/rankings?period=${period}`)).json().startsAt;
    expect(await startOf('DAY')).toBe('2026-11-20T15:00:00.000Z');
    expect(await startOf('WEEK')).toBe('2026-11-18T15:00:00.000Z');
    expect(await startOf('MONTH')).toBe('2026-10-31T15:00:00.000Z');
  });
  test('refuses unknown parameters', async () => {
    for (const query of ['period=YEAR', 'category=X', 'limit=51', 'limit=0', 'cursor=x'])
      expect((await call('GET', `/rankings?${query}`)).json().code).toBe('VALIDATION_FAILED');
  });
});

describe('the periods', () => {
  test('a day ends at midnight in Seoul, not in UTC', async () => {
    await publish(paid(here, 5, '2026-11-21T14:59:59.999Z'));
    await publish(paid(there, 2, '2026-11-21T15:00:00.000Z'));
    expect(await rankingAt('2026-11-21T15:00:01.000Z', 'period=DAY')).toEqual([[there.id, 2]]);
    expect(await rankingAt('2026-11-21T15:00:01.000Z', 'period=WEEK')).toEqual([
      [here.id, 12],
      [there.id, 6],
    ]);
  });
  test('a week begins on Thursday', async () => {
    await publish(paid(here, 1, '2026-11-25T14:59:59.999Z'));
    expect(await rankingAt('2026-11-25T14:59:50.000Z', 'period=WEEK&category=MUSICAL')).toEqual([
      [here.id, 13],
    ]);
    await publish(paid(there, 1, '2026-11-25T15:00:00.000Z'));
    expect(await rankingAt('2026-11-25T15:00:01.000Z', 'period=WEEK')).toEqual([[there.id, 1]]);
    expect(await rankingAt('2026-11-25T15:00:01.000Z', 'period=MONTH')).toEqual([
      [here.id, 13],
      [there.id, 7],
    ]);
  });
  test('a month begins on the 1st, a week may begin in the previous month', async () => {
    await publish(paid(here, 3, '2026-11-30T15:00:00.000Z'));
    const at = '2026-11-30T15:00:01.000Z';
    expect(await rankingAt(at, 'period=MONTH')).toEqual([[here.id, 3]]);
    expect(await rankingAt(at, 'period=WEEK')).toEqual([
      [here.id, 3],
      [there.id, 1],
    ]);
  });
  test('each venue counts in its own time zone', async () => {
    const london = await build.venue({ timeZone: 'Europe/London' });
    const away: Show = await build.show(london.id, { category: 'CONCERT' });
    // In London it is still the 1st of December; in Seoul the 2nd has begun.
    await publish(
      paid(away, 4, '2026-12-01T12:00:00.000Z'),
      paid(here, 1, '2026-12-01T12:00:00.000Z'),
    );
    const at = '2026-12-01T15:00:01.000Z';
    expect(await rankingAt(at, 'period=DAY')).toEqual([[away.id, 4]]);
    expect(await rankingAt('2026-12-02T00:00:01.000Z', 'period=DAY')).toEqual([]);
    expect(await rankingAt('2026-12-02T00:00:01.000Z', 'category=CONCERT&period=MONTH')).toEqual([
      [away.id, 4],
    ]);
  });
  test('returned tickets do not count, and shows without tickets are not listed', async () => {
    await office.db.query('UPDATE ranking.sales SET tickets = 0 WHERE show_id = $1', [here.id]);
    const at = '2026-12-02T00:00:01.000Z';
    expect((await rankingAt(at, 'period=MONTH')).map(([id]) => id)).not.toContain(here.id);
  });
  test('the order of shows with equal tickets is stable', async () => {
    const twins: Show[] = [];
    for (let i = 0; i < 4; i++) twins.push(await build.show(venueId, { category: 'EXHIBITION' }));
    const at = '2026-12-03T00:00:00.000Z';
    await publish(...twins.map((show) => paid(show, 2, at)).reverse());
    const expected = twins.map(({ id }): [string, number] => [id, 2]);
    expected.sort(([a], [b]) => (a < b ? -1 : 1));
    for (let i = 0; i < 2; i++)
      expect(await rankingAt(at, 'category=EXHIBITION')).toEqual(expected);
  });
});

test('an order of an unknown show counts in the time zone of the ticket office', async () => {
  const ghost = { id: office.ids.make('show'), category: 'PLAY' };
  const at = new Date(office.clock.nowMs()).toISOString();
  await publish(paid(ghost, 1, at));
  const rows = await office.db.query('SELECT time_zone FROM ranking.sales WHERE show_id = $1', [
    ghost.id,
  ]);
  expect(rows).toEqual([{ time_zone: 'Asia/Seoul' }]);
  expect((await rankingAt(at, 'category=PLAY')).map(([id]) => id)).not.toContain(ghost.id);
});

test('an invalid event becomes a dead letter, and the others count', async () => {
  const at = new Date(office.clock.nowMs()).toISOString();
  const broken = { ...paid(there, 1, at), payload: { seats: 'many' } };
  const show: Show = await build.show(venueId, { category: 'CLASSIC' });
  await publish(broken, paid(show, 1, at));
  for (let i = 0; i < 5; i++) {
    await office.clock.advance(20_000);
    await relay.round();
  }
  expect(await relay.deadLetters(10)).toMatchObject([
    { consumer: 'ranking', showId: there.id, payload: broken.payload },
  ]);
  expect(await rankingAt(at, 'category=CLASSIC')).toEqual([[show.id, 1]]);
});

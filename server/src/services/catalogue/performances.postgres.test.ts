import { callerOf, makeBuilder, openCatalogueOffice } from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
const build = makeBuilder(office);
afterAll(office.close);

const hourMs = 3_600_000;
let venueId: string;
beforeAll(async () => {
  venueId = (await build.venue()).id;
});
const pass = async (ms: number) => {
  await office.clock.advance(ms);
  await office.idle();
};
const listed = async (showId: string, query = '') => {
  const response = await call('GET', `/shows/${showId}/performances?limit=100${query}`);
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
};
const idsOf = (page: { items: { id: string }[] }) => page.items.map((item) => item.id);

describe('the performances of a show', () => {
  test('are those that have not begun, until the sale closes', async () => {
    const show = await build.show(venueId, { saleClosesAt: build.atMs(48 * hourMs) });
    const [a, b, c] = await build.performances(show.id, [2, 24, 72]);
    expect(idsOf(await listed(show.id))).toEqual([a.id, b.id, c.id]);
    await pass(2 * hourMs);
    expect(idsOf(await listed(show.id))).toEqual([b.id, c.id]);
    const begun = (await call('GET', `/performances/${a.id}`)).json();
    expect(begun).toMatchObject({ saleState: 'CLOSED', saleClosesAt: a.startsAt });
    await pass(46 * hourMs);
    expect(await listed(show.id)).toEqual({ items: [], nextCursor: null });
    expect((await call('GET', `/shows/${show.id}`)).json().saleState).toBe('CLOSED');
  });
  test('come page by page, each once, even while one is added before and one begins', async () => {
    const show = await build.show(venueId);
    const [a, b, c, d] = await build.performances(show.id, [10, 20, 30, 40]);
    const path = `/shows/${show.id}/performances?limit=2`;
    const first = (await call('GET', path)).json();
    expect(idsOf(first)).toEqual([a.id, b.id]);
    await build.performances(show.id, [5]);
    await pass(11 * hourMs);
    const second = (await call('GET', `${path}&cursor=${first.nextCursor}`)).json();
    expect(idsOf(second)).toEqual([c.id, d.id]);
    expect(second.nextCursor).toBeNull();
    const bad = await call('GET', `${path}&cursor=${first.nextCursor}x%22`);
    expect(bad.json()).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
  test('of an unknown show are not found, nor is an unknown performance', async () => {
    const paths = [
      `/shows/${office.ids.make('show')}/performances`,
      `/performances/${office.ids.make('performance')}`,
      '/performances/perf_x',
    ];
    for (const path of paths)
      expect((await call('GET', path)).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('seats left', () => {
  test('are counted for each grade and at most a second old', async () => {
    const show = await build.show(venueId);
    const [performance] = await build.performances(show.id, [24]);
    const left = async () => {
      const body = (await call('GET', `/performances/${performance.id}`)).json();
      return body.seatsLeft.map((grade: { left: number }) => grade.left);
    };
    expect(await left()).toEqual([5, 15]);
    office.stock.take(show.id, performance.id, [2, 15]);
    await pass(1001);
    expect(await left()).toEqual([3, 0]);
    expect((await listed(show.id)).items[0].seatsLeft).toEqual([
      { grade: 'VIP', seats: 5, left: 3 },
      { grade: 'R', seats: 15, left: 0 },
    ]);
  });
  test('for many readers within a second are counted once', async () => {
    const show = await build.show(venueId);
    const [performance] = await build.performances(show.id, [24]);
    // Once for the response to the caller who added it.
    expect(office.stock.asked.filter((id) => id === show.id)).toHaveLength(1);
    const read = () => call('GET', `/performances/${performance.id}`);
    await pass(2000);
    await Promise.all(Array.from({ length: 50 }, read));
    await Promise.all(Array.from({ length: 50 }, read));
    expect(office.stock.asked.filter((id) => id === show.id)).toHaveLength(2);
  });
});

describe('a show is sold out', () => {
  const consumer = office.catalogue.consumers?.find(({ name }) => name === 'catalogue-sold-out');
  const check = office.catalogue.jobs?.find(({ name }) => name === 'catalogue-check-sold-out');
  const orderMoved = (showId: string, type = 'order.paid') =>
    consumer?.handle(office.db, [
      {
        seq: 1,
        id: office.ids.make('event'),
        showId,
        type,
        payload: {},
        traceId: null,
        atMs: 0,
      },
    ]);
  const stateOf = async (showId: string) => {
    await pass(1000);
    return (await call('GET', `/shows/${showId}`)).json().saleState;
  };
  const soldOutShow = async () => {
    const show = await build.show(venueId);
    const performances = await build.performances(show.id, [24, 48]);
    for (const { id } of performances) office.stock.take(show.id, id, [5, 15]);
    await orderMoved(show.id);
    return { show, performances };
  };

  test('when nothing is left of any performance that can still be bought', async () => {
    const { show, performances } = await soldOutShow();
    expect(await stateOf(show.id)).toBe('SOLD_OUT');
    office.stock.take(show.id, performances[1].id, [5, 14]);
    await orderMoved(show.id, 'order.expired');
    expect(await stateOf(show.id)).toBe('ON_SALE');
  });
  test('when the only performance with seats has begun', async () => {
    const { show, performances } = await soldOutShow();
    office.stock.take(show.id, performances[0].id, [0, 0]);
    await orderMoved(show.id);
    expect(await stateOf(show.id)).toBe('ON_SALE');
    await pass(24 * hourMs);
    await check?.run(undefined);
    expect(await stateOf(show.id)).toBe('SOLD_OUT');
  });
  test('no longer, within a minute, when a hold has lapsed without an order', async () => {
    const { show, performances } = await soldOutShow();
    expect(await stateOf(show.id)).toBe('SOLD_OUT');
    office.stock.take(show.id, performances[0].id, [4, 15]);
    await check?.run(undefined);
    expect(await stateOf(show.id)).toBe('ON_SALE');
  });
  test('when its last seats are blocked', async () => {
    const show = await build.show(venueId);
    const [performance] = await build.performances(show.id, [24]);
    office.stock.take(show.id, performance.id, [5, 15]);
    const path = `/organiser/performances/${performance.id}/blocked-seats`;
    await call('PUT', path, { as: office.organiser, body: { block: [19] } });
    expect(await stateOf(show.id)).toBe('SOLD_OUT');
  });
  test('never if it has no performance', async () => {
    const show = await build.show(venueId);
    await orderMoved(show.id);
    await orderMoved(office.ids.make('show'));
    expect(await stateOf(show.id)).toBe('ON_SALE');
  });
});

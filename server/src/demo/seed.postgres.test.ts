import { callerOf, openCatalogueOffice } from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { type GiveRoom, type SellAll, seedDemo } from './seed.ts';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
afterAll(office.close);

const accounts = new Map<string, string>();
const identity = {
  ensureAccount: async ({ email }: { email: string }) => {
    const id = accounts.get(email) ?? office.ids.make('account');
    accounts.set(email, id);
    return id;
  },
};
const sold: Parameters<SellAll>[] = [];
const rooms = new Map<string, number>();
/** As in the program: an existing room is left unchanged. */
const giveRoom: GiveRoom = async (showId, opensAtMs) => {
  if (!rooms.has(showId)) rooms.set(showId, opensAtMs);
};
const seed = (sellAll: SellAll, afterMs = 0) =>
  seedDemo({
    identity,
    giveRoom,
    sellAll,
    nowMs: office.clock.nowMs() + afterMs,
    venues: office.venues.service,
    catalogue: office.catalogue.service,
  });
const sellNothing: SellAll = async (...given) => {
  sold.push(given);
};
const everything = async () => {
  const tables = ['venues.venues', 'venues.seating_plans', 'catalogue.shows', 'catalogue.audit'];
  const counts = ['catalogue.performances', 'catalogue.grades', ...tables].map(
    (table) => `(SELECT count(*) FROM ${table})::int AS "${table}"`,
  );
  const [row] = await office.db.query<Record<string, number>>(`SELECT ${counts.join(', ')}`);
  return row;
};

describe('the demo', () => {
  test('that was interrupted is completed, without creating anything twice', async () => {
    const failing = seed(async () => {
      throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(await seed(sellNothing, 5000)).toBe('seeded');
    const [titles] = await office.db.query<{ all: number; distinct: number }>(
      `SELECT count(*)::int AS all, count(DISTINCT title)::int AS distinct FROM catalogue.shows`,
    );
    expect(titles?.all).toBeGreaterThanOrEqual(12);
    expect(titles?.distinct).toBe(titles?.all);
    const [house] = await office.db.query('SELECT FROM venues.venues WHERE name->>$1 = $2', [
      'en',
      'Mulgyeol Arena',
    ]);
    expect(house).toBeDefined();
  });
  test('is created once in a database', async () => {
    const before = await everything();
    expect(await seed(sellNothing, 86_400_000)).toBe('seeded before');
    expect(await everything()).toEqual(before);
  });
  test('has one show with a waiting room, which opens with its sale', async () => {
    const [[showId, opensAtMs] = ['', 0]] = [...rooms];
    expect(rooms.size).toBe(1);
    const show = (await call('GET', `/shows/${showId}`)).json();
    expect(Date.parse(show.saleOpensAt)).toBe(opensAtMs);
  });
  test('has one show of which all seats are to be sold', async () => {
    expect(sold).toHaveLength(1);
    const [performances] = sold[0] ?? [[]];
    expect(performances.length).toBeGreaterThan(0);
    for (const { showId, performanceId, seatCount } of performances) {
      const performance = (await call('GET', `/performances/${performanceId}`)).json();
      expect(performance.showId).toBe(showId);
      const seats = performance.seatsLeft.reduce(
        (n: number, g: { seats: number }) => n + g.seats,
        0,
      );
      expect(seatCount).toBe(seats);
    }
  });
  test('has every category, one sale that opens in five minutes, and posters', async () => {
    const { items } = (await call('GET', '/shows?limit=100')).json();
    expect(new Set(items.map((item: { category: string }) => item.category)).size).toBe(5);
    const soon = new Date(office.clock.nowMs() + 5 * 60_000).toISOString();
    const opening = items.filter((item: { saleOpensAt: string }) => item.saleOpensAt === soon);
    expect(opening).toHaveLength(1);
    for (const { posterUrl, firstStartsAt } of items) {
      expect((await office.app.inject(posterUrl)).body).toMatch(/^<svg/);
      expect(Date.parse(firstStartsAt)).toBeGreaterThan(office.clock.nowMs());
    }
  });
  test('is found by words in Korean and English', async () => {
    const find = async (q: string) =>
      (await call('GET', `/shows?q=${encodeURIComponent(q)}`)).json().items.length;
    expect(await find('좌표')).toBeGreaterThan(0);
    expect(await find('coordinates night')).toBeGreaterThan(0);
  });
});

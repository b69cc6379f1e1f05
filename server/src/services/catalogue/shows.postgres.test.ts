import { callerOf, makeBuilder, openCatalogueOffice } from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
const build = makeBuilder(office);
afterAll(office.close);

const dayMs = 86_400_000;
type Listed = { id: string; title: { en: string }; saleState: string };
type Page = { items: Listed[]; nextCursor: string | null };
const list = async (query: string): Promise<Page> => {
  const response = await call('GET', `/shows?${query}`);
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
};
const titles = ({ items }: Page) => items.map((item) => item.title.en);
const named = (en: string, ko = en) => ({ title: { ko, en } });

let venueId: string;
beforeAll(async () => {
  venueId = (await build.venue()).id;
});

describe('the list of shows', () => {
  const category = 'EXHIBITION';
  let shows: Record<string, string>;
  beforeAll(async () => {
    const plan: [string, number, number, number[]][] = [
      ['running', -10, 50, [-5, 40]],
      ['sold out', -3, 30, [20]],
      ['opens soon', 2, 90, [80]],
      ['opens late', 9, 90, [70]],
      ['closed', -20, -1, [25]],
      ['without performances', -2, 95, []],
    ];
    shows = {};
    for (const [name, opens, closes, starts] of plan) {
      const sale = {
        saleOpensAt: build.atMs(opens * dayMs),
        saleClosesAt: build.atMs(closes * dayMs),
      };
      const { id } = await build.show(venueId, { category, ...named(name), ...sale });
      shows[name] = id;
      const later = starts.filter((days) => days > 0).map((days) => days * 24);
      if (later.length > 0) await build.performances(id, later);
    }
    const soldOut = shows['sold out'] ?? '';
    const { items } = (await call('GET', `/shows/${soldOut}/performances`)).json();
    office.stock.take(soldOut, items[0].id, [5, 15]);
    const [consumer] = office.catalogue.consumers ?? [];
    await consumer?.handle(office.db, [
      { seq: 1, id: 'e', showId: soldOut, type: 'order.paid', payload: {} },
    ] as never);
    await office.clock.advance(1000);
    await office.idle();
  });

  test('without a sale state contains every show whose sale has not ended', async () => {
    expect(titles(await list(`category=${category}`)).sort()).toEqual([
      'opens late',
      'opens soon',
      'running',
      'sold out',
      'without performances',
    ]);
  });
  test.each([
    ['UPCOMING', ['opens late', 'opens soon']],
    ['ON_SALE', ['running', 'without performances']],
    ['SOLD_OUT', ['sold out']],
    ['CLOSED', ['closed']],
  ])('filtered by the state %s contains the shows in that state', async (sale, expected) => {
    const page = await list(`category=${category}&sale=${sale}`);
    expect(titles(page).sort()).toEqual(expected);
    expect(page.items.every((item) => item.saleState === sale)).toBe(true);
  });
  test('is ordered by first start, by opening, or newest first', async () => {
    const of = async (sort: string) => titles(await list(`category=${category}&sort=${sort}`));
    expect(await of('starting')).toEqual([
      'sold out',
      'running',
      'opens late',
      'opens soon',
      'without performances',
    ]);
    expect(await of('opening')).toEqual([
      'running',
      'sold out',
      'without performances',
      'opens soon',
      'opens late',
    ]);
  });
  test('changes with the clock of the server', async () => {
    const before = (await call('GET', `/shows/${shows['opens soon']}`)).json();
    expect(before.saleState).toBe('UPCOMING');
    await office.clock.advance(2 * dayMs);
    await office.idle();
    const after = (await call('GET', `/shows/${shows['opens soon']}`)).json();
    expect(after.saleState).toBe('ON_SALE');
    expect(titles(await list(`category=${category}&sale=UPCOMING`))).toEqual(['opens late']);
  });
  test('by state omits a show whose sale has opened since the page was read', async () => {
    const query = `category=${category}&sale=UPCOMING&limit=7`;
    const { saleOpensAt } = (await call('GET', `/shows/${shows['opens late']}`)).json();
    await office.clock.advance(Date.parse(saleOpensAt) - 500 - office.clock.nowMs());
    await office.idle();
    expect(titles(await list(query))).toEqual(['opens late']);
    await office.clock.advance(500);
    expect((await list(query)).items).toEqual([]);
  });
  test('refuses unknown parameters', async () => {
    for (const query of [
      'sale=SOLD',
      'sort=best',
      'limit=101',
      'limit=0',
      'q=',
      'category=X',
      'z=1',
    ]) {
      const response = await call('GET', `/shows?${query}`);
      expect(response.json(), query).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
  });
});

describe('pages', () => {
  const category = 'CLASSIC';
  const pagesOf = async (query: string, between: (page: number) => Promise<void>) => {
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 1; page === 1 || cursor !== null; page++) {
      const at: string = cursor === null ? '' : `&cursor=${cursor}`;
      const found: Page = await list(`category=${category}&limit=2&${query}${at}`);
      expect(found.items.length).toBeLessThanOrEqual(2);
      seen.push(...titles(found));
      cursor = found.nextCursor;
      await between(page);
    }
    return seen;
  };
  const nothing = async () => undefined;
  const make = (name: string, opens: number) =>
    build.show(venueId, {
      category,
      ...named(name),
      saleOpensAt: build.atMs(-opens * dayMs),
      saleClosesAt: build.atMs(90 * dayMs),
    });

  test('contain every show once, even while shows are added before and after', async () => {
    // All have the same instant in the order by start, so the ids decide.
    for (let i = 1; i <= 5; i++) await make(`old ${i}`, i);
    for (const sort of ['starting', 'opening', 'newest']) {
      let added = 0;
      const seen = await pagesOf(`sort=${sort}`, async (page) => {
        if (page > 2) return;
        await make(`new ${sort} ${++added}`, added === 1 ? 0.5 : 20);
      });
      expect(seen.filter((title) => title.startsWith('old')).sort()).toEqual([
        'old 1',
        'old 2',
        'old 3',
        'old 4',
        'old 5',
      ]);
      expect(new Set(seen).size).toBe(seen.length);
    }
  });
  test('are as long as requested, and the last one has no cursor', async () => {
    const all = await pagesOf('sort=opening', nothing);
    const one: Page = await list(`category=${category}&sort=opening&limit=100`);
    expect(titles(one)).toEqual(all);
    expect(one.nextCursor).toBeNull();
    const exact: Page = await list(`category=${category}&sort=opening&limit=${all.length}`);
    expect(exact.nextCursor).toBeNull();
  });
  test('refuse a cursor of another order or list, or a forged one', async () => {
    const { nextCursor } = await list(`category=${category}&limit=1&sort=opening`);
    const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const bad = [
      `sort=newest&cursor=${nextCursor}`,
      `cursor=${forged(['starting', 1e300, 'show_x'])}`,
      `cursor=${forged(['starting', 1, "show_' OR 1=1 --"])}`,
      `cursor=${forged(null)}`,
      'cursor=%00',
      'cursor=abc',
    ];
    for (const query of bad) {
      const response = await call('GET', `/shows?${query}`);
      expect(response.json(), query).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ path: 'query.cursor' }],
      });
    }
  });
});

describe('a search', () => {
  const find = async (q: string, more = '') =>
    titles(await list(`q=${encodeURIComponent(q)}&limit=100${more}`));
  beforeAll(async () => {
    await build.show(venueId, named('Night of Opera', '오페라의밤'));
    await build.show(venueId, named('Les Misérables', '레 미제라블'));
    await build.show(venueId, named('100% Party', '백퍼센트 파티'));
    await build.show(venueId, { ...named('BTS Live', '방탄BTS콘서트'), category: 'CONCERT' });
  });
  test.each([
    ['오페라', 'Night of Opera'],
    ['의밤', 'Night of Opera'],
    ['OPERA', 'Night of Opera'],
    ['오페라의 밤', 'Night of Opera'],
    ['레미제라블', 'Les Misérables'],
    ['miser', 'Les Misérables'],
    ['100%', '100% Party'],
    ['bts콘서트', 'BTS Live'],
    ['파티'.normalize('NFD'), '100% Party'],
  ])('for %s finds %s only', async (query, title) => {
    expect(await find(query)).toEqual([title]);
  });
  test('also looks at the venue and the synopsis', async () => {
    expect((await find('새벽달')).length).toBeGreaterThan(4);
    expect(await find('saebyeokdal bts')).toEqual(['BTS Live']);
  });
  test('treats no character as special, and finds nothing for punctuation alone', async () => {
    for (const query of ['%', '_', '%%%', "'; DROP TABLE x; --", '\\', 'o_era', '오_라밤'])
      expect(await find(query), query).toEqual([]);
  });
  test('can be combined with category and state', async () => {
    expect(await find('새벽달', '&category=CONCERT&sale=ON_SALE')).toEqual(['BTS Live']);
    expect(await find('bts', '&category=PLAY')).toEqual([]);
  });
});

describe('the cache', () => {
  test('answers list, search, show, performances and poster without an SQL statement', async () => {
    const show = await build.show(venueId, named('Remembered'));
    const [performance] = await build.performances(show.id, [24]);
    const paths = [
      '/shows?limit=3',
      '/shows?q=remembered',
      `/shows/${show.id}`,
      `/shows/${show.id}/performances`,
      `/performances/${performance.id}`,
      `/shows/${show.id}/poster.svg`,
      `/seating-plans/${performance.seatingPlanId}/layouts/${performance.layoutVersion}`,
      '/rankings',
    ];
    for (const path of paths) expect((await call('GET', path)).statusCode).toBe(200);
    await office.idle();
    const before = office.statements();
    for (const path of paths)
      for (let i = 0; i < 5; i++) expect((await call('GET', path)).statusCode).toBe(200);
    expect(office.statements() - before).toBe(0);
  });
  test('loads a missing entry once for many readers', async () => {
    const show = await build.show(venueId, named('Asked for by many'));
    office.channels['catalogue_changed']?.('');
    await office.idle();
    const before = office.statements();
    await Promise.all(Array.from({ length: 50 }, () => call('GET', `/shows/${show.id}`)));
    expect(office.statements() - before).toBe(1);
  });
  test('is not filled with ids that do not exist', async () => {
    const path = `/shows/${office.ids.make('show')}`;
    for (let i = 0; i < 2; i++) {
      const before = office.statements();
      expect((await call('GET', path)).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      expect(office.statements() - before).toBe(1);
    }
  });
});

describe('a poster', () => {
  test('is drawn from any title if the organiser uploaded none', async () => {
    const { id, posterUrl } = await build.show(venueId, named(`<b>&"'`, '가'.repeat(900)));
    const response = await office.app.inject(posterUrl);
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('image/svg+xml; charset=utf-8');
    const { findPosterFaults } = await import('./poster-svg.ts');
    expect(findPosterFaults(response.body)).toEqual([]);
    expect(response.body).toContain('&lt;b&gt;&amp;&quot;');
    // Titles of earlier versions may have what XML forbids.
    const { drawPoster } = await import('./view.ts');
    const title = { ko: 'a\u0007b', en: '\u0001' };
    const drawn = drawPoster({ title, category: 'PLAY' }, { ko: '집\u0002', en: 'House' });
    expect(findPosterFaults(drawn)).toEqual([]);
    expect(posterUrl).toContain(id);
  });
  test('is cacheable forever under its version, and revalidated without one', async () => {
    const posterSvg = '<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>';
    const { id, posterUrl } = await build.show(venueId, { posterSvg });
    const kept = await office.app.inject(posterUrl);
    expect(kept.body).toBe(posterSvg);
    expect(kept.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
    });
    const asked = await call('GET', `/shows/${id}/poster.svg`);
    expect(asked.headers['cache-control']).toBe('public, no-cache');
    const etag = String(asked.headers['etag']);
    const headers = { 'if-none-match': etag };
    const again = await call('GET', `/shows/${id}/poster.svg`, { headers });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const other = { 'if-none-match': '"other"' };
    expect((await call('GET', `/shows/${id}/poster.svg`, { headers: other })).statusCode).toBe(200);
  });
  test('of an unknown show is not found', async () => {
    const response = await call('GET', `/shows/${office.ids.make('show')}/poster.svg`);
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

test('a show has the zone of its house, whose days are those of its performances', async () => {
  const venue = await build.venue({ timeZone: 'America/New_York' });
  const { id } = await build.show(venue.id);
  const { items } = (await call('GET', '/shows?sort=newest&limit=100')).json();
  const listed = items.find((item: { id: string }) => item.id === id);
  expect(listed.timeZone).toBe('America/New_York');
  expect((await call('GET', `/shows/${id}`)).json().timeZone).toBe('America/New_York');
});

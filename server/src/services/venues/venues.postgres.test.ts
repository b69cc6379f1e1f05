import { gunzipSync } from 'node:zlib';
import { noGrade, seatLabel } from '@usher/domain/layout.ts';
import {
  arenaPlan,
  callerOf,
  houseCsv,
  makeBuilder,
  openCatalogueOffice,
} from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, describe, expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
const build = makeBuilder(office);
const { organiser } = office;
afterAll(office.close);

const house = {
  name: { ko: '물결 아레나', en: 'Mulgyeol Arena' },
  address: { ko: '서울', en: 'Seoul' },
};
const send = (seatsCsv: string, given: object = {}, key?: string) =>
  call('POST', '/organiser/venues', {
    as: organiser,
    body: { ...house, seatsCsv, ...given },
    ...(key === undefined ? {} : { key }),
  });

describe('a venue from a file', () => {
  test('has all 20,000 seats of the file at the positions in the file', async () => {
    const response = await send(houseCsv(200, 100, 20));
    expect(response.statusCode, response.body.slice(0, 300)).toBe(201);
    expect(response.json()).toMatchObject({
      ...house,
      seatCount: 20_000,
      grades: ['VIP', 'R'],
      timeZone: 'Asia/Seoul',
    });
    const plan = await office.venues.service.layout(response.json().seatingPlanId);
    expect(plan?.layout.seatCount).toBe(20_000);
    if (plan === null) return;
    const last = seatLabel(plan.layout, 19_999);
    expect(last).toEqual({
      section: { ko: '1층', en: 'Stalls' },
      row: '200',
      label: '100',
      mark: null,
    });
    expect([plan.layout.grade[1999], plan.layout.grade[2000]]).toEqual([0, 1]);
    expect(plan.gzip.length).toBeLessThan(20_000);
  });
  test('may begin with a byte order mark and end with empty lines', async () => {
    const quoted = houseCsv(1, 2).replace('section', '"Section"').replaceAll('\n', '\r\n');
    expect((await send(`\uFEFF${quoted}\r\n\r\n`)).json()).toMatchObject({ seatCount: 2 });
  });
  test('is refused with all faults of the file, each with its line', async () => {
    const lines = houseCsv(2, 3).split('\n');
    lines[2] = `1층,1,2,${'가'.repeat(21)},20,12`;
    lines[4] = '1층,2,0,R,x,24';
    lines[5] = '';
    const response = await send(lines.join('\n'));
    expect(response.json()).toMatchObject({ status: 422, code: 'LAYOUT_REFUSED' });
    const paths = response.json().errors.map((error: { path: string }) => error.path);
    expect(paths).toEqual(
      expect.arrayContaining(['line 3, grade', 'line 5, number', 'line 5, x', 'line 6, section']),
    );
    const venues = await office.db.query('SELECT FROM venues.venues');
    const plans = await office.db.query('SELECT FROM venues.seating_plans');
    expect(plans).toHaveLength(venues.length);
  });
  test('is refused if the file cannot be read, has no heading, or no seats', async () => {
    const bad = ['section,row\n"open', 'a,b,c\n1,2,3', 'section,row,number,grade,x,y'];
    for (const csv of bad) {
      const { code, errors } = (await send(csv)).json();
      expect([code, errors[0].path], csv).toEqual([
        'LAYOUT_REFUSED',
        expect.stringMatching(/^line/),
      ]);
    }
  });
  test('is refused with a bounded list when every line is wrong', async () => {
    const response = await send(houseCsv(30, 100).replaceAll(/,(?:VIP|R),/g, ',R\u200b,'));
    const { errors } = response.json();
    expect(errors).toHaveLength(501);
    expect(errors[500]).toEqual({ path: 'file', message: 'has 2500 more errors' });
  });
  test('is refused in an unknown time zone', async () => {
    const response = await send(houseCsv(1, 1), { timeZone: 'Asia/Atlantis' });
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'VALIDATION_FAILED',
      errors: [{ path: 'body.timeZone' }],
    });
  });
  test('sent twice with one key is one venue, even if the response was lost', async () => {
    const key = 'the-same-venue-twice';
    const first = await send(houseCsv(1, 2), {}, key);
    await office.db.query('DELETE FROM platform.answers');
    const again = await send(houseCsv(1, 2), {}, key);
    expect([first.statusCode, again.statusCode]).toEqual([201, 201]);
    expect(again.json()).toEqual(first.json());
  });
  test('with a plan equal to another stores the layout once', async () => {
    const [one, two] = [await build.venue(), await build.venue({ name: { ko: '둘', en: 'Two' } })];
    expect(one.seatingPlanId).not.toBe(two.seatingPlanId);
    const rows = await office.db.query<{ layouts: number }>(
      `SELECT count(DISTINCT layout_version)::int AS layouts FROM venues.seating_plans
       WHERE id = ANY ($1)`,
      [[one.seatingPlanId, two.seatingPlanId]],
    );
    expect(rows).toEqual([{ layouts: 1 }]);
  });
  test('can be made by organisers and operators only', async () => {
    const body = { ...house, seatsCsv: houseCsv(1, 1) };
    const path = '/organiser/venues';
    for (const method of ['POST', 'GET'] as const) {
      const given = method === 'POST' ? { body } : {};
      const refused = await call(method, path, { as: office.buyer, ...given });
      expect(refused.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
      expect((await call(method, path, given)).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
      expect((await call(method, path, { as: office.operator, ...given })).statusCode).toBeLessThan(
        300,
      );
    }
  });
});

describe('a file in the format of Korean houses', () => {
  const layoutOf = async (seatsCsv: string) => {
    const response = await send(seatsCsv);
    expect(response.statusCode, response.body).toBe(201);
    const plan = await office.venues.service.layout(response.json().seatingPlanId);
    if (plan === null) throw new Error('no plan');
    return { venue: response.json(), layout: plan.layout };
  };
  const lines = ['구역,열,번,등급', '1층,가,1,R석', '1층,가,2,R석', '2층,가,A1,', '2층,가,A2,'];

  test.each([',', ';', '\t'])('is read with cells separated by %j', async (delimiter) => {
    const { venue, layout } = await layoutOf(lines.join('\n').replaceAll(',', delimiter));
    expect(venue).toMatchObject({ seatCount: 4, grades: ['R석'] });
    const seats = [0, 1, 2, 3].map((seatNo) => seatLabel(layout, seatNo));
    expect(seats.map(({ section, row, label }) => `${section.ko} ${row} ${label}`)).toEqual([
      '1층 가 1',
      '1층 가 2',
      '2층 가 A1',
      '2층 가 A2',
    ]);
    expect([...layout.grade]).toEqual([0, 0, noGrade, noGrade]);
  });

  test('may lack grades and coordinates, and is then laid out straight', async () => {
    const { venue, layout } = await layoutOf('구역;열;번\nA;1;1\nA;1;2\nA;2;1');
    expect(venue).toMatchObject({ seatCount: 3, grades: [] });
    expect(layout.y[0]).toBe(layout.y[1]);
    expect(layout.y[2]).toBeGreaterThan(layout.y[1] ?? 0);
  });

  test('is refused with all its faults, each with its line', async () => {
    const faulty = ['구역;열;번;등급;비고', ';1;1;;', 'A;1;=1;;', 'A;1;2;;아늑함', 'A;1;2;;'];
    const response = await send(faulty.join('\n'));
    expect(response.json()).toMatchObject({ status: 422, code: 'LAYOUT_REFUSED' });
    expect(response.json().errors.map((error: { path: string }) => error.path)).toEqual([
      'line 2, section',
      'line 3, number',
      'line 4, mark',
    ]);
  });
});

describe('the seating plans of a venue', () => {
  const name = { ko: '원형 무대', en: 'In the round' };
  const add = (venueId: string, given: { as?: string; key?: string; body?: object } = {}) =>
    call('POST', `/organiser/venues/${venueId}/seating-plans`, {
      as: organiser,
      body: { name, seatsCsv: houseCsv(1, 3) },
      ...given,
    });
  const list = async (venueId: string) =>
    (await call('GET', `/organiser/venues/${venueId}/seating-plans`, { as: office.rival })).json();

  test('begin with its default, the one it was created with, and can be added to', async () => {
    const venue = await build.venue();
    const added = await add(venue.id);
    expect(added.statusCode, added.body).toBe(201);
    expect(added.json()).toMatchObject({ venueId: venue.id, name, seatCount: 3, isDefault: false });
    const { items } = await list(venue.id);
    expect(items.map((plan: { id: string }) => plan.id)).toEqual([
      venue.seatingPlanId,
      added.json().id,
    ]);
    expect(items[0]).toMatchObject({ isDefault: true, seatCount: 20, grades: ['VIP', 'R'] });
    const path = `/organiser/seating-plans/${added.json().id}`;
    expect((await call('GET', path, { as: office.rival })).json()).toEqual(added.json());
    const { id, layoutVersion } = added.json();
    const layout = await call('GET', `/seating-plans/${id}/layouts/${layoutVersion}`);
    expect(layout.json().runs).toHaveLength(1);
    expect((await call('GET', '/organiser/venues', { as: organiser })).json().items).toContainEqual(
      venue,
    );
  });

  test('can be added only by the owner of the venue or an operator', async () => {
    const venue = await build.venue();
    expect((await add(venue.id, { as: office.operator })).statusCode).toBe(201);
    const refused = await add(venue.id, { as: office.rival });
    expect(refused.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    const buyer = await add(venue.id, { as: office.buyer });
    expect(buyer.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect((await list(venue.id)).items).toHaveLength(2);
  });

  test('of a venue or under an id that does not exist are not found', async () => {
    const nowhere = office.ids.make('venue');
    expect((await add(nowhere)).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect(await list(nowhere)).toMatchObject({ code: 'NOT_FOUND' });
    const path = `/organiser/seating-plans/${office.ids.make('seatingPlan')}`;
    expect((await call('GET', path, { as: organiser })).json()).toMatchObject({ status: 404 });
  });

  test('are refused with the faults of their file, and saved once per key', async () => {
    const venue = await build.venue();
    const body = { name, seatsCsv: 'section,row,number\n,1,1' };
    expect((await add(venue.id, { body })).json()).toMatchObject({
      status: 422,
      code: 'LAYOUT_REFUSED',
      errors: [{ path: 'line 2, section' }],
    });
    const key = 'one-plan-asked-for-twice';
    const first = await add(venue.id, { key });
    await office.db.query('DELETE FROM platform.answers');
    expect((await add(venue.id, { key })).json()).toEqual(first.json());
    expect((await list(venue.id)).items).toHaveLength(2);
  });

  test('are at most a hundred', async () => {
    const venue = await build.venue();
    await office.db.query(
      `INSERT INTO venues.seating_plans
         (id, venue_id, layout_version, name, request_id, created_at)
       SELECT 'plan_' || n || $1, venue_id, layout_version, name, request_id, created_at
       FROM venues.seating_plans, generate_series(1, 99) n WHERE venue_id = $1`,
      [venue.id],
    );
    expect((await add(venue.id)).json()).toMatchObject({
      code: 'LAYOUT_REFUSED',
      errors: [{ path: 'venue' }],
    });
  });
});

test('venues are listed newest first, page by page, each once', async () => {
  const seen: string[] = [];
  let query = '?limit=3';
  while (query !== '') {
    const page: { items: { id: string }[]; nextCursor: string | null } = (
      await call('GET', `/organiser/venues${query}`, { as: organiser })
    ).json();
    seen.push(...page.items.map((item) => item.id));
    await office.clock.advance(1);
    if (seen.length === 3) await build.venue({ name: { ko: '새 집', en: 'New' } });
    query = page.nextCursor === null ? '' : `?limit=3&cursor=${page.nextCursor}`;
  }
  const rows = await office.db.query<{ id: string }>('SELECT id FROM venues.venues');
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBe(rows.length - 1);
  const bad = await call('GET', '/organiser/venues?cursor=WzFd', { as: organiser });
  expect(bad.json()).toMatchObject({ code: 'VALIDATION_FAILED' });
});

const maker = { accountId: 'acc_demo', requestId: 'test', key: null };
const arena = await office.venues.service.add(maker, {
  ...house,
  timeZone: 'Asia/Seoul',
  plan: arenaPlan(),
});

describe('a layout', () => {
  const path = `/seating-plans/${arena.seatingPlanId}/layouts/${arena.layoutVersion}`;

  test('is sent as stored, compressed if the client accepts that', async () => {
    const plain = await call('GET', path);
    expect(plain.json()).toEqual(arenaPlan());
    const packed = await call('GET', path, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(JSON.parse(gunzipSync(packed.rawPayload).toString())).toEqual(arenaPlan());
    expect(packed.rawPayload.length).toBeLessThan(16_000);
  });
  test('may be cached forever, and is not sent again to a client that has it', async () => {
    const { headers } = await call('GET', path);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const known = { 'if-none-match': String(headers['etag']) };
    const again = await call('GET', path, { headers: known });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });
  test('of another version or plan is not found', async () => {
    const paths = [
      `/seating-plans/${arena.seatingPlanId}/layouts/${'a'.repeat(43)}`,
      `/seating-plans/${office.ids.make('seatingPlan')}/layouts/${arena.layoutVersion}`,
      `/seating-plans/${arena.seatingPlanId}/layouts/x`,
    ];
    for (const wrong of paths)
      expect((await call('GET', wrong)).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
  test('counts the seats of every grade', () => {
    expect(arena.grades).toEqual(['VIP', 'R', 'S', 'A', 'B']);
    expect(arena.gradeSeats.reduce((sum, n) => sum + n, 0)).toBe(20_000);
  });
  test('with faults is never stored', async () => {
    const plan = { ...arenaPlan(), grades: ['VIP'] };
    const add = office.venues.service.add(maker, { ...house, timeZone: 'Asia/Seoul', plan });
    await expect(add).rejects.toThrow('assertion failed: a sound plan');
  });
});

import { won } from '@usher/domain/money.ts';
import {
  callerOf,
  houseCsv,
  makeBuilder,
  openCatalogueOffice,
  twoGrades,
} from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
const build = makeBuilder(office);
afterAll(office.close);

let venueId: string;
let planId: string;
beforeAll(async () => {
  const venue = await build.venue();
  venueId = venue.id;
  planId = venue.seatingPlanId;
});

const gradesPath = (showId: string) => `/organiser/shows/${showId}/grades`;
const read = (showId: string, as = office.organiser) => call('GET', gradesPath(showId), { as });
const paint = (showId: string, body: object, as = office.organiser) =>
  call('PUT', gradesPath(showId), { as, body });
const family = { name: { ko: '가족석 (3인)', en: 'Family' }, price: won(60_000) };
/** Paints the last row of the house for families. */
const familyRow = (seatingPlanId: string) => ({
  seatingPlanId,
  rules: [{ grade: '가족석 (3인)', section: '1층', rows: ['4'] }],
});
const paintFamilies = (showId: string, given: object = {}, seatingPlanId = planId) =>
  paint(showId, {
    grades: [...twoGrades, family],
    paintings: [familyRow(seatingPlanId)],
    ...given,
  });
const performanceNow = async (performanceId: string) =>
  (await call('GET', `/performances/${performanceId}`)).json();

describe('the grades of a show', () => {
  test('are initially those that its plan suggests, and are counted', async () => {
    const show = await build.show(venueId);
    expect((await read(show.id)).json()).toEqual({
      grades: twoGrades,
      paintings: [{ seatingPlanId: planId, rules: [] }],
      counts: [
        {
          seatingPlanId: planId,
          paintingVersion: expect.any(String),
          seats: [
            { grade: 'VIP', seats: 5 },
            { grade: 'R', seats: 15 },
          ],
        },
      ],
      performances: [],
    });
  });

  test('can be painted over its plan, and what is read back can be sent again', async () => {
    const show = await build.show(venueId);
    const painted = await paintFamilies(show.id);
    expect(painted.statusCode, painted.body).toBe(200);
    const { grades, paintings, counts } = painted.json();
    const code = grades[2].code;
    expect(code).toMatch(/^G[A-Z0-9]{7}$/);
    expect(grades[2]).toEqual({ code, ...family });
    expect(paintings[0].rules).toEqual([{ grade: code, section: '1층', rows: ['4'] }]);
    expect(counts[0].seats).toEqual([
      { grade: 'VIP', seats: 5 },
      { grade: 'R', seats: 10 },
      { grade: code, seats: 5 },
    ]);
    expect((await paint(show.id, { grades, paintings })).json()).toEqual(painted.json());
    expect((await read(show.id)).json()).toEqual(painted.json());
    expect((await call('GET', `/shows/${show.id}`)).json()).toMatchObject({
      grades,
      lowestPrice: won(60_000),
    });
  });

  test('can be painted when the show is created, in a plan that suggests nothing', async () => {
    const bare = await build.venue({ seatsCsv: '구역;열;번\nA;1;1\nA;1;2\nA;2;A1' });
    const grades = [
      { name: { ko: '앞자리', en: 'Front' }, price: won(50_000) },
      { name: { ko: '뒷자리', en: 'Back' }, price: won(30_000) },
    ];
    const rules = [{ grade: 'Back' }, { grade: '앞자리', section: 'A', rows: ['1'], seats: ['2'] }];
    const paintings = [{ seatingPlanId: bare.seatingPlanId, rules }];
    const show = await build.show(bare.id, { grades, paintings });
    const [performance] = await build.performances(show.id, [24]);
    const [front, back] = show.grades;
    expect(performance.seatsLeft).toEqual([
      { grade: front.code, seats: 1, left: 1 },
      { grade: back.code, seats: 2, left: 2 },
    ]);
  });

  test('keep their codes after a new name, a new price or another order', async () => {
    const show = await build.show(venueId);
    const { grades } = (await paintFamilies(show.id)).json();
    const [vip, royal, families] = grades;
    const renamed = { ...families, name: { ko: '온가족석', en: 'Whole family' } };
    const edited = await call('PATCH', `/organiser/shows/${show.id}`, {
      as: office.organiser,
      body: { grades: [renamed, { ...vip, price: won(1000) }, { ...royal, code: undefined }] },
    });
    expect(edited.statusCode, edited.body).toBe(200);
    expect(edited.json().grades.map((each: { code: string }) => each.code)).toEqual([
      families.code,
      'VIP',
      'R',
    ]);
  });

  test('are refused with all faults at once, and nothing changes', async () => {
    const show = await build.show(venueId);
    const before = (await read(show.id)).json();
    const other = await build.venue();
    const response = await paint(show.id, {
      grades: [...twoGrades, { ...family, name: twoGrades[0]?.name }],
      paintings: [
        {
          seatingPlanId: planId,
          rules: [
            { grade: 'X', section: '9층' },
            { grade: 'R', section: '1층', rows: ['1', '77'] },
          ],
        },
        { seatingPlanId: other.seatingPlanId, rules: [] },
      ],
    });
    expect(response.json()).toMatchObject({ status: 422, code: 'SHOW_RULE_BROKEN' });
    expect(response.json().errors.map((error: { path: string }) => error.path)).toEqual([
      'body.grades.2.name.ko',
      'body.grades.2.name.en',
      'body.paintings.0.rules.0.grade',
      'body.paintings.0.rules.0.section',
      'body.paintings.0.rules.1.rows.1',
      'body.paintings.1.seatingPlanId',
    ]);
    const unused = await paint(show.id, { grades: [...twoGrades, family] });
    expect(unused.json().errors).toEqual([
      { path: 'body.grades.2.code', message: expect.stringContaining('no seat is painted') },
    ]);
    const unpainted = await paint(show.id, { grades: [twoGrades[0]] });
    expect(unpainted.json().errors[0]).toEqual({
      path: 'body.paintings.0.rules',
      message:
        'section 1층 row 2 has seats without a grade: 1, 2, 3, 4, 5; the plan suggests R, which the show does not have',
    });
    expect((await read(show.id)).json()).toEqual(before);
  });

  test('are refused with names that cannot be printed on a ticket', async () => {
    const show = await build.show(venueId);
    for (const ko of ['', ' R', '가'.repeat(21), 'R\u200b', '가\u0000']) {
      const response = await paint(show.id, {
        grades: [...twoGrades, { ...family, name: { ko, en: 'Family' } }],
      });
      expect(response.json(), ko).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
  });

  test('have names in one spelling, however they were sent', async () => {
    const show = await build.show(venueId);
    const name = { ko: '가족석'.normalize('NFD'), en: 'Family' };
    const rules = [{ grade: '가족석', section: '1층', rows: ['2'] }];
    const seatingPlanId = (await read(show.id)).json().counts[0].seatingPlanId;
    const response = await paint(show.id, {
      grades: [...twoGrades, { ...family, name }],
      paintings: [{ seatingPlanId, rules }],
    });
    expect(response.json().grades?.at(-1)?.name.ko ?? response.body).toBe('가족석');
  });

  test('can be read and painted only by the organiser and the operator', async () => {
    const show = await build.show(venueId);
    const nowhere = office.ids.make('show');
    for (const ask of [(id: string, as: string) => read(id, as), paintAs]) {
      expect((await ask(show.id, office.rival)).json()).toMatchObject({ code: 'NOT_FOUND' });
      expect((await ask(nowhere, office.organiser)).json()).toMatchObject({ status: 404 });
      expect((await ask(show.id, office.buyer)).json()).toMatchObject({ code: 'FORBIDDEN' });
      expect((await ask(show.id, 'nobody')).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
      expect((await ask(show.id, office.operator)).statusCode).toBe(200);
    }
  });
});
const paintAs = (id: string, as: string) => paint(id, { grades: twoGrades }, as);

describe('a performance', () => {
  test('is repainted as long as nobody has held a seat of it', async () => {
    const show = await build.show(venueId);
    const [performance] = await build.performances(show.id, [24]);
    const { counts, grades, performances } = (await paintFamilies(show.id)).json();
    const { paintingVersion } = counts[0];
    expect(paintingVersion).not.toBe(performance.paintingVersion);
    expect(performances).toEqual([
      { performanceId: performance.id, seatingPlanId: planId, paintingVersion, isFixed: false },
    ]);
    expect(await performanceNow(performance.id)).toMatchObject({
      paintingVersion,
      seatsLeft: [{ grade: 'VIP' }, { grade: 'R' }, { grade: grades[2].code, seats: 5, left: 5 }],
    });
    const repainted = office.stock.repainted.get(performance.id);
    expect(repainted?.paintingVersion).toBe(paintingVersion);
    expect([...(repainted?.grades ?? [])]).toEqual([0, 1, 1, 2].flatMap((g) => Array(5).fill(g)));
    const facts = await office.catalogue.service.performance(performance.id);
    if (facts === null) throw new Error('no facts');
    const sold = await office.catalogue.service.layout(facts);
    expect(sold?.layout.grades).toEqual(['VIP', 'R', grades[2].code]);
  });

  test('keeps its painting from its first hold on: a repainting is refused', async () => {
    const show = await build.show(venueId);
    const [first, second] = await build.performances(show.id, [24, 48]);
    office.stock.held.add(first.id);
    const refused = await paintFamilies(show.id);
    expect(refused.json()).toMatchObject({
      status: 409,
      code: 'GRADES_FIXED',
      performanceIds: [first.id],
    });
    for (const { id, paintingVersion } of [first, second])
      expect((await performanceNow(id)).paintingVersion).toBe(paintingVersion);
    expect((await read(show.id)).json().grades).toEqual(twoGrades);
  });

  test('keeps its painting while others, and those added later, can get the new one', async () => {
    const show = await build.show(venueId);
    const [first, second] = await build.performances(show.id, [24, 48]);
    office.stock.held.add(first.id);
    const kept = await paintFamilies(show.id, { fixedPerformances: 'keep' });
    expect(kept.statusCode, kept.body).toBe(200);
    const { paintingVersion } = kept.json().counts[0];
    const [third] = await build.performances(show.id, [72]);
    expect((await performanceNow(first.id)).paintingVersion).toBe(first.paintingVersion);
    expect((await performanceNow(second.id)).paintingVersion).toBe(paintingVersion);
    expect(third.paintingVersion).toBe(paintingVersion);
    expect(kept.json().performances[0]).toMatchObject({
      performanceId: first.id,
      isFixed: true,
      paintingVersion: first.paintingVersion,
    });
  });

  test('that keeps its painting keeps its grades: none of them can be removed', async () => {
    const show = await build.show(venueId);
    const [first] = await build.performances(show.id, [24]);
    office.stock.held.add(first.id);
    const body = {
      grades: [twoGrades[0]],
      paintings: [{ seatingPlanId: planId, rules: [{ grade: 'VIP' }] }],
      fixedPerformances: 'keep',
    };
    const refused = await paint(show.id, body);
    expect(refused.json()).toMatchObject({
      status: 422,
      errors: [{ path: 'body.grades', message: 'seats are painted with R, which has no price' }],
    });
  });

  test('that was held does not prevent new names and prices', async () => {
    const show = await build.show(venueId);
    const [first] = await build.performances(show.id, [24]);
    office.stock.held.add(first.id);
    const [vip, royal] = twoGrades;
    const grades = [vip, { ...royal, price: won(1), name: { ko: '로열석', en: 'Royal' } }];
    const repriced = await paint(show.id, { grades });
    expect(repriced.json()).toMatchObject({
      grades: [{}, { code: 'R', price: won(1), name: { ko: '로열석' } }],
      performances: [{ isFixed: true, paintingVersion: first.paintingVersion }],
    });
  });

  test('may use another plan of the venue, with its own painting', async () => {
    const { id } = await build.venue();
    const round = (
      await call('POST', `/organiser/venues/${id}/seating-plans`, {
        as: office.organiser,
        body: { name: { ko: '원형', en: 'Round' }, seatsCsv: houseCsv(1, 3) },
      })
    ).json();
    const show = await build.show(id);
    const add = (body: object) =>
      call('POST', `/organiser/shows/${show.id}/performances`, {
        as: office.organiser,
        body: { startsAt: [build.atMs(90 * 3_600_000)], ...body },
      });
    const unknown = await add({ seatingPlanId: planId });
    expect(unknown.json()).toMatchObject({ errors: [{ path: 'body.seatingPlanId' }] });
    const [performance] = (await add({ seatingPlanId: round.id })).json().items;
    expect(performance).toMatchObject({
      seatingPlanId: round.id,
      layoutVersion: round.layoutVersion,
      seatsLeft: [{ grade: 'VIP', seats: 3 }],
    });
    expect(office.stock.opened.get(performance.id)).toMatchObject({ seatCount: 3 });
    const { paintings } = (await read(show.id)).json();
    expect(paintings).toHaveLength(2);
    const edited = await call('PATCH', `/organiser/shows/${show.id}`, {
      as: office.organiser,
      body: { buyerLimit: 2 },
    });
    expect(edited.statusCode, edited.body).toBe(200);
    expect(office.stock.opened.get(performance.id)).toMatchObject({ seatCount: 3, buyerLimit: 2 });
  });

  test('blocks seats at the grade that they have now', async () => {
    const show = await build.show(venueId);
    const [performance] = await build.performances(show.id, [24]);
    await paintFamilies(show.id);
    const path = `/organiser/performances/${performance.id}/blocked-seats`;
    const blocked = await call('PUT', path, { as: office.organiser, body: { block: [19] } });
    expect(blocked.statusCode).toBe(204);
    expect(office.stock.gradeOfBlocked.get(`${performance.id} 19`)).toBe(2);
  });
});

describe('a painting', () => {
  test('is small, cacheable forever, and not sent again to a client that has it', async () => {
    const show = await build.show(venueId);
    const { paintingVersion } = (await read(show.id)).json().counts[0];
    const path = `/paintings/${paintingVersion}`;
    const response = await call('GET', path);
    expect(response.json()).toEqual({ format: 1, grades: ['VIP', 'R'], seats: [5, 0, 15, 1] });
    expect(response.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const known = { 'if-none-match': String(response.headers['etag']) };
    const again = await call('GET', path, { headers: known });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await call('GET', `/paintings/${'a'.repeat(43)}`)).json()).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
    });
  });

  test('shared by several shows is stored once', async () => {
    const versions = [await build.show(venueId), await build.show(venueId)].map(async (show) => {
      const { counts } = (await read(show.id)).json();
      return counts[0].paintingVersion;
    });
    expect(new Set(await Promise.all(versions)).size).toBe(1);
  });
});

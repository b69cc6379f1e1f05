import { listShows } from '@usher/contract/catalogue.ts';
import { logOut, signUp } from '@usher/contract/identity.ts';
import { listOrders, readOrderByLink } from '@usher/contract/orders.ts';
import {
  addPerformances,
  blockSeats,
  createShow,
  editShow,
  importVenue,
} from '@usher/contract/organiser.ts';
import { putRoom } from '@usher/contract/rooms.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { readHold, readSeats, releaseHold, takeHold, watchSeats } from '@usher/contract/seats.ts';
import { decodeSeatBits } from '@usher/domain/seat-bits.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf, type Given, headersOf, jsonOf, pathOf, problemOf } from '../support/ask.ts';
import { exampleOf, nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { exchange } from '../support/raw-http.ts';
import { showFields, venueFields } from '../support/sale.ts';
import { until } from '../support/until.ts';

let program: Program;
let origin: string;
beforeAll(async () => {
  program = await openProgram();
  origin = await program.listen();
});

const streams: readonly string[] = allRoutes
  .filter(({ responses }) => JSON.stringify(responses[200] ?? null).includes('text/event-stream'))
  .map(({ name }) => name);
const named = (specs: readonly RouteSpec[]): [string, RouteSpec][] =>
  specs.map((spec) => [spec.name, spec]);
/** A token that may call the route. */
const tokenFor = ({ auth, name }: RouteSpec, buyer: string): string => {
  if (name === logOut.name) return buyer;
  if (auth === 'operator') return program.operator;
  return auth === 'organiser' ? program.organiser : buyer;
};

describe('an empty body is no body', () => {
  const bare = allRoutes.filter(({ method, body }) => method !== 'GET' && body === undefined);

  test.each(named(bare))('of %s, though the client says that it is JSON', async (_, spec) => {
    const { token } = await program.newBuyer();
    const given = { ...exampleOf(spec, nowhere), as: tokenFor(spec, token) };
    const plain = await program.ask(spec, given);
    const again = { ...given, as: tokenFor(spec, (await program.newBuyer()).token) };
    const headers = { 'content-type': 'application/json' };
    const called = await program.ask(spec, { ...again, headers });
    expect(called.status).toBe(plain.status);
    if (called.status >= 400) expect(codeOf(called)).toBe(codeOf(plain));
  });

  test('so a client that always sends the header can release its seats', async () => {
    const { token } = await program.newBuyer();
    const { performanceId } = await program.newSale(program.organiser);
    const { id: holdId } = await program.hold(token, performanceId, [0]);
    const given = {
      as: token,
      params: { holdId },
      headers: { 'content-type': 'application/json' },
    };
    expect((await program.ask(releaseHold, given)).status).toBe(204);
    expect(await program.must(readHold, given)).toMatchObject({ state: 'RELEASED' });
  });
});

describe('a PUT can be repeated:', () => {
  test('seats are kept back twice and given back twice', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const params = { performanceId };
    const put = async (body: object) =>
      (await program.ask(blockSeats, { as: program.organiser, params, body })).status;
    const blocked = async () =>
      [...decodeSeatBits((await program.ask(readSeats, { params })).bytes, 4)].map(Number);
    expect([await put({ block: [1] }), await put({ block: [1] })]).toEqual([204, 204]);
    await until('the map says so', async () => (await blocked())[1] === 3);
    expect([await put({ unblock: [1] }), await put({ unblock: [1] })]).toEqual([204, 204]);
    await until('the map says so', async () => (await blocked())[1] === 0);
    expect([await put({}), await put({ block: [], unblock: [] })]).toEqual([204, 204]);
  });
});

describe('a text that cannot be stored', () => {
  const broken = { 'a NUL': 'a\0b', 'half of a surrogate pair': 'a\ud800b' };
  /** The same body with every text in it spoilt, one body for each. */
  const spoil = (value: unknown, text: string): unknown[] => {
    if (typeof value === 'string') return [value + text];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, part]) =>
      spoil(part, text).map((spoilt) =>
        Array.isArray(value)
          ? value.map((old, i) => (String(i) === name ? spoilt : old))
          : { ...value, [name]: spoilt },
      ),
    );
  };

  test.each(named(allRoutes.filter(({ body }) => body !== undefined)))(
    'is refused in every field of %s, with its place',
    async (_, spec) => {
      const { token } = await program.newBuyer();
      const given = { ...exampleOf(spec, nowhere), as: tokenFor(spec, token) };
      for (const [name, text] of Object.entries(broken))
        for (const body of spoil(given.body, text)) {
          const problem = problemOf(await program.ask(spec, { ...given, body }));
          expect(problem, name).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
          expect(problem.errors?.[0]?.path).toMatch(/^body\./);
        }
    },
  );

  test.each(named(allRoutes.filter(({ params, name }) => params && !streams.includes(name))))(
    'names nothing in the path of %s',
    async (_, spec) => {
      const { token } = await program.newBuyer();
      const given = { ...exampleOf(spec, nowhere), as: tokenFor(spec, token) };
      for (const name of Object.keys(given.params ?? {})) {
        const params = { ...given.params, [name]: `${given.params?.[name]}\0` };
        expect((await program.ask(spec, { ...given, params })).status).toBe(404);
      }
    },
  );

  test('is refused in a query, and a decomposed one finds what the composed one does', async () => {
    const title = '붉은 등대지기';
    await program.newSale(program.organiser, { show: { title: { ko: title, en: 'Keeper' } } });
    const refused = await program.ask(listShows, { query: { q: 'a\0b' } });
    expect(jsonOf(refused)).toMatchObject({ status: 400, errors: [{ path: 'query.q' }] });
    const find = async (q: string) => (await program.must(listShows, { query: { q } })).items;
    expect(await find(title)).toHaveLength(1);
    expect(await find(title.normalize('NFD'))).toEqual(await find(title));
  });
});

test('an order’s link with anything behind its secret opens nothing', async () => {
  const { token } = await program.newBuyer();
  const { performanceId } = await program.newSale(program.organiser);
  const { order } = await program.order(token, performanceId, [0]);
  const read = async (linkToken: string) =>
    (await program.ask(readOrderByLink, { params: { linkToken } })).status;
  const { linkToken } = order;
  expect([
    await read(`${linkToken}`),
    await read(`${linkToken}.x`),
    await read(`${linkToken}.`),
  ]).toEqual([200, 404, 404]);
});

describe('an instant may be sent with any offset', () => {
  test('of a show, its performances and its room, and of a period of orders', async () => {
    const as = program.organiser;
    const { showId } = await program.newSale(as);
    const params = { showId };
    const body = {
      saleOpensAt: '2026-01-01T09:00+09:00',
      saleClosesAt: '2036-12-24T19:30:00+0900',
    };
    const show = await program.must(editShow, { as, params, body });
    expect(show).toMatchObject({
      saleOpensAt: '2026-01-01T00:00:00.000Z',
      saleClosesAt: '2036-12-24T10:30:00.000Z',
    });
    const startsAt = ['2036-12-01T19:30:00+09:00'];
    const { items } = await program.must(addPerformances, { as, params, body: { startsAt } });
    expect(items.at(-1)?.startsAt).toBe('2036-12-01T10:30:00.000Z');
    const room = await program.must(putRoom, {
      as: program.operator,
      params,
      body: { ifRev: null, settings: { opensAt: '2036-11-01T20:00+09:00' } },
    });
    expect(room.settings.opensAt).toBe('2036-11-01T11:00:00.000Z');
    const { token } = await program.newBuyer();
    const query = { from: '2026-01-01T00:00+09:00', to: '2027-01-01T00:00-05:00' };
    expect(await program.must(listOrders, { as: token, query })).toMatchObject({ items: [] });
  });

  test('but not without one: nobody knows which clock is meant', async () => {
    const { showId } = await program.newSale(program.organiser);
    const problem = await program.refusal(editShow, {
      as: program.organiser,
      params: { showId },
      body: { saleOpensAt: '2026-01-01T09:00:00' },
    });
    expect(problem.errors?.[0]).toMatchObject({ path: 'body.saleOpensAt' });
    expect(problem.errors?.[0]?.message).toContain('offset');
  });
});

describe('a refused hold names the true reason:', () => {
  const take = async (body: object) => {
    const { performanceId } = await program.newSale(program.organiser);
    await program.hold((await program.newBuyer()).token, performanceId, [0]);
    const { token: as } = await program.newBuyer();
    return program.refusal(takeHold, { as, params: { performanceId }, body });
  };

  test.each([
    ['five seats', { seats: [1, 2, 3, 4, 5] }, ['body.seats'], 'at most 4 seats'],
    [
      'five of the best',
      { bestAvailable: { grade: 'VIP', count: 5 } },
      ['body.bestAvailable.count'],
      'at most 4 seats',
    ],
    ['a seat twice', { seats: [1, 1] }, ['body.seats'], 'lists a seat twice'],
    ['seats that are no list', { seats: 'A1' }, ['body.seats'], 'expected array'],
    ['nothing', {}, ['body.seats', 'body.bestAvailable'], 'expected'],
    ['a seat that is not there', { seats: [99] }, ['body.seats'], 'no seat 99'],
    ['one that is taken beside it', { seats: [0, 99] }, ['body.seats'], 'no seat 99'],
  ])('%s', async (_, body, paths, message) => {
    const problem = await take(body);
    expect(problem.code).toBe('VALIDATION_FAILED');
    expect(problem.errors?.map(({ path }) => path)).toEqual(paths);
    for (const fault of problem.errors ?? []) expect(fault.message).toContain(message);
  });
});

describe('a name that nobody can read is refused:', () => {
  test.each([
    ['a zero-width space', '\u200b'],
    ['the Hangul filler', '\u3164'],
    ['tag characters', '\u{e0041}\u{e0042}'],
    ['a letter that turns the rest around', '김\u202e하나'],
    ['a letter under a tower of marks', `a${'\u0316'.repeat(30)}`],
    ['punctuation alone', '...'],
  ])('%s', async (_, name) => {
    const body = { email: 'nobody@example.com', password: 'four quiet words here', name };
    const problem = await program.refusal(signUp, { body });
    expect(problem.errors?.map(({ path }) => path)).toEqual(['body.name']);
  });

  test.each(['김하나', 'Zoë', "O'Brien", 'محمد', 'नमिता', '王', 'R2-D2', '👩‍👩‍👧'])(
    'but not %s',
    async (name) => {
      const email = `${Buffer.from(name).toString('hex')}@example.com`;
      const body = { email, password: 'four quiet words here', name };
      expect((await program.ask(signUp, { body })).status).toBe(201);
    },
  );
});

test('a title is one line, and a price is one that an order of four can have', async () => {
  const as = program.organiser;
  const { showId } = await program.newSale(as);
  const edit = async (body: object) =>
    (await program.ask(editShow, { as, params: { showId }, body })).status;
  expect(await edit({ title: { ko: '두\n줄', en: 'Two lines' } })).toBe(400);
  expect(await edit({ title: { ko: '한 줄', en: 'One\u2028line' } })).toBe(400);
  expect(await edit({ synopsis: { ko: '두\n줄', en: 'Two\nlines' } })).toBe(200);
  const venue = await program.must(importVenue, { as, body: venueFields(1, 2) });
  const fields = showFields(venue.id);
  const grades = fields.grades.map((grade) => ({
    ...grade,
    price: { amount: 1e11 + 1, currency: 'KRW' },
  }));
  expect((await program.ask(createShow, { as, body: { ...fields, grades } })).status).toBe(400);
});

describe('a cursor that is not ours', () => {
  const lists = allRoutes.filter(({ query }) => query !== undefined && 'cursor' in query.shape);
  const write = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');
  const zero = '0'.repeat(26);
  const kinds = ['ord', 'show', 'perf', 'venue', 'hold'];
  const cursors = [
    'x',
    'null',
    write(null),
    write([]),
    write({}),
    write([9e15, 'v']),
    write(['starting', 9e15, `show_${zero}`]),
    write(['opening', null, 'show\0']),
    Buffer.from(`-271821-04-20T00:00:00.000Z ord_${zero}`).toString('base64url'),
    ...kinds.flatMap((kind) => [
      write([-1, `${kind}_${zero}`]),
      write([8.64e15 + 1, `${kind}_${zero}`]),
      write([1e300, `${kind}_${zero}`]),
      write([0, `${kind}_\0`]),
      write([0.5, `${kind}_${zero}`]),
    ]),
  ];

  test.each(named(lists))('is refused by %s', async (_, spec) => {
    const { token } = await program.newBuyer();
    const { showId } = await program.newSale(program.organiser);
    const example = exampleOf(spec, { ...nowhere, showId });
    for (const cursor of cursors) {
      const given: Given = { ...example, as: tokenFor(spec, token), query: { cursor } };
      const reply = await program.ask(spec, given);
      expect(reply.status, `${cursor} ${Buffer.from(cursor, 'base64url')}`).toBe(400);
      expect(jsonOf(reply)).toMatchObject({ errors: [{ path: 'query.cursor' }] });
    }
  });
});

describe('every answer forbids browsers to guess types, run it or frame it:', () => {
  const isSafe = (headers: Readonly<Record<string, unknown>>): void => {
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(String(headers['content-security-policy'])).toMatch(/default-src '(?:none|self)'/);
    expect(headers['referrer-policy']).toBe('no-referrer');
  };

  test.each(named(allRoutes.filter(({ name }) => !streams.includes(name))))(
    'of %s',
    async (_, spec) => {
      const { token } = await program.newBuyer();
      const given = { ...exampleOf(spec, nowhere), as: tokenFor(spec, token) };
      isSafe((await program.ask(spec, given)).headers);
      isSafe((await program.ask(spec, { ...given, as: 'nobody' })).headers);
    },
  );

  test.each(['/', '/docs/', '/openapi.json', '/docs/problems/NOT_FOUND', '/nowhere', '/assets/x'])(
    'of the page %s',
    async (path) => {
      const { headers } = await program.app.http.inject({ method: 'GET', url: path });
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toBeTypeOf('string');
    },
  );

  test('of streams, of preflights, and of what is not HTTP', async () => {
    const { performanceId } = await program.newSale(program.organiser);
    const stop = new AbortController();
    const stream = await fetch(origin + pathOf(watchSeats, { params: { performanceId } }), {
      signal: stop.signal,
    });
    isSafe(Object.fromEntries(stream.headers));
    stop.abort();
    isSafe((await program.app.http.inject({ method: 'OPTIONS', url: '/api/v1/orders' })).headers);
    expect(await exchange(origin, 'nonsense\r\n\r\n')).toContain('x-content-type-options: nosniff');
    expect(headersOf(readHold, {})).toEqual({});
  });
});

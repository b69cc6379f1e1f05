import { readPerformance, readShow } from '@usher/contract/catalogue.ts';
import { listSessions, readMe } from '@usher/contract/identity.ts';
import { readOrder } from '@usher/contract/orders.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { defineRoute } from '@usher/contract/route.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { readHold } from '@usher/contract/seats.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import { readPlace } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIdempotency } from '../../server/src/platform/http/idempotency.ts';
import { answer, type Route, route } from '../../server/src/platform/http/route.ts';
import { makeHttpServer } from '../../server/src/platform/http/server.ts';
import { makeEventId } from '../../server/src/platform/journal/consumer.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { openTracing } from '../../server/src/platform/tracing.ts';
import { afterThisFile } from '../support/after-file.ts';
import { makeAsk, sendByInject } from '../support/ask.ts';
import type { World } from '../support/examples.ts';
import { type Caller, type Walk, walkAsOwner, walkAsStrangers } from '../support/foreign-walk.ts';
import { silentLog } from '../support/log.ts';
import { openProgram, type Program } from '../support/program.ts';
import type { Checkout, Person } from '../support/sale.ts';
import { makeRoomTools } from '../support/waiting.ts';

let program: Program;
let minji: Person;
let walk: Walk;
let secrets: World[];
let strangers: Caller[];

/** A caller who logs in again when a route has ended the session. */
const callerOf = (name: string, role: Caller['role'], person: Person, first: string): Caller => {
  let token = first;
  return {
    name,
    role,
    token: async () => {
      const { status } = await program.ask(readMe, { as: token });
      if (status === 401) token = await program.enter(person);
      return token;
    },
  };
};
const staff = (name: string) => ({
  accountId: '',
  token: '',
  email: `${name}@example.com`,
  password: 'the staff of the tests',
});

/** Of another browser: the walk also logs out. */
const findSession = async (): Promise<string> => {
  await program.enter(minji);
  const { items } = await program.must(listSessions, { as: minji.token });
  const session = items.find(({ isThis }) => !isThis);
  if (session === undefined) throw new Error('she is signed in twice');
  return session.id;
};

/** Her place in the waiting room of another show, and the pass that she has there. */
const makePlace = async () => {
  const { showId } = await program.newSale(program.organiser);
  const room = makeRoomTools(program);
  await room.open(showId);
  const { place, pass } = await room.enter(minji, showId);
  return { showId, placeToken: place.token, marks: [place.receipt.key, place.token, pass] };
};

/** All that a person can have: a paid order with tickets, a hold with an open order, a pass. */
const makeWorld = async () => {
  const sale = await program.newSale(program.organiser, { rows: 3, seatsInRow: 10 });
  const paid = await program.buy(minji.token, sale.performanceId, [0, 1]);
  const open = await program.order(minji.token, sale.performanceId, [20]);
  const performance = await program.must(readPerformance, {
    params: { performanceId: sale.performanceId },
  });
  const { items } = await program.must(listTickets, {
    as: minji.token,
    params: { orderId: paid.order.id },
  });
  const place = await makePlace();
  const common = {
    showId: sale.showId,
    venueId: sale.venueId,
    performanceId: sale.performanceId,
    seatingPlanId: performance.seatingPlanId,
    version: performance.layoutVersion,
    ticketId: items[0]?.id ?? '',
    sessionId: await findSession(),
    password: minji.password,
    eventId: await deadLetter(paid.order.id),
    consumer: 'notifications',
    freeSeats: [25, 26],
    placeToken: place.placeToken,
  };
  const worldOf = async ({ order, checkout }: typeof paid): Promise<World> => ({
    ...common,
    holdId: order.holdId,
    orderId: order.id,
    attemptId: checkout.attemptId,
    linkToken: order.linkToken ?? '',
    paymentKey: await keyOf(checkout),
  });
  const atRoom = { ...(await worldOf(open)), showId: place.showId };
  const worlds = [await worldOf(open), await worldOf(paid), atRoom];
  const owned = worlds.flatMap(({ holdId, orderId, attemptId, ticketId }) => [
    holdId,
    orderId,
    attemptId,
    ticketId,
  ]);
  const marks = [
    ...owned,
    ...worlds.flatMap(({ linkToken, paymentKey }) => [linkToken, paymentKey]),
    ...place.marks,
    minji.email,
    minji.accountId,
    ...items.flatMap(({ id, code }) => [id, code]),
  ];
  return { worlds, marks, owned };
};

const keyOf = async ({ attemptId, amount }: Checkout): Promise<string> => {
  const [row] = await program.app.db.query<{ payment_key: string | null }>(
    'SELECT payment_key FROM payments.attempts WHERE id = $1',
    [attemptId],
  );
  return row?.payment_key ?? program.sandbox.authenticate(attemptId, amount.amount);
};

/** An event about her, recorded as a dead letter of a consumer. */
const deadLetter = async (orderId: string): Promise<string> => {
  const [row] = await program.app.db.query<{ seq: number }>(
    `INSERT INTO platform.dead_letters (consumer, seq, tries, error)
     SELECT 'notifications', seq, 5, 'no address'
     FROM platform.journal WHERE type = 'order.paid' AND order_id = $1
     RETURNING seq`,
    [orderId],
  );
  return makeEventId(row?.seq ?? 0);
};

const state = async () => {
  const as = minji.token;
  const [{ showId, holdId, orderId }] = secrets as [World];
  const room = { showId: secrets.at(-1)?.showId ?? '' };
  const { now: _, ...hold } = await program.must(readHold, { as, params: { holdId } });
  const { app } = program;
  return {
    hold,
    order: await program.must(readOrder, { as, params: { orderId } }),
    show: (await program.must(readShow, { params: { showId } })).title,
    place: (await program.must(readPlace, { as, params: room })).standing,
    tickets: await app.db.query('SELECT * FROM tickets.tickets ORDER BY id'),
    performances: await app.db.query('SELECT id FROM catalogue.performances WHERE show_id = $1', [
      showId,
    ]),
    blocked: await app.db.query('SELECT seat_no FROM seats.claims WHERE hold_id IS NULL'),
  };
};

beforeAll(async () => {
  program = await openProgram();
  const [first, second] = await program.newBuyers(2);
  if (first === undefined || second === undefined) throw new Error('two buyers');
  minji = first;
  const made = await makeWorld();
  secrets = made.worlds;
  const [{ showId, performanceId }] = made.worlds as [World];
  walk = {
    routes: allRoutes,
    ask: program.ask,
    marks: made.marks,
    // Strangers may know every id of hers, but not the secret link.
    worlds: secrets.map((all) => ({ ...all, linkToken: `${all.linkToken.slice(0, -4)}AAAA` })),
    owned: { buyer: made.owned, organiser: [showId, performanceId] },
  };
  const forged = `${minji.token.slice(0, -4)}AAAA`;
  strangers = [
    { name: 'nobody', role: 'nobody', token: async () => undefined },
    { name: 'a forger', role: 'nobody', token: async () => forged },
    callerOf('another buyer', 'BUYER', second, second.token),
    callerOf('another organiser', 'ORGANISER', staff('rival'), program.rival),
  ];
});

describe('ids of another person', () => {
  test('let no stranger read or change anything, on any route', async () => {
    const before = await state();
    expect(await walkAsStrangers(walk, strangers)).toEqual([]);
    expect(await state()).toEqual(before);
  });

  test('let no operator reach a buyer’s data either', async () => {
    const routes = allRoutes.filter(({ auth }) => auth === 'account');
    const operator = callerOf('the operator', 'OPERATOR', staff('operator'), program.operator);
    const before = await state();
    expect(await walkAsStrangers({ ...walk, routes }, [operator])).toEqual([]);
    expect(await state()).toEqual(before);
  });

  test('admit their owners everywhere', async () => {
    const owners = {
      account: callerOf('minji', 'BUYER', minji, minji.token),
      organiser: callerOf('her organiser', 'ORGANISER', staff('organiser'), program.organiser),
      operator: callerOf('the operator', 'OPERATOR', staff('operator'), program.operator),
    };
    // Nobody comes back from leaving: its example has a wrong password.
    const routes = allRoutes.filter(
      ({ auth, name }) => (auth !== 'public' || /Link$/.test(name)) && name !== 'leave',
    );
    expect(routes.length).toBeGreaterThan(25);
    const ownerOf = ({ auth }: RouteSpec) => owners[auth === 'public' ? 'account' : auth];
    expect(await walkAsOwner({ ...walk, routes, worlds: secrets }, ownerOf)).toEqual([]);
  });
});

describe('the check of all routes finds', () => {
  const planted = (name: string, auth: RouteSpec['auth'], path: string, param: string | null) =>
    defineRoute({
      name,
      auth,
      path: `/api/v1/planted/${path}`,
      method: 'GET',
      tag: 'Planted',
      summary: 'planted',
      rate: { perMinute: 60, burst: 60 },
      problems: [],
      params: z.strictObject(param === null ? {} : { [param]: z.string() }),
      responses: { 200: z.looseObject({}) },
    } satisfies RouteSpec);

  /** A server with the program's services and one extra route. */
  const walkPlanted = async (plantedRoute: Route) => {
    const { app } = program;
    const metrics = makeMetrics();
    const idempotency = makeIdempotency(app.db, metrics, 256);
    const http = await makeHttpServer({
      clock: systemClock,
      log: silentLog,
      metrics,
      idempotency,
      tracing: await openTracing({ endpoint: undefined, service: 'test' }),
      routes: [plantedRoute],
      authenticate: app.services.identity.authenticate,
      mayCall: app.services.identity.mayCall,
      trustProxy: false,
      allowedOrigins: [],
      safeHeaders: {},
      checkAnswers: true,
      rateLimits: false,
    });
    afterThisFile(async () => {
      await http.close();
      await idempotency.close();
      metrics.close();
    });
    const { ask } = makeAsk(sendByInject(http));
    const worlds = walk.worlds.slice(0, 1);
    return walkAsStrangers({ ...walk, ask, worlds, routes: [plantedRoute.spec] }, strangers);
  };
  const readAny = async (orderId: string) =>
    answer(200, { ...(await program.app.services.orders.read(orderId)) });

  test('a route whose handler forgets the owner', async () => {
    const spec = planted('careless', 'account', 'orders/{orderId}', 'orderId');
    const found = await walkPlanted(
      route(spec, ({ params }) => readAny(String(params['orderId']))),
    );
    expect(found.map(({ caller }) => caller)).toEqual(['another buyer', 'another organiser']);
    expect(found[0]?.what).toContain(`tells of ${secrets[0]?.holdId}`);
  });

  test('a route that lets any organiser change any show', async () => {
    const spec = planted('shared', 'organiser', 'shows/{showId}', 'showId');
    const found = await walkPlanted(
      route(spec, async ({ params }) => {
        const show = await program.app.services.catalogue.show(String(params['showId']));
        return answer(200, { isThere: show !== null });
      }),
    );
    expect(found).toEqual([
      { route: 'shared', caller: 'another organiser', what: '200 for what is not theirs' },
    ]);
  });

  test('a route without ids that was made public by mistake', async () => {
    const spec = planted('latest', 'public', 'latest', null);
    const found = await walkPlanted(route(spec, () => readAny(secrets[0]?.orderId ?? '')));
    expect(found.map(({ caller }) => caller)).toEqual(strangers.map(({ name }) => name));
  });

  test('a route that has no example', async () => {
    const spec = planted('coupons', 'account', 'coupons/{couponId}', 'couponId');
    const found = await walkPlanted(route(spec, async () => answer(200, {})));
    expect(found.map(({ what }) => what)).toEqual(
      strangers.map(() => expect.stringContaining('examples.ts has no couponId')),
    );
  });
});

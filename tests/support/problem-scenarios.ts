import {
  confirmEmail,
  leave,
  logIn,
  readMe,
  refresh,
  requestEmailCode,
  signUp,
} from '@usher/contract/identity.ts';
import { listOpenPayments } from '@usher/contract/operations.ts';
import { cancelOrder, placeOrder, readOrder } from '@usher/contract/orders.ts';
import {
  blockSeats,
  createShow,
  importVenue,
  paintShow,
  readShowGrades,
} from '@usher/contract/organiser.ts';
import { confirmPayment, openAttempt } from '@usher/contract/payments.ts';
import type { ProblemCode } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { extendHold, releaseHold, takeHold } from '@usher/contract/seats.ts';
import {
  claimPass,
  joinRoom,
  passHeader,
  pullLever,
  type RoomSettings,
  readPlace,
  sendHeartbeat,
  watchRoom,
} from '@usher/contract/waiting-room.ts';
import { freshKey, type Given, type Reply, sendByInject } from './ask.ts';
import { nowhere } from './examples.ts';
import type { Program } from './program.ts';
import { exchange, replyIn, requestText } from './raw-http.ts';
import { hoursFromNow, showFields, venueFields } from './sale.ts';
import { makeRoomTools } from './waiting.ts';

/** The route and the response; no route if the request never reached one. */
export type Told = { spec: RouteSpec | null; reply: Reply };
export type Scenario = (program: Program) => Promise<Told>;

const password = 'four words of a test';

const asked = async (program: Program, spec: RouteSpec, given: Given = {}): Promise<Told> => ({
  spec,
  reply: await program.ask(spec, given),
});
const text = async (program: Program, spec: RouteSpec, body: string): Promise<Told> => {
  const headers = { 'content-type': 'application/json' };
  const send = sendByInject(program.app.http);
  return { spec, reply: await send({ method: spec.method, path: spec.path, headers, body }) };
};
/** A sale and somebody who buys in it. */
const inSale = async (program: Program, given: Parameters<Program['newSale']>[1] = {}) => {
  const { performanceId } = await program.newSale(program.organiser, given);
  const { token: as } = await program.newBuyer();
  const params = { performanceId };
  return { as, performanceId, params };
};
const take = (program: Program, as: string, params: Given['params'] & object, body: object) =>
  asked(program, takeHold, { as, params, body });

const identity = {
  VALIDATION_FAILED: (program) => asked(program, logIn, { body: { email: 'nobody' } }),
  MALFORMED_REQUEST: (program) => text(program, logIn, '{"email":'),
  BODY_TOO_LARGE: (program) => text(program, logIn, JSON.stringify('a'.repeat(40_000))),
  UNAUTHENTICATED: (program) => asked(program, readMe),
  CREDENTIALS_WRONG: (program) =>
    asked(program, logIn, { body: { email: 'nobody@example.com', password } }),
  REFRESH_REFUSED: (program) => asked(program, refresh),
  ORIGIN_REFUSED: (program) =>
    asked(program, refresh, { headers: { 'sec-fetch-site': 'cross-site' } }),
  FORBIDDEN: async (program) =>
    asked(program, listOpenPayments, { as: (await program.newBuyer()).token }),
  PASSWORD_TOO_COMMON: (program) =>
    asked(program, signUp, {
      body: { email: 'common@example.com', password: 'password123', name: '흔한 사람' },
    }),
  EMAIL_CONFIRMED_ALREADY: (program) => asked(program, requestEmailCode, { as: program.organiser }),
  PASSWORD_WRONG: async (program) => {
    const { token: as } = await program.newBuyer();
    return asked(program, leave, { as, body: { password: 'not the password' } });
  },
  CODE_WRONG: async (program) => {
    const { token: as } = await program.newBuyer();
    return asked(program, confirmEmail, { as, body: { code: '00000-00000' } });
  },
  EMAIL_TAKEN: async (program) => {
    const { email } = await program.newBuyer();
    return asked(program, signUp, { body: { email, password, name: '또 한 사람' } });
  },
  NOT_FOUND: async (program) =>
    asked(program, readOrder, {
      as: (await program.newBuyer()).token,
      params: { orderId: nowhere.orderId },
    }),
  ROUTE_NOT_FOUND: async (program) => {
    const nothing = { method: 'GET', path: '/api/v1/nothing', headers: {}, body: null };
    return { spec: null, reply: await sendByInject(program.app.http)(nothing) };
  },
  HEADERS_TOO_LARGE: async (program) => {
    const request = requestText('GET /healthz', { 'x-long': 'a'.repeat(17_000) });
    return { spec: null, reply: replyIn(await exchange(await program.listen(), request)) };
  },
} satisfies Partial<Record<ProblemCode, Scenario>>;

const organiser = {
  LAYOUT_REFUSED: (program) =>
    asked(program, importVenue, {
      as: program.organiser,
      body: { ...venueFields(1, 2), seatsCsv: 'section,row,number,grade,x,y\n1층,1,1,VIP,here,1' },
    }),
  SHOW_RULE_BROKEN: async (program) => {
    const as = program.organiser;
    const venue = await program.must(importVenue, { as, body: venueFields(1, 2) });
    // The plan has only VIP seats, and the sale closes before it opens.
    const fields = { ...showFields(venue.id), saleClosesAt: hoursFromNow(-2) };
    return asked(program, createShow, { as, body: fields });
  },
} satisfies Partial<Record<ProblemCode, Scenario>>;

const seats = {
  SALE_NOT_OPEN: async (program) => {
    const { as, params } = await inSale(program, { show: { saleOpensAt: hoursFromNow(1) } });
    return take(program, as, params, { seats: [0] });
  },
  SALE_CLOSED: async (program) => {
    const show = { saleOpensAt: hoursFromNow(-2), saleClosesAt: hoursFromNow(-1) };
    const { as, params } = await inSale(program, { show });
    return take(program, as, params, { seats: [0] });
  },
  SEATS_TAKEN: async (program) => {
    const { as, params, performanceId } = await inSale(program);
    await program.hold((await program.newBuyer()).token, performanceId, [1, 2]);
    return take(program, as, params, { seats: [2, 3] });
  },
  GRADES_FIXED: async (program) => {
    const { showId, performanceId } = await program.newSale(program.organiser);
    await program.hold((await program.newBuyer()).token, performanceId, [0]);
    const given = { as: program.organiser, params: { showId } };
    const { grades, counts } = await program.must(readShowGrades, given);
    const rules = [{ grade: 'VIP', section: '1층', rows: ['2'] }];
    const paintings = counts.map(({ seatingPlanId }) => ({ seatingPlanId, rules }));
    return asked(program, paintShow, { ...given, body: { grades, paintings } });
  },
  SEATS_BLOCKED: async (program) => {
    const { as, params } = await inSale(program);
    await program.must(blockSeats, { as: program.organiser, params, body: { block: [2] } });
    return take(program, as, params, { seats: [2, 3] });
  },
  SEATS_ALREADY_YOURS: async (program) => {
    const { as, params, performanceId } = await inSale(program);
    await program.hold(as, performanceId, [2, 3]);
    return take(program, as, params, { seats: [2, 3] });
  },
  NO_SEATS_FREE: async (program) => {
    const { params, performanceId } = await inSale(program, { rows: 2, seatsInRow: 1 });
    await program.hold((await program.newBuyer()).token, performanceId, [0, 1]);
    const { token } = await program.newBuyer();
    return take(program, token, params, { bestAvailable: { grade: 'R', count: 1 } });
  },
  NO_ADJACENT_SEATS: async (program) => {
    const { as, params } = await inSale(program, { rows: 3, seatsInRow: 2 });
    return take(program, as, params, { bestAvailable: { grade: 'R', count: 3 } });
  },
  SEAT_LEFT_STRANDED: async (program) => {
    const { as, params } = await inSale(program, { show: { refusesStranding: true } });
    return take(program, as, params, { seats: [1] });
  },
  BUYER_LIMIT_REACHED: async (program) => {
    const { as, params, performanceId } = await inSale(program);
    await program.hold(as, performanceId, [0, 1, 2, 3]);
    return take(program, as, params, { seats: [4] });
  },
  SHOW_SOLD_OUT: async (program) => {
    const { as, params, performanceId } = await inSale(program, { rows: 2, seatsInRow: 1 });
    await program.buy(as, performanceId, [0, 1]);
    const late = await program.newBuyer();
    return take(program, late.token, params, { bestAvailable: { grade: 'R', count: 1 } });
  },
  HOLD_ENDED: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { id: holdId } = await program.hold(as, performanceId, [0]);
    await program.must(releaseHold, { as, params: { holdId } });
    return asked(program, placeOrder, { as, body: { holdId } });
  },
  HOLD_EXTENDED_ALREADY: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { id: holdId } = await program.hold(as, performanceId, [0]);
    await program.must(extendHold, { as, params: { holdId } });
    return asked(program, extendHold, { as, params: { holdId } });
  },
} satisfies Partial<Record<ProblemCode, Scenario>>;

const confirm = (
  program: Program,
  as: string,
  checkout: { attemptId: string },
  body: { paymentKey: string; amount: number },
) => asked(program, confirmPayment, { as, params: { attemptId: checkout.attemptId }, body });

const money = {
  HOLD_HAS_ORDER: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { order } = await program.order(as, performanceId, [0]);
    return asked(program, placeOrder, { as, body: { holdId: order.holdId } });
  },
  ORDER_NOT_PAYABLE: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { order } = await program.buy(as, performanceId, [0]);
    return asked(program, openAttempt, { as, params: { orderId: order.id } });
  },
  ORDER_NOT_CANCELLABLE: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { order } = await program.buy(as, performanceId, [0]);
    return asked(program, cancelOrder, { as, params: { orderId: order.id } });
  },
  AMOUNT_MISMATCH: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { checkout } = await program.order(as, performanceId, [0]);
    const { amount } = checkout.amount;
    const paymentKey = await program.sandbox.authenticate(checkout.attemptId, amount - 1000);
    return confirm(program, as, checkout, { paymentKey, amount: amount - 1000 });
  },
  PAYMENT_DECLINED: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { checkout } = await program.order(as, performanceId, [0]);
    return { spec: confirmPayment, reply: await program.pay(as, checkout, 'decline') };
  },
  PAYMENT_PROVIDER_REFUSED: async (program) => {
    const { as, performanceId } = await inSale(program);
    const { checkout } = await program.order(as, performanceId, [0]);
    const match = { call: 'confirm', orderId: checkout.attemptId };
    await program.sandbox.rule({ match, action: 'answer', status: 400, code: 'INVALID_API_KEY' });
    return { spec: confirmPayment, reply: await program.pay(as, checkout) };
  },
  IDEMPOTENCY_KEY_MISSING: async (program) => {
    const { as, params } = await inSale(program);
    return asked(program, takeHold, { as, params, body: { seats: [0] }, key: null });
  },
  IDEMPOTENCY_KEY_REUSED: async (program) => {
    const { as, params } = await inSale(program);
    const key = freshKey();
    await program.must(takeHold, { as, params, body: { seats: [0] }, key });
    return asked(program, takeHold, { as, params, body: { seats: [1] }, key });
  },
} satisfies Partial<Record<ProblemCode, Scenario>>;

/** A sale behind an open waiting room, and somebody in front of it. */
const atRoom = async (
  program: Program,
  settings: Partial<RoomSettings> = {},
  sale: Parameters<Program['newSale']>[1] = {},
) => {
  const room = makeRoomTools(program);
  const { showId, performanceId } = await program.newSale(program.organiser, sale);
  await room.open(showId, settings);
  const person = await program.newBuyer();
  return { room, showId, performanceId, person, as: person.token, params: { showId } };
};
const lever = async (program: Program, ifRev: (rev: number) => number) => {
  const { room, showId, params } = await atRoom(program);
  const body = { ifRev: ifRev((await room.read(showId)).rev), action: { lever: 'open' } };
  return asked(program, pullLever, { as: program.operator, params, body });
};
/** More viewers than a room streams to, opened through the service: they have no accounts. */
const crowd = async (program: Program, showId: string, people: number): Promise<void> => {
  const nobody = { showId, place: null, solution: null, address: '127.0.0.1' };
  // In thousands: the event loop must not lag so much that requests are refused.
  for (let first = 0; first < people; first += 1000) {
    const accountIds = Array.from({ length: 1000 }, (_, i) => `acc_${first + i}`);
    const { join } = program.app.services.room;
    await Promise.all(accountIds.map((accountId) => join({ ...nobody, accountId })));
  }
};

const waiting = {
  PASS_REQUIRED: async (program) => {
    const { as, performanceId } = await atRoom(program);
    return take(program, as, { performanceId }, { seats: [0] });
  },
  PASS_ENDED: async (program) => {
    const { as, performanceId } = await atRoom(program);
    const headers = { [passHeader]: 'pass.forged.pass' };
    const given = { as, params: { performanceId }, body: { seats: [0] }, headers };
    return asked(program, takeHold, given);
  },
  ROOM_NOT_OPEN: async (program) => {
    const { showId } = await program.newSale(program.organiser);
    await makeRoomTools(program).put(showId, { opensAt: hoursFromNow(2) });
    const { token: as } = await program.newBuyer();
    return asked(program, joinRoom, { as, params: { showId }, body: {} });
  },
  ROOM_CLOSED: async (program) => {
    const { room, showId, as, params } = await atRoom(program);
    await room.pull(showId, { lever: 'close' });
    return asked(program, joinRoom, { as, params, body: {} });
  },
  TOO_MANY_WAITING: async (program) => {
    const terms = { whenCrowded: 'refuse', activeMax: 1 } as const;
    const house = { rows: 2, seatsInRow: 1 };
    const { room, showId, as, params } = await atRoom(program, terms, house);
    for (const person of await program.newBuyers(5)) await room.join(person, showId);
    await room.untilRoom(showId, 'five wait for two seats', (now) => now.waiting === 5);
    return asked(program, joinRoom, { as, params, body: {} });
  },
  NO_PLACE: async (program) => {
    const { as, params } = await atRoom(program);
    return asked(program, readPlace, { as, params });
  },
  PLACE_TOKEN_REFUSED: async (program) => {
    const { room, showId, person, as, params } = await atRoom(program);
    await room.join(person, showId);
    return asked(program, sendHeartbeat, { as, params, body: { place: 'place.forged.place' } });
  },
  NOT_CALLED_YET: async (program) => {
    const { room, showId, person, as, params } = await atRoom(program);
    await room.pull(showId, { lever: 'pause' });
    await room.join(person, showId);
    return asked(program, claimPass, { as, params, body: {} });
  },
  CHALLENGE_REQUIRED: async (program) => {
    const { as, params } = await atRoom(program, { challengeCost: 1000 });
    return asked(program, joinRoom, { as, params, body: {} });
  },
  CHALLENGE_FAILED: async (program) => {
    const { as, params } = await atRoom(program, { challengeCost: 1000 });
    return asked(program, joinRoom, { as, params, body: { solution: 'bm8=' } });
  },
  STREAM_NOT_OFFERED: async (program) => {
    const { room, showId, params } = await atRoom(program, { activeMax: 1 });
    await crowd(program, showId, 20_000);
    await room.untilRoom(showId, 'a crowd waits', (now) => now.waiting === 20_000);
    return asked(program, watchRoom, { params });
  },
  ROOM_CHANGED_MEANWHILE: (program) => lever(program, (rev) => rev - 1),
  LEVER_REFUSED: (program) => lever(program, (rev) => rev),
} satisfies Partial<Record<ProblemCode, Scenario>>;

/** Problems that a program returns without anything being broken on purpose. */
export const ordinary = { ...identity, ...organiser, ...seats, ...money, ...waiting };

import type { RouteSpec } from '@usher/contract/route.ts';
import type { Given } from './ask.ts';
import { hoursFromNow, showFields, venueFields } from './sale.ts';

/** One person's things, whose ids the examples use. */
export type World = {
  showId: string;
  venueId: string;
  performanceId: string;
  seatingPlanId: string;
  version: string;
  holdId: string;
  orderId: string;
  attemptId: string;
  ticketId: string;
  sessionId: string;
  password: string;
  eventId: string;
  consumer: string;
  linkToken: string;
  paymentKey: string;
  /** Of the show's waiting room. */
  placeToken: string;
  /** Free seats. */
  freeSeats: readonly number[];
};

/** A valid body for each route. A route with a body and no entry here has no example. */
const bodies: Readonly<Record<string, (world: World) => object>> = {
  signUp: () => ({
    email: 'somebody.new@example.com',
    password: 'four words for somebody',
    name: '새 사람',
  }),
  logIn: () => ({ email: 'nobody@example.com', password: 'not the password' }),
  requestPasswordReset: () => ({ email: 'nobody@example.com' }),
  resetPassword: () => ({
    email: 'nobody@example.com',
    code: '00000-00000',
    password: 'four other words of theirs',
  }),
  editMe: () => ({ locale: 'en' }),
  // A common one: nothing changes.
  changePassword: ({ password }) => ({ current: password, password: 'password123' }),
  changeEmail: ({ password }) => ({ email: 'somebody.else@example.com', password }),
  confirmEmail: () => ({ code: '00000-00000' }),
  leave: () => ({ password: 'not the password' }),
  takeHold: ({ freeSeats }) => ({ seats: freeSeats.slice(0, 1) }),
  placeOrder: ({ holdId }) => ({ holdId }),
  confirmPayment: ({ paymentKey }) => ({ paymentKey, amount: 102_000 }),
  tossWebhook: ({ attemptId, paymentKey }) => ({
    eventType: 'PAYMENT_STATUS_CHANGED',
    data: { orderId: attemptId, paymentKey, secret: 'ps_guessed' },
  }),
  importVenue: () => venueFields(2, 5),
  importSeatingPlan: () => ({
    name: { ko: '원형 무대', en: 'In the round' },
    seatsCsv: venueFields(1, 3).seatsCsv,
  }),
  createShow: ({ venueId }) => showFields(venueId),
  editShow: () => ({ title: { ko: '빼앗은 공연', en: 'A show that was taken' } }),
  addPerformances: () => ({ startsAt: [hoursFromNow(24 * 20)] }),
  paintShow: () => ({
    grades: showFields('').grades,
    fixedPerformances: 'keep',
  }),
  blockSeats: ({ freeSeats }) => ({ block: freeSeats.slice(0, 1) }),
  checkPrinting: () => ({ texts: ['판소리 심청歌'] }),
  joinRoom: ({ placeToken }) => ({ place: placeToken }),
  sendHeartbeat: ({ placeToken }) => ({ place: placeToken }),
  claimPass: ({ placeToken }) => ({ place: placeToken }),
  // Based on an outdated room.
  putRoom: () => ({ ifRev: 0, settings: { opensAt: hoursFromNow(2) } }),
  pullLever: () => ({ ifRev: 0, action: { lever: 'poll', multiplier: 1 } }),
};

/** A call that matches the route's schemas. Throws if there is no example. */
export const exampleOf = (spec: RouteSpec, world: World): Given => {
  const ids: Record<string, unknown> = world;
  const params = Object.keys(spec.params?.shape ?? {}).map((name) => {
    const value = ids[name];
    if (typeof value !== 'string')
      throw new Error(`${spec.name}: tests/support/examples.ts has no ${name}`);
    return [name, value];
  });
  const body = bodies[spec.name];
  if (spec.body !== undefined && body === undefined)
    throw new Error(`${spec.name}: tests/support/examples.ts has no body`);
  return {
    params: Object.fromEntries(params) as Record<string, string>,
    ...(body === undefined ? {} : { body: body(world) }),
  };
};

const id = (prefix: string): string => `${prefix}_${'0'.repeat(26)}`;

/** Well-formed ids of things that do not exist. */
export const nowhere: World = {
  showId: id('show'),
  venueId: id('venue'),
  performanceId: id('perf'),
  seatingPlanId: id('plan'),
  version: 'aaaaaaaa',
  holdId: id('hold'),
  orderId: id('ord'),
  attemptId: id('att'),
  ticketId: id('tkt'),
  sessionId: id('ses'),
  password: 'not the password',
  eventId: id('evt'),
  consumer: 'nobody',
  linkToken: `${id('ord')}.aaaaaaaaaaaaaaaaaaaaaa`,
  paymentKey: 'nothing-was-paid-by-this',
  placeToken: 'place.of.nobody',
  freeSeats: [0, 1],
};

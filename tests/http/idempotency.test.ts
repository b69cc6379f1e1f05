import { replayDeadLetter } from '@usher/contract/operations.ts';
import { cancelOrder, placeOrder } from '@usher/contract/orders.ts';
import {
  addPerformances,
  createShow,
  importSeatingPlan,
  importVenue,
} from '@usher/contract/organiser.ts';
import { confirmPayment, openAttempt } from '@usher/contract/payments.ts';
import { problems } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { allRoutes } from '@usher/contract/routes.ts';
import { extendHold, releaseHold, takeHold } from '@usher/contract/seats.ts';
import { pullLever, putRoom } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeEventId } from '../../server/src/platform/journal/consumer.ts';
import {
  type BodyOf,
  codeOf,
  freshKey,
  type Given,
  headersOf,
  jsonOf,
  pathOf,
  problemOf,
  type Reply,
} from '../support/ask.ts';
import { exampleOf, nowhere } from '../support/examples.ts';
import { openProgram, type Program } from '../support/program.ts';
import { openRaw, requestText } from '../support/raw-http.ts';
import { hoursFromNow, type Sale, showFields, venueFields } from '../support/sale.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

let program: Program;
let sale: Sale & { performanceIds: string[] };
let seatsGiven = 0;
beforeAll(async () => {
  program = await openProgram();
  sale = await program.newSale(program.organiser, { rows: 10, seatsInRow: 20 });
});
/** A seat that no other test takes. */
const nextSeat = (): number => seatsGiven++;

type Prepared = Given & {
  /** The same call with a different body or URL, if the route has one that can differ. */
  other: Given;
};
const held = async () => {
  const { token: as } = await program.newBuyer();
  const { id: holdId } = await program.hold(as, sale.performanceId, [nextSeat()]);
  return { as, holdId };
};
const ordered = async () => {
  const { token: as } = await program.newBuyer();
  const placed = await program.order(as, sale.performanceId, [nextSeat()]);
  return { as, ...placed, orderId: placed.order.id };
};
const paidFor = async () => {
  const { as, checkout } = await ordered();
  const { attemptId, amount } = checkout;
  const paymentKey = await program.sandbox.authenticate(attemptId, amount.amount);
  return { as, params: { attemptId }, body: { paymentKey, amount: amount.amount } };
};
const byAddress = (as: string, name: string, id: string, other: string): Prepared => ({
  as,
  params: { [name]: id },
  other: { as, params: { [name]: other } },
});
const byBody = (as: string, params: Given['params'] & object, body: object, other: object) => ({
  as,
  params,
  body,
  other: { as, params, body: other },
});

/** A call that succeeds, for each route that takes an Idempotency-Key. */
const cases: Readonly<Record<string, () => Promise<Prepared>>> = {
  [takeHold.name]: async () => {
    const { token } = await program.newBuyer();
    const params = { performanceId: sale.performanceId };
    return byBody(token, params, { seats: [nextSeat()] }, { seats: [nextSeat()] });
  },
  [extendHold.name]: async () => {
    const { as, holdId } = await held();
    return byAddress(as, 'holdId', holdId, nowhere.holdId);
  },
  [placeOrder.name]: async () => {
    const { as, holdId } = await held();
    return byBody(as, {}, { holdId }, { holdId: nowhere.holdId });
  },
  [cancelOrder.name]: async () => {
    const { as, orderId } = await ordered();
    return byAddress(as, 'orderId', orderId, nowhere.orderId);
  },
  [openAttempt.name]: async () => {
    const { as, orderId } = await ordered();
    return byAddress(as, 'orderId', orderId, nowhere.orderId);
  },
  [confirmPayment.name]: async () => {
    const { as, params, body } = await paidFor();
    return byBody(as, params, body, { ...body, paymentKey: `${body.paymentKey}-other` });
  },
  [importVenue.name]: async () =>
    byBody(program.organiser, {}, venueFields(1, 3), venueFields(1, 4)),
  [importSeatingPlan.name]: async () => {
    const plan = (seatsInRow: number) => ({
      name: { ko: '원형 무대', en: 'In the round' },
      seatsCsv: venueFields(1, seatsInRow).seatsCsv,
    });
    return byBody(program.organiser, { venueId: sale.venueId }, plan(3), plan(4));
  },
  [createShow.name]: async () => {
    const fields = showFields(sale.venueId);
    return byBody(program.organiser, {}, fields, { ...fields, ageLimit: 19 });
  },
  [addPerformances.name]: async () => {
    const body = (days: number) => ({ startsAt: [hoursFromNow(24 * (30 + days))] });
    return byBody(program.organiser, { showId: sale.showId }, body(1), body(2));
  },
  [replayDeadLetter.name]: async () => {
    const { performanceId } = sale;
    const { token } = await program.newBuyer();
    const { order } = await program.buy(token, performanceId, [nextSeat()]);
    const [row] = await program.app.db.query<{ seq: number }>(
      `INSERT INTO platform.dead_letters (consumer, seq, tries, error)
       SELECT 'notifications', seq, 5, 'none' FROM platform.journal
       WHERE type = 'order.paid' AND order_id = $1 RETURNING seq`,
      [order.id],
    );
    const params = { consumer: 'notifications', eventId: makeEventId(row?.seq ?? 0) };
    const other = { as: program.operator, params: { ...params, eventId: nowhere.eventId } };
    return { as: program.operator, params, other };
  },
  [putRoom.name]: async () => {
    const { showId } = await program.newSale(program.organiser);
    const body = (activeMax: number) => ({ ifRev: null, settings: { ...restingRoom, activeMax } });
    return byBody(program.operator, { showId }, body(10), body(20));
  },
  [pullLever.name]: async () => {
    const { showId } = await program.newSale(program.organiser);
    const as = program.operator;
    const params = { showId };
    const { rev: ifRev } = await program.must(putRoom, {
      as,
      params,
      body: { ifRev: null, settings: restingRoom },
    });
    const body = (lever: string) => ({ ifRev, action: { lever } });
    return byBody(as, params, body('pause'), body('reject'));
  },
};
/** Nothing changes in it without a call. */
const restingRoom = { opensAt: hoursFromNow(24) };

/** Their effects do not record which call caused them: a retry gets these codes. */
const saidBefore: Readonly<Record<string, string>> = {
  [extendHold.name]: 'HOLD_EXTENDED_ALREADY',
  [replayDeadLetter.name]: 'NOT_FOUND',
};
const keyed = allRoutes.filter((spec) => spec.idempotency !== undefined);
const prepare = (spec: RouteSpec): Promise<Prepared> => {
  const made = cases[spec.name];
  if (made === undefined) throw new Error(`no case for ${spec.name}`);
  return made();
};
const stored = keyed.filter((spec) => spec.idempotency !== 'by-id');
const found = keyed.filter((spec) => spec.idempotency === 'by-id');
const asAnswer = ({ status, bytes }: Reply) => ({ status, text: bytes.toString() });
/** What a response says, apart from when and in which request it was made. */
const sayingOf = (reply: Reply) => {
  const { now: _, traceId: __, ...said } = jsonOf(reply);
  return { status: reply.status, said };
};
const countStored = async (): Promise<number> => {
  const [row] = await program.app.db.query<{ count: number }>(
    'SELECT count(*) FROM platform.answers',
  );
  return row?.count ?? 0;
};

/** Rows of everything that a call can create, and the money at the provider. */
const effects = async (): Promise<Record<string, number>> => {
  const tables = [
    'seats.holds',
    'seats.claims',
    'orders.orders',
    'payments.attempts',
    'payments.ledger',
    'tickets.tickets',
    'venues.venues',
    'catalogue.shows',
    'catalogue.performances',
    'platform.journal',
    'waiting_room.rooms',
    'operations.levers',
  ];
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table}) AS "${table}"`);
  // An attempt has no row before its payment begins.
  counts.push('(SELECT sum(attempt_no) FROM orders.orders) AS "attempts opened"');
  const [row] = await program.app.db.query<Record<string, number>>(`SELECT ${counts.join(', ')}`);
  const money = [...(await program.sandbox.money()).values()];
  return { ...row, money: money.reduce((sum, amount) => sum + amount, 0) };
};

describe('a call repeated with its key', () => {
  test('is tested here for every route that takes a key', () => {
    expect(Object.keys(cases).sort()).toEqual(keyed.map(({ name }) => name).sort());
  });

  test.each(stored)('$name gets the same answer and takes effect once', async (spec) => {
    const { other, ...given } = await prepare(spec);
    const key = freshKey();
    const first = await program.ask(spec, { ...given, key });
    expect(first.status, first.bytes.toString()).toBeLessThan(300);
    const after = await effects();
    const again = await program.ask(spec, { ...given, key });
    expect(asAnswer(again)).toEqual(asAnswer(first));
    expect([first, again].map(({ headers }) => headers['idempotent-replay'])).toEqual([
      undefined,
      'true',
    ]);
    const reused = await program.ask(spec, { ...other, key });
    expect([reused.status, codeOf(reused)]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(await effects()).toEqual(after);
  });

  test.each(found)('$name says the same, and neither acts twice nor is stored', async (spec) => {
    const { other, ...given } = await prepare(spec);
    const key = freshKey();
    const before = await countStored();
    const first = await program.ask(spec, { ...given, key });
    expect(first.status, first.bytes.toString()).toBeLessThan(300);
    const after = await effects();
    const again = await program.ask(spec, { ...given, key });
    expect(sayingOf(again)).toEqual(sayingOf(first));
    const reused = await program.ask(spec, { ...other, key });
    expect([reused.status, codeOf(reused)]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect([await effects(), await countStored()]).toEqual([after, before]);
  });

  test.each(found)('$name acts once when it is sent fifty times at once', async (spec) => {
    const { other, ...given } = await prepare(spec);
    const key = freshKey();
    const all = Array.from({ length: 50 }, () => program.ask(spec, { ...given, key }));
    const replies = await Promise.all(all);
    const after = await effects();
    const [first, ...others] = replies.map(sayingOf);
    expect(first?.status).toBeLessThan(300);
    for (const saying of others) expect(saying).toEqual(first);
    await program.ask(spec, { ...given, key });
    expect(await effects()).toEqual(after);
  });

  test.each(stored.filter(({ name }) => name !== openAttempt.name))(
    '$name takes effect once although its answer was lost before it was stored',
    async (spec) => {
      const { other, ...given } = await prepare(spec);
      const key = freshKey();
      const first = await program.ask(spec, { ...given, key });
      const after = await effects();
      // As after a crash between the effect and storing its answer.
      await program.app.db.query('DELETE FROM platform.answers WHERE key = $1', [key]);
      const again = await program.ask(spec, { ...given, key });
      expect(await effects()).toEqual(after);
      if (spec.name in saidBefore) {
        expect(codeOf(again)).toBe(saidBefore[spec.name]);
        return;
      }
      const named = /"(?:id|orderId|attemptId)":"[\w-]+"/g;
      expect(asAnswer(again).text.match(named)).toEqual(asAnswer(first).text.match(named));
      expect(again.status).toBe(first.status);
    },
  );

  test('opens one more attempt if the answer was lost, and only that one can be paid', async () => {
    const { as, orderId } = await ordered();
    const given = { as, params: { orderId }, key: freshKey() };
    const lost = await program.must(openAttempt, given);
    await program.app.db.query('DELETE FROM platform.answers WHERE key = $1', [given.key]);
    const opened = await program.must(openAttempt, given);
    expect(opened.attemptId).not.toBe(lost.attemptId);
    const confirm = async ({ attemptId, amount }: typeof opened) => {
      const paymentKey = await program.sandbox.authenticate(attemptId, amount.amount);
      const body = { paymentKey, amount: amount.amount };
      return program.ask(confirmPayment, { as, params: { attemptId }, body });
    };
    expect(codeOf(await confirm(lost))).toBe('ORDER_NOT_PAYABLE');
    expect((await confirm(opened)).status).toBe(200);
    const money = await program.sandbox.money();
    expect([lost, opened].map(({ attemptId }) => money.has(attemptId))).toEqual([false, true]);
  });

  test('is a separate call when another buyer uses the same key', async () => {
    const [first, second] = await program.newBuyers(2);
    const key = freshKey();
    const params = { performanceId: sale.performanceId };
    const take = (as: string | undefined) =>
      program.must(takeHold, { as: as ?? '', params, body: { seats: [nextSeat()] }, key });
    expect((await take(first?.token)).id).not.toBe((await take(second?.token)).id);
  });

  test('fifty times at once has one effect and one answer, where answers are stored', async () => {
    const { other, ...given } = await prepare(createShow);
    const before = await effects();
    const key = freshKey();
    const all = Array.from({ length: 50 }, () => program.ask(createShow, { ...given, key }));
    const replies = await Promise.all(all);
    const answers = new Set(replies.filter(({ status }) => status < 300).map((r) => `${r.bytes}`));
    expect(answers.size).toBe(1);
    for (const reply of replies.filter(({ status }) => status >= 300))
      expect(problemOf(reply)).toMatchObject({ code: 'IDEMPOTENCY_KEY_RUNNING', retryable: true });
    const grown = (await effects())['catalogue.shows'] ?? 0;
    expect(grown - (before['catalogue.shows'] ?? 0)).toBe(1);
  });
});

describe('a repeat gets what is so now:', () => {
  const repeated = async (spec: RouteSpec, given: Given) => {
    const reply = await program.ask(spec, given);
    expect(reply.headers['idempotent-replay']).toBe('true');
    return { status: reply.status, ...jsonOf(reply) };
  };
  const holdOnce = async () => {
    const { token: as } = await program.newBuyer();
    const params = { performanceId: sale.performanceId };
    const take = { as, params, body: { seats: [nextSeat()] }, key: freshKey() };
    return { as, take, hold: await program.must(takeHold, take) };
  };

  test('a hold with the deadline that its order restarted, then as released', async () => {
    const { as, take, hold } = await holdOnce();
    const { order } = await program.must(placeOrder, { as, body: { holdId: hold.id } });
    expect(order.deadline > hold.deadline).toBe(true);
    const { id } = hold;
    expect(await repeated(takeHold, take)).toMatchObject({
      status: 201,
      id,
      state: 'ACTIVE',
      deadline: order.deadline,
      extendable: false,
    });
    await program.must(releaseHold, { as, params: { holdId: id } });
    expect(await repeated(takeHold, take)).toMatchObject({ status: 201, id, state: 'RELEASED' });
  });

  test('a released hold although somebody else has the seat by now', async () => {
    const { as, take, hold } = await holdOnce();
    await program.must(releaseHold, { as, params: { holdId: hold.id } });
    const { token } = await program.newBuyer();
    await program.hold(token, sale.performanceId, take.body.seats);
    expect(await repeated(takeHold, take)).toMatchObject({ id: hold.id, state: 'RELEASED' });
  });

  test('an order that was paid meanwhile', async () => {
    const { as, hold } = await holdOnce();
    const place = { as, body: { holdId: hold.id }, key: freshKey() };
    const { order, checkout } = await program.must(placeOrder, place);
    expect((await program.pay(as, checkout)).status).toBe(200);
    expect(await repeated(placeOrder, place)).toMatchObject({
      status: 201,
      order: { id: order.id, state: 'PAID' },
      checkout: { attemptId: checkout.attemptId },
    });
  });

  test('a payment that was unknown at first, and paid by now', async () => {
    const { as, params, body } = await paidFor();
    const pay = { as, params, body, key: freshKey() };
    const match = { call: 'confirm', orderId: params.attemptId };
    // The card is charged, and the connection breaks before the answer.
    await program.sandbox.rule({ match, action: 'reset', phase: 'after-commit', times: 1 });
    const first = sayingOf(await program.ask(confirmPayment, pay));
    expect(first).toMatchObject({ status: 202, said: { orderState: 'UNKNOWN' } });
    const now = await until('the payment is known', async () => {
      const reply = await program.ask(confirmPayment, pay);
      return reply.status === 202 ? null : reply;
    });
    expect(sayingOf(now)).toMatchObject({ status: 200, said: { orderState: 'PAID' } });
    expect((await program.sandbox.money()).get(params.attemptId)).toBe(body.amount);
  });
});

describe('a key that is sent with something else is refused, and nothing is done:', () => {
  const refused = async (spec: RouteSpec, given: Given) => {
    const before = await effects();
    const code = codeOf(await program.ask(spec, given));
    expect(await effects()).toEqual(before);
    return code;
  };

  test('an order for another hold of the same buyer', async () => {
    const { token: as } = await program.newBuyer();
    const holds = [
      await program.hold(as, sale.performanceId, [nextSeat()]),
      await program.hold(as, sale.performanceId, [nextSeat()]),
    ];
    const key = freshKey();
    await program.must(placeOrder, { as, body: { holdId: holds[0]?.id }, key });
    const other = { as, body: { holdId: holds[1]?.id }, key };
    expect(await refused(placeOrder, other)).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('of two orders for different holds at once, all but those of the first', async () => {
    const { token: as } = await program.newBuyer();
    const holds = [
      await program.hold(as, sale.performanceId, [nextSeat()]),
      await program.hold(as, sale.performanceId, [nextSeat()]),
    ];
    const key = freshKey();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        program.ask(placeOrder, { as, body: { holdId: holds[i % 2]?.id }, key }),
      ),
    );
    const orders = replies.filter(({ status }) => status === 201);
    const ids = orders.map((reply) => (jsonOf(reply) as BodyOf<typeof placeOrder>).order.id);
    expect([orders.length, new Set(ids).size]).toEqual([10, 1]);
    const others = replies.filter(({ status }) => status !== 201).map(codeOf);
    expect(new Set(others)).toEqual(new Set(['IDEMPOTENCY_KEY_REUSED']));
  });

  test('the best seats instead of those that were held', async () => {
    const { token: as } = await program.newBuyer();
    const given = { as, params: { performanceId: sale.performanceId }, key: freshKey() };
    await program.must(takeHold, { ...given, body: { seats: [nextSeat()] } });
    const body = { bestAvailable: { grade: 'VIP', count: 1 } };
    expect(await refused(takeHold, { ...given, body })).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('a payment of another amount, which is told as such', async () => {
    const { as, params, body } = await paidFor();
    const pay = { as, params, body, key: freshKey() };
    await program.must(confirmPayment, pay);
    const other = { ...pay, body: { ...body, amount: body.amount + 1 } };
    expect(await refused(confirmPayment, other)).toBe('AMOUNT_MISMATCH');
  });

  test('another payment for an attempt whose payment is under way', async () => {
    const { as, params, body } = await paidFor();
    const orderId = params.attemptId;
    await program.sandbox.rule({
      match: { call: 'confirm', orderId },
      action: 'delay',
      delayMs: 300,
    });
    const pay = { as, params, body, key: freshKey() };
    const first = program.ask(confirmPayment, pay);
    const other = { ...pay, body: { ...body, paymentKey: `${body.paymentKey}-other` } };
    const replies = await Promise.all([first, program.ask(confirmPayment, other)]);
    expect([replies[0].status, codeOf(replies[1])]).toEqual([200, 'IDEMPOTENCY_KEY_REUSED']);
  });
});

describe('a refusal', () => {
  const payment = async (break_: (attemptId: string) => Promise<unknown>) => {
    const { as, params, body } = await paidFor();
    await break_(params.attemptId);
    const given = { as, params, body, key: freshKey() };
    return [await program.ask(confirmPayment, given), await program.ask(confirmPayment, given)];
  };
  const answering = (code: string) => (orderId: string) =>
    program.sandbox.rule({ match: { call: 'confirm', orderId }, action: 'answer', code });

  test('of the card is the same on a retry, and the card is not charged again', async () => {
    const [first, again] = await payment(answering('REJECT_CARD_COMPANY'));
    if (first === undefined || again === undefined) throw new Error('two answers');
    expect([first.status, codeOf(first)]).toEqual([402, 'PAYMENT_DECLINED']);
    expect(sayingOf(again)).toEqual(sayingOf(first));
  });

  test('of our credentials by the provider is the same on a retry', async () => {
    const [first, again] = await payment(answering('UNAUTHORIZED_KEY'));
    if (first === undefined || again === undefined) throw new Error('two answers');
    expect([first.status, codeOf(first)]).toEqual([502, 'PAYMENT_PROVIDER_REFUSED']);
    expect([again.status, codeOf(again)]).toEqual([502, 'PAYMENT_PROVIDER_REFUSED']);
  });

  test('due to an unreachable provider is the same on a retry; the hold stays usable', async () => {
    const { databaseUrl, sandbox } = program;
    const proxy = await openTcpProxy(1);
    await proxy.close();
    const tossUrl = `http://127.0.0.1:${proxy.port}`;
    const cutOff = await openProgram({ databaseUrl, sandbox, tossUrl, isAlone: false });
    const { as, params, body } = await paidFor();
    const given = { as, params, body, key: freshKey() };
    const first = problemOf(await cutOff.ask(confirmPayment, given));
    expect(first).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: false });
    expect(codeOf(await cutOff.ask(confirmPayment, given))).toBe('PROVIDER_UNAVAILABLE');
    const { order } = await program.must(placeOrder, { as, body: { holdId: first['holdId'] } });
    expect(order.state).toBe('PENDING');
    await cutOff.close();
  });

  test('after a lost race binds nobody: the call succeeds once the seat is free', async () => {
    const { as, holdId } = await held();
    const seat = seatsGiven - 1;
    const { token } = await program.newBuyer();
    const params = { performanceId: sale.performanceId };
    const given = { as: token, params, body: { seats: [seat] }, key: freshKey() };
    expect(codeOf(await program.ask(takeHold, given))).toBe('SEATS_TAKEN');
    await program.must(releaseHold, { as, params: { holdId } });
    expect((await program.must(takeHold, given)).seats.map(({ seatNo }) => seatNo)).toEqual([seat]);
  });
});

describe('a key', () => {
  const required = keyed.filter((spec) => spec.idempotency !== 'optional');
  test.each(required)('is required by $name and must have the right form', async (spec) => {
    const given = { ...exampleOf(spec, nowhere), as: program.operator };
    const wrong = [null, 'too-short', 'a'.repeat(256), 'with a blank in it', 'ключ-ключ-ключ-ключ'];
    for (const key of wrong) {
      const code = codeOf(await program.ask(spec, { ...given, key }));
      expect([key, code]).toEqual([key, 'IDEMPOTENCY_KEY_MISSING']);
    }
    expect(problems.IDEMPOTENCY_KEY_MISSING.status).toBe(400);
  });

  test.each(keyed.filter((spec) => spec.idempotency === 'optional'))(
    'is not asked for by $name',
    async (spec) => {
      const { other, ...given } = await prepare(spec);
      expect((await program.ask(spec, { ...given, key: null })).status).toBeLessThan(300);
    },
  );
});

describe('a buyer who disconnected before the answer arrived', () => {
  /** Sends the call, and disconnects when its effect can be seen. */
  const loseAnswer = async (spec: RouteSpec, given: Given, isDone: () => Promise<boolean>) => {
    const socket = await openRaw(await program.listen());
    const body = given.body === undefined ? '' : JSON.stringify(given.body);
    const { connection: _, ...headers } = headersOf(spec, given);
    const length = { 'content-length': Buffer.byteLength(body) };
    // The answer may be in the socket's buffer, but it is never read.
    socket.pause();
    socket.write(requestText(`POST ${pathOf(spec, given)}`, { ...headers, ...length }, body));
    await until(`${spec.name} is done`, isDone);
    socket.destroy();
  };
  /** Retries as a good client does, with the same key, while the first call is still running. */
  const again = async (spec: RouteSpec, given: Given): Promise<Record<string, unknown>> => {
    const reply = await until('the first call has ended', async () => {
      const told = await program.ask(spec, given);
      return told.status === 409 ? null : told;
    });
    expect(reply.status, reply.bytes.toString()).toBeLessThan(300);
    return jsonOf(reply);
  };
  const count = async (sql: string, id: string): Promise<number> => {
    const [row] = await program.app.db.query<{ count: number }>(sql, [id]);
    return row?.count ?? 0;
  };

  test('gets the same hold, the same order and the paid order on a retry', async () => {
    const { token: as, accountId } = await program.newBuyer();
    const params = { performanceId: sale.performanceId };
    const take = { as, params, body: { seats: [nextSeat()] }, key: freshKey() };
    const holds = 'SELECT count(*) FROM seats.holds WHERE buyer_id = $1';
    await loseAnswer(takeHold, take, async () => (await count(holds, accountId)) === 1);
    const hold = await again(takeHold, take);
    expect(await count(holds, accountId)).toBe(1);

    const place = { as, body: { holdId: hold['id'] }, key: freshKey() };
    const orders = 'SELECT count(*) FROM orders.orders WHERE buyer_id = $1';
    await loseAnswer(placeOrder, place, async () => (await count(orders, accountId)) === 1);
    const { order, checkout } = (await again(placeOrder, place)) as BodyOf<typeof placeOrder>;
    expect([order.holdId, await count(orders, accountId)]).toEqual([hold['id'], 1]);

    const { attemptId, amount } = checkout;
    const paymentKey = await program.sandbox.authenticate(attemptId, amount.amount);
    const body = { paymentKey, amount: amount.amount };
    const pay = { as, params: { attemptId }, body, key: freshKey() };
    const captures = 'SELECT count(*) FROM payments.ledger WHERE order_id = $1';
    await loseAnswer(confirmPayment, pay, async () => (await count(captures, order.id)) === 1);
    const paid = await again(confirmPayment, pay);
    expect(paid).toEqual({ orderId: order.id, orderState: 'PAID' });
    expect(await count(captures, order.id)).toBe(1);
    expect((await program.sandbox.money()).get(attemptId)).toBe(amount.amount);
  });
});

test('a retry after a restart of the program still gets the same answer', async () => {
  const before: [RouteSpec, Given, Reply][] = [];
  for (const spec of keyed) {
    const { other, ...call } = await prepare(spec);
    const given = { ...call, key: freshKey() };
    before.push([spec, given, await program.ask(spec, given)]);
  }
  const after = await effects();
  await program.close();
  const { databaseUrl, sandbox } = program;
  program = await openProgram({ databaseUrl, sandbox });
  for (const [spec, given, reply] of before) {
    const again = await program.ask(spec, given);
    const said = spec.idempotency === 'by-id' ? sayingOf : asAnswer;
    expect([spec.name, said(again)]).toEqual([spec.name, said(reply)]);
  }
  expect(await effects()).toEqual(after);
});

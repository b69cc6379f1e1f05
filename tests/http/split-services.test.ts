import { logIn, logOut } from '@usher/contract/identity.ts';
import { listMails } from '@usher/contract/operations.ts';
import { takeHold } from '@usher/contract/seats.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Ask, codeOf, makeAsk, type Send, sendByFetch } from '../support/ask.ts';
import { makeStaff, openProcess } from '../support/program.ts';
import { openTestRedis } from '../support/redis.ts';
import { makeSaleTools, type SaleTools } from '../support/sale.ts';
import { describeNeeding } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { makeRoomTools } from '../support/waiting.ts';

/** Like a load balancer without paths: what the first does not serve goes to the second. */
const sendToEither =
  (first: Send, second: Send): Send =>
  async (request) => {
    const reply = await first(request);
    return reply.status === 404 && codeOf(reply) === 'ROUTE_NOT_FOUND' ? second(request) : reply;
  };

type Process = Awaited<ReturnType<typeof openProcess>>;
type Split = Ask &
  SaleTools & { front: Process; back: Process; atBack: Ask; organiser: string; operator: string };

/** Two processes on one database that share no service, and one address in front of them. */
const openSplit = async (settings: Readonly<Record<string, string>>): Promise<Split> => {
  const shows = 'identity,catalogue,waiting-room,notifications,operations';
  const front = await openProcess({
    settings: { ...settings, USHER_SERVICES: shows },
    isAlone: false,
  });
  const { databaseUrl, sandbox } = front;
  const back = await openProcess({
    databaseUrl,
    sandbox,
    settings: { ...settings, USHER_SERVICES: 'seats,orders,payments,tickets' },
    isAlone: false,
  });
  const toBack = sendByFetch(await back.listen());
  const asker = makeAsk(sendToEither(sendByFetch(await front.listen()), toBack));
  const tools = makeSaleTools(asker, sandbox);
  const staff = makeStaff(front.app, tools.enter);
  const organiser = await staff('ORGANISER', 'organiser');
  const operator = await staff('OPERATOR', 'operator');
  return { ...asker, ...tools, front, back, atBack: makeAsk(toBack), organiser, operator };
};

/** Everything in a purchase after the order: payment, ticket, mail and ranking. */
const completePurchase = async (
  split: Split,
  buyer: { token: string; email: string },
  placed: Awaited<ReturnType<Split['order']>>,
): Promise<void> => {
  const { token: as, email } = buyer;
  expect((await split.pay(as, placed.checkout)).status).toBe(200);
  const params = { orderId: placed.order.id };
  expect((await split.must(listTickets, { as, params })).items).toHaveLength(1);
  await until('the mail is sent', async () => {
    const { items } = await split.must(listMails, { as: split.operator });
    return items.some((mail) => mail.to === email && mail.sentAt !== null);
  });
};

describe('two processes that share no service, on one database', () => {
  let split: Split;
  beforeAll(async () => {
    split = await openSplit({});
  });

  test('sell a seat from the sign-up to the mail', async () => {
    const { performanceId } = await split.newSale(split.organiser);
    const buyer = await split.newBuyer();
    const placed = await split.order(buyer.token, performanceId, [3]);
    await completePurchase(split, buyer, placed);
  });

  test('each answer only the routes that they serve', async () => {
    const { routes: atFront } = split.front.app.serving;
    const { routes: atBack } = split.back.app.serving;
    expect(atFront.filter((name) => atBack.includes(name))).toEqual([]);
    const reply = await split.atBack.ask(logIn, {
      body: { email: 'a@example.com', password: 'b' },
    });
    expect(codeOf(reply)).toBe('ROUTE_NOT_FOUND');
  });

  test('both refuse a session that was ended at the process with identity', async () => {
    const { performanceId } = await split.newSale(split.organiser);
    const { token: as } = await split.newBuyer();
    const hold = () =>
      split.atBack.ask(takeHold, { as, params: { performanceId }, body: { seats: [0] } });
    expect((await hold()).status).toBe(201);
    await split.must(logOut, { as });
    await until('the other refuses it, too', async () => (await hold()).status === 401);
  });
});

describeNeeding('redis', 'two processes that share no service, with rooms in Redis', () => {
  test('sell to people with a pass, and learn about revoked passes from PostgreSQL', async () => {
    const redis = await openTestRedis();
    const split = await openSplit({ REDIS_URL: redis.url });
    const room = makeRoomTools(split);
    const { showId, performanceId } = await split.newSale(split.organiser);
    await room.open(showId);
    const buyer = await split.newBuyer();
    const wish = { as: buyer.token, params: { performanceId }, body: { seats: [0] } };
    await until('the other knows the room', async () => {
      const reply = await split.ask(takeHold, wish);
      return reply.status === 403 && codeOf(reply) === 'PASS_REQUIRED';
    });
    const { pass } = await room.enter(buyer, showId);
    const placed = await room.order(buyer, pass, performanceId, [1]);
    await completePurchase(split, buyer, placed);
    await until('the slot is back', async () => (await room.read(showId)).active === 0);
    const late = await split.newBuyer();
    const second = await room.enter(late, showId);
    await room.pull(showId, { lever: 'revoke-passes' });
    const again = { ...wish, as: late.token, body: { seats: [2] } };
    await until('the pass is refused', async () => {
      const reply = await split.ask(takeHold, { ...again, ...room.withPass(second.pass) });
      return reply.status === 403 && codeOf(reply) === 'PASS_ENDED';
    });
  });
});

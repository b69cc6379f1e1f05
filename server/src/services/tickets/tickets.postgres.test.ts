import { idBody } from '@usher/domain/ids.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { manualClock, systemClock } from '../../platform/clock.ts';
import { makeIdempotency } from '../../platform/http/idempotency.ts';
import { makeHttpServer } from '../../platform/http/server.ts';
import { makeIds } from '../../platform/ids.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase, type Sql } from '../../platform/postgres/sql.ts';
import { openSideThread } from '../../platform/side-thread.ts';
import { openTracing } from '../../platform/tracing.ts';
import { openTickets, type TicketsDoors } from './index.ts';

const clock = manualClock(Date.parse('2026-11-01T00:00:00.000Z'));
const ids = makeIds(clock);
const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
const secret = 'a-secret-of-a-test-that-is-long-enough';

const showId = ids.make('show');
const performanceId = ids.make('performance');
const [mine, theirs] = [ids.make('account'), ids.make('account')];
const buyers = new Map<string, string>();
/** Whether the show wants the buyer's name on its tickets. */
let namesBuyer = false;

const doors: TicketsDoors = {
  catalogue: {
    show: async (id) =>
      id === showId
        ? {
            title: { ko: '오페라의 유령', en: 'The Phantom' },
            category: 'MUSICAL',
            venueName: { ko: '한강 아레나', en: 'Hangang Arena' },
            venueAddress: { ko: '서울 용산구 강변로 1', en: '1 Riverside Road, Seoul' },
            namesBuyer,
            timeZone: 'Asia/Seoul',
            runningTimeMinutes: 150,
          }
        : null,
    performance: async (id) =>
      id === performanceId ? { startsAtMs: Date.parse('2026-12-24T10:30:00Z'), round: 3 } : null,
  },
  identity: {
    accounts: async (wanted) =>
      new Map(wanted.flatMap((id) => (id === mine ? [[id, { name: '김민지' }] as const] : []))),
  },
  orders: {
    read: async () => ({
      items: Array.from({ length: 100 }, (_, seatNo) => ({
        seat: { seatNo },
        price: { amount: 150_000, currency: 'KRW' as const },
      })),
    }),
    readBuyer: async (orderId) => buyers.get(orderId) ?? null,
    findByLink: (token) => (token.endsWith('.a-secret-of-a-link') ? token.split('.')[0]! : null),
  },
};

/** A seat of an order, as it is sold. */
const makeItem = (seatNo: number) => ({
  seatNo,
  grade: 'VIP',
  seat: {
    seatNo,
    section: { ko: '나구역', en: 'Block B' },
    row: '12',
    label: String(seatNo + 1),
    mark: null,
    grade: 'VIP',
    gradeName: { ko: 'VIP석', en: 'VIP' },
  },
  priceMinor: 150_000,
  feeMinor: 2000,
});
/** An order for these seats, without tickets. Returns its id. */
const placeOrder = async (buyerId: string, seatNos: readonly number[]): Promise<string> => {
  const orderId = ids.make('order');
  buyers.set(orderId, buyerId);
  await db.query(
    `INSERT INTO orders.orders (id, show_id, performance_id, buyer_id, hold_id, state, total_minor,
       currency, category, ladder, items, attempt_opened_at, deadline, created_at)
     VALUES ($1, $2, $3, $4, $5, 'PENDING', $6, 'KRW', 'MUSICAL', 'operator', $7, now(), now(),
       now())`,
    [
      orderId,
      showId,
      performanceId,
      buyerId,
      ids.make('hold'),
      seatNos.length * 152_000,
      JSON.stringify(seatNos.map(makeItem)),
    ],
  );
  return orderId;
};
const issue = (orderIds: readonly string[], sql: Sql = db) =>
  sql.query('SELECT tickets.issue($1)', [orderIds]);
const cancel = (ticketId: string) =>
  db.query(`UPDATE tickets.tickets SET state = 'CANCELLED' WHERE id = $1`, [ticketId]);
const countOf = async (orderId: string): Promise<number> =>
  (await db.query('SELECT FROM tickets.tickets WHERE order_id = $1', [orderId])).length;

let seats = 0;
/** An order with tickets for seats that no other order has. */
const makeOrder = async (buyerId: string, count: number) => {
  const seatNos = Array.from({ length: count }, () => seats++);
  const orderId = await placeOrder(buyerId, seatNos);
  if (count > 0) await issue([orderId]);
  const tickets = await db.query<{ id: string; seatNo: number }>(
    `SELECT id, seat_no AS "seatNo" FROM tickets.tickets WHERE order_id = $1 ORDER BY seat_no`,
    [orderId],
  );
  return { orderId, tickets, first: tickets[0]?.id ?? '' };
};

const metrics = makeMetrics();
const idempotency = makeIdempotency(db, metrics, 256);
const tracing = await openTracing({ endpoint: undefined, service: 'test' });
const sideThread = openSideThread({ clock: systemClock, log: silentLog });
const tickets = openTickets({ db, secret, sideThread }, doors);
const app = await makeHttpServer({
  clock,
  log: silentLog,
  metrics,
  tracing,
  idempotency,
  routes: tickets.routes,
  authenticate: (token) => ({ accountId: token, role: 'BUYER', sessionId: 'ses' }),
  mayCall: () => true,
  trustProxy: false,
  allowedOrigins: [],
  safeHeaders: {},
  checkAnswers: true,
  rateLimits: true,
});
afterAll(async () => {
  await app.close();
  await tickets.close();
  await idempotency.close();
  await sideThread.close();
  await db.close();
});

const get = (path: string, as: string | null) =>
  app.inject({ url: path, ...(as === null ? {} : { headers: { authorization: `Bearer ${as}` } }) });

describe('issuing tickets', () => {
  test('for a batch of orders makes all tickets of all of them', async () => {
    const a = await placeOrder(mine, [seats++, seats++]);
    const b = await placeOrder(mine, [seats++]);
    await issue([a, b]);
    expect([await countOf(a), await countOf(b)]).toEqual([2, 1]);
  });

  test('makes a ticket of each seat as it was sold, under an id of its own', async () => {
    const { orderId, tickets } = await makeOrder(mine, 2);
    const made = await db.query(
      `SELECT show_id, performance_id, buyer_id, seat_no, grade, seat, state
       FROM tickets.tickets WHERE order_id = $1 ORDER BY seat_no`,
      [orderId],
    );
    expect(made).toEqual(
      tickets.map(({ seatNo }) => ({
        show_id: showId,
        performance_id: performanceId,
        buyer_id: mine,
        seat_no: seatNo,
        grade: 'VIP',
        seat: makeItem(seatNo).seat,
        state: 'LIVE',
      })),
    );
    for (const { id } of tickets) expect(id).toMatch(new RegExp(`^tkt_${idBody}$`));
    expect(new Set(tickets.map(({ id }) => id)).size).toBe(2);
  });

  test('twice for one order is refused, and changes nothing', async () => {
    const { orderId, tickets } = await makeOrder(mine, 2);
    await cancel(tickets[0]!.id);
    await expect(issue([orderId])).rejects.toThrow('tickets_live_seat');
    expect(await countOf(orderId)).toBe(2);
    const listed = await get(`/api/v1/orders/${orderId}/tickets`, mine);
    expect(listed.json().items.map(({ state }: { state: string }) => state)).toEqual([
      'CANCELLED',
      'LIVE',
    ]);
  });

  test('fails the whole transaction if a seat would get a second live ticket', async () => {
    const { tickets } = await makeOrder(mine, 1);
    const orderId = await placeOrder(theirs, [seats++, tickets[0]!.seatNo]);
    await expect(issue([orderId])).rejects.toThrow('tickets_live_seat');
    expect(await countOf(orderId)).toBe(0);
  });

  test('makes two live tickets for a seat without that constraint (guard off)', async () => {
    const { tickets } = await makeOrder(mine, 1);
    const orderId = await placeOrder(theirs, [tickets[0]!.seatNo]);
    const undone = new Error('undone');
    const inside = db.transaction(async (tx) => {
      await tx.query('DROP INDEX tickets.tickets_live_seat');
      await issue([orderId], tx);
      const live = await tx.query(
        `SELECT FROM tickets.tickets WHERE seat_no = $1 AND state = 'LIVE'`,
        [tickets[0]!.seatNo],
      );
      expect(live).toHaveLength(2);
      throw undone;
    });
    await expect(inside).rejects.toBe(undone);
  });

  test('is allowed again for the seat of a cancelled ticket', async () => {
    const { tickets } = await makeOrder(mine, 1);
    await cancel(tickets[0]!.id);
    const orderId = await placeOrder(theirs, [tickets[0]!.seatNo]);
    await issue([orderId]);
    expect(await countOf(orderId)).toBe(1);
  });
});

describe('a code', () => {
  const codeOf = async (ticketId: string): Promise<string> =>
    (await get(`/api/v1/tickets/${ticketId}`, mine)).json().code;
  const { verifyCode } = tickets.service;

  test('names its ticket and performance, and fits the QR’s compact alphabet', async () => {
    const { first } = await makeOrder(mine, 1);
    const code = await codeOf(first);
    expect(code).toMatch(/^[0-9A-Z.]{55}$/);
    expect(await verifyCode(code)).toEqual({ outcome: 'live', ticketId: first, performanceId });
  });

  test('of a cancelled ticket is invalid at once', async () => {
    const { first } = await makeOrder(mine, 1);
    const code = await codeOf(first);
    await cancel(first);
    expect(await verifyCode(code)).toMatchObject({ outcome: 'cancelled' });
  });

  test('with any character changed, or with parts of another ticket, is forged', async () => {
    const { tickets } = await makeOrder(mine, 2);
    const [code, other] = [await codeOf(tickets[0]!.id), await codeOf(tickets[1]!.id)];
    const swapped = code.slice(0, 29) + other.slice(29);
    const changed = [...code].map((letter, at) => {
      const instead = letter === 'A' ? 'B' : 'A';
      return code.slice(0, at) + instead + code.slice(at + 1);
    });
    for (const forged of [swapped, ...changed, '', `${code}0`, code.toLowerCase(), `${code}\n`])
      expect(await verifyCode(forged), forged).toEqual({ outcome: 'forged' });
  });

  test('is bound to its seat and performance, and forged if moved to another seat', async () => {
    const { first } = await makeOrder(mine, 1);
    const code = await codeOf(first);
    await db.query('UPDATE tickets.tickets SET seat_no = $2 WHERE id = $1', [first, seats++]);
    expect(await verifyCode(code)).toEqual({ outcome: 'forged' });
  });

  test('signed with another installation’s secret is forged', async () => {
    const { first } = await makeOrder(mine, 1);
    const elsewhere = openTickets({ db, sideThread, secret: `another ${secret}` }, doors);
    const code = (await elsewhere.service.ticket(mine, first))?.code ?? '';
    expect(await verifyCode(code)).toEqual({ outcome: 'forged' });
  });
});

describe('over HTTP', () => {
  /** Every route of the contract, as the paths for an order and a ticket of it. */
  const paths = (orderId: string, ticketId: string) => ({
    list: `/api/v1/orders/${orderId}/tickets`,
    ticket: `/api/v1/tickets/${ticketId}`,
    qr: `/api/v1/tickets/${ticketId}/qr.svg`,
    ticketPdf: `/api/v1/tickets/${ticketId}/ticket.pdf`,
    orderPdf: `/api/v1/orders/${orderId}/tickets.pdf`,
    calendar: `/api/v1/orders/${orderId}/calendar.ics`,
  });
  const files = ['qr', 'ticketPdf', 'orderPdf', 'calendar'] as const;

  test('the tests below cover all routes of the contract that need a sign-in', () => {
    const personal = tickets.routes.filter(({ spec }) => spec.auth === 'account');
    expect(Object.keys(paths('', ''))).toHaveLength(personal.length);
  });

  test('a buyer gets their own tickets as the contract describes', async () => {
    const { orderId, first } = await makeOrder(mine, 2);
    const { list, ticket } = paths(orderId, first);
    const listed = await get(list, mine);
    expect(listed.statusCode).toBe(200);
    expect(listed.json().items).toHaveLength(2);
    expect((await get(ticket, mine)).json()).toMatchObject({
      id: first,
      orderId,
      state: 'LIVE',
      showTitle: { ko: '오페라의 유령' },
      startsAt: '2026-12-24T10:30:00.000Z',
    });
  });

  test('a buyer gets QR, PDF and calendar, which no cache may keep', async () => {
    const { orderId, first } = await makeOrder(mine, 2);
    const own = paths(orderId, first);
    const answers = await Promise.all(files.map((name) => get(own[name], mine)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    expect(answers.map(({ headers }) => headers['content-type'])).toEqual([
      'image/svg+xml',
      'application/pdf',
      'application/pdf',
      'text/calendar; charset=utf-8',
    ]);
    for (const { headers } of answers) expect(headers['cache-control']).toBe('private, no-store');
    const [qr, ticketPdf, orderPdf, calendar] = answers;
    expect(qr?.body).toMatch(/^<svg /);
    expect(ticketPdf?.rawPayload.toString('latin1')).toMatch(/^%PDF-[\s\S]*\/Count 1\b/);
    expect(orderPdf?.rawPayload.toString('latin1')).toMatch(/^%PDF-[\s\S]*\/Count 2\b/);
    expect(calendar?.body).toContain('DTEND;TZID=Asia/Seoul:20261224T220000');
  });

  test('the buyer’s name is on their tickets where the show wants it, and only there', async () => {
    const nameOn = async (orderId: string, buyer: string) =>
      (await get(`/api/v1/orders/${orderId}/tickets`, buyer)).json().items[0].buyerName;
    const own = await makeOrder(mine, 1);
    // Their account is gone.
    const other = await makeOrder(theirs, 1);
    expect(await nameOn(own.orderId, mine)).toBeNull();
    namesBuyer = true;
    const names = [await nameOn(own.orderId, mine), await nameOn(other.orderId, theirs)];
    namesBuyer = false;
    expect(names).toEqual(['김민지', null]);
  });

  test('another buyer’s order or ticket is not found on every route', async () => {
    const { orderId, first } = await makeOrder(mine, 1);
    const unknown = paths(ids.make('order'), ids.make('ticket'));
    for (const [name, path] of Object.entries(paths(orderId, first))) {
      const answers = [await get(path, theirs), await get(unknown[name as 'list'], mine)];
      for (const answer of answers) {
        expect(answer.statusCode, name).toBe(404);
        expect(answer.json().code).toBe('NOT_FOUND');
      }
      const [foreign, absent] = answers.map((answer) => {
        const { traceId: _traceId, instance: _instance, ...rest } = answer.json();
        return rest;
      });
      expect(foreign).toEqual(absent);
    }
  });

  test('an invalid id is not found on every route', async () => {
    for (const path of Object.values(paths('ord_1', "tkt_' OR true --")))
      expect((await get(encodeURI(path), mine)).statusCode, path).toBe(404);
  });

  test('nobody gets anything without signing in', async () => {
    const { orderId, first } = await makeOrder(mine, 1);
    for (const path of Object.values(paths(orderId, first))) {
      const answer = await get(path, null);
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'UNAUTHENTICATED']);
    }
  });

  test('a buyer’s order that is not paid yet has no tickets and nothing to render', async () => {
    const { orderId } = await makeOrder(mine, 0);
    const { list, orderPdf, calendar } = paths(orderId, '');
    expect((await get(list, mine)).json()).toEqual({ items: [] });
    expect((await get(orderPdf, mine)).statusCode).toBe(404);
    expect((await get(calendar, mine)).statusCode).toBe(404);
  });

  test('a cancelled ticket is listed, but not rendered or printed with the others', async () => {
    const { orderId, tickets } = await makeOrder(mine, 2);
    const cancelled = paths(orderId, tickets[0]!.id);
    await cancel(tickets[0]!.id);
    expect((await get(cancelled.ticket, mine)).json()).toMatchObject({ state: 'CANCELLED' });
    for (const path of [cancelled.qr, cancelled.ticketPdf]) {
      const answer = await get(path, mine);
      expect(answer.statusCode).toBe(404);
      expect(answer.json().detail).toMatch(/cancelled/);
    }
    const pdf = await get(cancelled.orderPdf, mine);
    expect(pdf.rawPayload.toString('latin1')).toMatch(/\/Count 1\b/);
    await cancel(tickets[1]!.id);
    expect((await get(cancelled.orderPdf, mine)).statusCode).toBe(404);
    expect((await get(cancelled.calendar, mine)).statusCode).toBe(404);
  });

  test('an organiser learns which characters tickets cannot show', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/organiser/printing',
      headers: { authorization: `Bearer ${mine}` },
      payload: { texts: ['오페라의 歌', '나일강 𓀀'] },
    });
    expect(answer.json()).toEqual({ unprintable: ['𓀀'] });
  });

  test('calls above a route’s rate are refused with the time to wait', async () => {
    const flooding = ids.make('account');
    for (const path of Object.values(paths(ids.make('order'), ids.make('ticket')))) {
      const answers = [];
      for (let at = 0; at < 61; at++) answers.push(await get(path, flooding));
      const last = answers.at(-1);
      expect([last?.statusCode, last?.json().code]).toEqual([429, 'TOO_MANY_REQUESTS']);
      expect(Number(last?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('the secret address of an order', () => {
  const linkOf = (orderId: string) => `/api/v1/order-links/${orderId}.a-secret-of-a-link`;

  test('shows its tickets with their QR and PDF, without signing in', async () => {
    const { orderId, first } = await makeOrder(mine, 2);
    const listed = await get(`${linkOf(orderId)}/tickets`, null);
    expect(listed.json().items).toHaveLength(2);
    expect(listed.headers['cache-control']).toBe('private, no-store');
    const qr = await get(`${linkOf(orderId)}/tickets/${first}/qr.svg`, null);
    expect(qr.body).toBe((await get(`/api/v1/tickets/${first}/qr.svg`, mine)).body);
    const pdf = await get(`${linkOf(orderId)}/tickets.pdf`, null);
    expect(pdf.rawPayload.toString('latin1')).toMatch(/^%PDF-[\s\S]*\/Count 2\b/);
    expect(pdf.headers['cache-control']).toBe('private, no-store');
  });

  test('with a changed letter shows nothing', async () => {
    const { orderId, first } = await makeOrder(mine, 1);
    const forged = `/api/v1/order-links/${orderId}.another-secret-of-a-link-x`;
    for (const path of ['/tickets', `/tickets/${first}/qr.svg`, '/tickets.pdf']) {
      const answer = await get(forged + path, null);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
    }
  });

  test('shows no ticket of another order, and none that was cancelled', async () => {
    const own = await makeOrder(mine, 1);
    const other = await makeOrder(theirs, 1);
    const foreign = await get(`${linkOf(own.orderId)}/tickets/${other.first}/qr.svg`, null);
    expect(foreign.statusCode).toBe(404);
    await cancel(own.first);
    const gone = await get(`${linkOf(own.orderId)}/tickets/${own.first}/qr.svg`, null);
    expect(gone.statusCode).toBe(404);
    expect((await get(`${linkOf(own.orderId)}/tickets.pdf`, null)).statusCode).toBe(404);
    const { items } = (await get(`${linkOf(own.orderId)}/tickets`, null)).json();
    expect(items).toMatchObject([{ state: 'CANCELLED' }]);
  });

  test('of an order that is not paid has no tickets', async () => {
    const { orderId } = await makeOrder(mine, 0);
    expect((await get(`${linkOf(orderId)}/tickets`, null)).json()).toEqual({ items: [] });
  });
});

describe('documents for the mail', () => {
  test('contain the live tickets, for every caller', async () => {
    const { orderId, tickets: issued } = await makeOrder(mine, 2);
    await cancel(issued[0]!.id);
    const drawn = await tickets.service.documentsForMail(orderId);
    if (drawn.outcome !== 'drawn') throw new Error(`the documents are ${drawn.outcome}`);
    expect(drawn.document.pdf.toString('latin1')).toMatch(/\/Count 1\b/);
    expect(drawn.document.calendar).toContain(`UID:${orderId}@usher`);
    expect(await tickets.service.documentsForMail(ids.make('order'))).toEqual({
      outcome: 'unknown',
    });
  });
});

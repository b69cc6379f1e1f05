import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { won } from '@usher/domain/money.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { until } from '@usher/tests/support/until.ts';
import { simpleParser } from 'mailparser';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { makeIdempotency } from '../../platform/http/idempotency.ts';
import { makeHttpServer } from '../../platform/http/server.ts';
import { makeIds } from '../../platform/ids.ts';
import { openJobs } from '../../platform/jobs.ts';
import { appendEvents, type NewEvent } from '../../platform/journal/append.ts';
import { openRelay } from '../../platform/journal/test-bed.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { openSideThread } from '../../platform/side-thread.ts';
import { openTracing } from '../../platform/tracing.ts';
import { type NotificationsDoors, openNotifications } from './index.ts';
import { sendMailsJob } from './store.ts';

const ids = makeIds(systemClock);
const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 6 });
const sideThread = openSideThread({ clock: systemClock, log: silentLog });
const idempotency = makeIdempotency(db, makeMetrics(), 256);
const tracing = await openTracing({ endpoint: undefined, service: 'test' });
/** Shared by all relays of this file, because a lease outlives its relay by seconds. */
const owner = 'test';
afterAll(async () => {
  await idempotency.close();
  await sideThread.close();
  await db.close();
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
beforeEach(() => db.query('TRUNCATE notifications.mails, notifications.stops'));

const buyer = ids.make('account');
let state = 'PAID';
let name = '김민지';
const title = { ko: '오페라의 유령', en: 'The Phantom' };
const doors: NotificationsDoors = {
  orders: {
    read: async (id) => ({
      id,
      state,
      showTitle: title,
      venueName: { ko: '한강 아레나', en: 'Hangang Arena' },
      startsAt: '2026-12-24T10:30:00.000Z',
      timeZone: 'Asia/Seoul',
      items: [
        {
          seat: {
            section: { ko: '나구역', en: 'Block B' },
            row: '12',
            label: '34',
            mark: null,
            gradeName: { ko: 'VIP석', en: 'VIP' },
          },
          price: won(150_000),
          bookingFee: won(2000),
        },
      ],
      total: won(152_000),
    }),
    makeLinkToken: (id) => `${id}.secret`,
    findByLink: (token) => (token.endsWith('.a-secret-of-a-link') ? token.slice(0, 30) : null),
  },
  identity: {
    accounts: async () =>
      new Map([[buyer, { email: 'minji@example.com', name, locale: 'ko', mayBeMailed: true }]]),
    readCode: async () => null,
  },
  catalogue: { show: async () => ({ title, venueName: title }) },
  tickets: {
    documentsForMail: async (id) => ({
      outcome: 'drawn',
      document: { pdf: Buffer.from(`%PDF ${id}`), calendar: 'BEGIN:VCALENDAR' },
    }),
  },
};

type Config = { SMTP_URL?: string; USHER_ENV?: 'development' | 'production'; HOST?: string };
const open = async (config: Config = {}) => {
  const dataDir = await scratchFolder();
  const module = openNotifications(
    {
      db,
      sideThread,
      secret: 'a-secret-of-a-test-that-is-long-enough',
      clock: systemClock,
      ids,
      log: silentLog,
      metrics: makeMetrics(),
      config: {
        SMTP_URL: config.SMTP_URL,
        RATE_LIMITS: true,
        MAIL_FROM: 'Usher <tickets@usher.example>',
        USHER_ENV: config.USHER_ENV ?? 'development',
        HOST: config.HOST ?? '127.0.0.1',
      },
      publicUrl: 'https://tickets.example.com',
      dataDir,
    },
    doors,
  );
  closers.push(module.close);
  const relay = openRelay({
    db,
    clock: systemClock,
    log: silentLog,
    metrics: makeMetrics(),
    consumers: module.consumers ?? [],
    owner,
  });
  closers.push(relay.close);
  const job = module.jobs?.find((each) => each.name === sendMailsJob);
  /** Sends all waiting mails, without the job queue. */
  const send = async (): Promise<void> => {
    const rows = await db.query<{ id: string }>(
      `SELECT id FROM notifications.mails WHERE state = 'WAITING'`,
    );
    await job?.run({ mailIds: rows.map(({ id }) => id) });
  };
  const folder = join(dataDir, 'outbox');
  const files = async () => (await readdir(folder).catch(() => [])).sort();
  return { module, relay, send, folder, files };
};

type Type = 'order.paid' | 'order.failed' | 'order.unknown';
const more = {
  'order.paid': { category: 'MUSICAL', totalMinor: 152_000 },
  'order.failed': { code: 'REJECT_CARD_PAYMENT' },
  'order.unknown': {},
};
const happened = { atMs: Date.parse('2026-11-01T00:00:00.000Z'), requestId: null };
const eventOf = (type: Type, orderId: string): NewEvent => ({
  ...happened,
  showId: ids.make('show'),
  type,
  payload: {
    orderId,
    performanceId: ids.make('performance'),
    buyerId: buyer,
    seats: 1,
    ...more[type],
  },
});
const saleOpened = (showId: string): NewEvent => ({
  ...happened,
  showId,
  type: 'sale.opened',
  payload: { accountIds: [buyer] },
});
const publish = (...events: readonly NewEvent[]) => appendEvents(db, events);
/**
 * The relay's own round may have the lease at the moment: then ours takes nothing. An event that
 * was passed over because its consumer failed is not taken either.
 */
const takeAll = (relay: ReturnType<typeof openRelay>) =>
  until('every event is taken', async () => {
    await relay.round();
    const left = await db.query(
      `SELECT FROM platform.journal j JOIN platform.cursors c ON j.seq > c.seq
       WHERE c.consumer = 'notifications'
       UNION ALL SELECT FROM platform.parked`,
    );
    return left.length === 0;
  });

/** One mail in the database, sent to the folder. */
const makeMail = async () => {
  const opened = await open();
  const showId = ids.make('show');
  await publish(saleOpened(showId));
  await takeAll(opened.relay);
  await opened.send();
  const rows = await db.query<{ id: string }>('SELECT id FROM notifications.mails');
  return { ...opened, mailId: rows[0]?.id ?? '' };
};

describe('an event', () => {
  test('delivered three times makes one mail, with tickets and the order’s link', async () => {
    const { module, relay, folder, files } = await open();
    const jobs = await openJobs({
      url,
      log: silentLog,
      isAlone: true,
      concurrency: 2,
      jobs: (module.jobs ?? []).filter(({ schedule }) => schedule === undefined),
    });
    closers.push(jobs.close);
    const orderId = ids.make('order');
    await publish(eventOf('order.paid', orderId), eventOf('order.paid', orderId));
    await takeAll(relay);
    await publish(eventOf('order.paid', orderId));
    await takeAll(relay);
    await until('no job is left', async () => {
      const waiting = await db.query('SELECT FROM graphile_worker.jobs');
      return waiting.length === 0 && (await files()).length > 0;
    });
    const [file = '', ...others] = (await files()).filter((each) => each.endsWith('.eml'));
    expect(others).toEqual([]);
    const mail = await simpleParser(await readFile(join(folder, file)));
    expect(mail.subject).toBe('[Usher] 예매가 완료되었습니다: 오페라의 유령');
    expect(mail.text).toContain(`https://tickets.example.com/o/${orderId}.secret`);
    expect(mail.attachments.map(({ filename, content }) => [filename, content.toString()])).toEqual(
      [
        [`${orderId}.pdf`, `%PDF ${orderId}`],
        [`${orderId}.ics`, 'BEGIN:VCALENDAR'],
      ],
    );
  });

  test('of each kind makes a mail with its own text, also if several come together', async () => {
    const { module, relay, send } = await open();
    const orderId = ids.make('order');
    await publish(
      eventOf('order.unknown', orderId),
      eventOf('order.failed', orderId),
      eventOf('order.paid', orderId),
    );
    await takeAll(relay);
    state = 'UNKNOWN';
    await send();
    state = 'PAID';
    const rows = await db.query<{ kind: string; subject: string }>(
      'SELECT kind, subject FROM notifications.mails ORDER BY kind',
    );
    expect(rows.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['order-failed', '[Usher] 결제가 이루어지지 않았습니다: 오페라의 유령'],
      ['order-paid', '[Usher] 예매가 완료되었습니다: 오페라의 유령'],
      ['order-unknown', '[Usher] 결제 결과를 확인하고 있습니다: 오페라의 유령'],
    ]);
    expect(module.consumers?.[0]?.types).toEqual([
      'order.paid',
      'order.failed',
      'order.unknown',
      'sale.opened',
      'account.code-made',
      'account.left',
    ]);
  });
});

describe('the opening of a sale', () => {
  test('sends an account that likes the show one mail, however often it is repeated', async () => {
    const { relay, send, files } = await open();
    const showId = ids.make('show');
    await publish(saleOpened(showId), saleOpened(showId));
    await takeAll(relay);
    await publish(saleOpened(showId));
    await takeAll(relay);
    await send();
    expect((await files()).filter((each) => each.endsWith('.eml'))).toHaveLength(1);
  });
});

describe('the outbox folder', () => {
  test('gets one complete .eml and one .html for a mail, however often its job runs', async () => {
    const { mailId, folder, files, send } = await makeMail();
    await db.query(`UPDATE notifications.mails SET state = 'WAITING', sent_at = NULL`);
    await send();
    expect(await files()).toEqual([`${mailId}.eml`, `${mailId}.html`]);
    const mail = await simpleParser(await readFile(join(folder, `${mailId}.eml`)));
    expect(mail.subject).toBe('[Usher] 예매가 시작되었습니다: 오페라의 유령');
    expect(mail.to).toMatchObject({ value: [{ name: '김민지', address: 'minji@example.com' }] });
    expect(await readFile(join(folder, `${mailId}.html`), 'utf8')).toContain('김민지 님,');
  });
});

const serveApp = async ({ module }: Awaited<ReturnType<typeof open>>) => {
  const app = await makeHttpServer({
    clock: systemClock,
    log: silentLog,
    metrics: makeMetrics(),
    tracing,
    idempotency,
    routes: module.routes,
    authenticate: (token) => ({ accountId: token, role: token, sessionId: 'ses' }),
    mayCall: (auth, { role }) => auth !== 'operator' || role === 'OPERATOR',
    trustProxy: false,
    allowedOrigins: [],
    safeHeaders: {},
    checkAnswers: true,
    rateLimits: true,
  });
  module.service.registerPages(app);
  closers.push(() => app.close());
  return { app };
};

const serve = async (opened: Awaited<ReturnType<typeof open>>) => {
  const { app } = await serveApp(opened);
  return (path: string, role?: string) =>
    app.inject({
      url: path,
      ...(role === undefined ? {} : { headers: { authorization: `Bearer ${role}` } }),
    });
};

describe('the list of mails', () => {
  const path = '/api/v1/operator/mails';

  test('shows an operator which mails were written, sent and given up', async () => {
    const opened = await makeMail();
    const get = await serve(opened);
    const [sent] = (await get(path, 'OPERATOR')).json().items;
    expect(sent).toMatchObject({ id: opened.mailId, to: 'minji@example.com', error: null });
    expect(sent.sentAt).not.toBeNull();
    await db.query(
      `UPDATE notifications.mails SET state = 'GIVEN_UP', sent_at = NULL,
         given_up_at = clock_timestamp(), reason = 'no such mailbox'`,
    );
    const [lost] = (await get(path, 'OPERATOR')).json().items;
    expect(lost).toMatchObject({ sentAt: null, error: 'no such mailbox' });
    expect(lost.givenUpAt).not.toBeNull();
  });

  test('has a mail that cannot be composed at once, with recipient and reason', async () => {
    const opened = await open();
    const orderId = ids.make('order');
    await publish(eventOf('order.paid', orderId));
    await takeAll(opened.relay);
    const documentsForMail = doors.tickets.documentsForMail;
    const broken = doors.tickets as { documentsForMail: unknown };
    broken.documentsForMail = async () => {
      throw new Error('a font is missing');
    };
    const sending = opened.send().finally(() => {
      broken.documentsForMail = documentsForMail;
    });
    await expect(sending).rejects.toMatchObject({ code: 'MAILS_NOT_SENT' });
    const get = await serve(opened);
    const expected = {
      kind: 'order-paid',
      aboutId: orderId,
      recipientId: buyer,
      to: null,
      subject: null,
      sentAt: null,
      givenUpAt: null,
      tries: 1,
      error: 'Error: a font is missing',
    };
    expect((await get(path, 'OPERATOR')).json().items).toMatchObject([expected]);
    expect((await get('/outbox')).body).toContain('order-paid (not composed)');
    expect((await get(`${path}?only=failing`, 'OPERATOR')).json().items).toMatchObject([expected]);
    await opened.send();
    expect((await get(`${path}?only=failing`, 'OPERATOR')).json().items).toEqual([]);
    expect((await get(path, 'OPERATOR')).json().items).toMatchObject([{ error: null, tries: 2 }]);
  });

  test('is for operators only', async () => {
    const get = await serve(await open());
    const [nobody, someone] = [await get(path), await get(path, 'BUYER')];
    expect([nobody.statusCode, nobody.json().code]).toEqual([401, 'UNAUTHENTICATED']);
    expect([someone.statusCode, someone.json().code]).toEqual([403, 'FORBIDDEN']);
  });

  test('refuses calls above its rate', async () => {
    const get = await serve(await open());
    const answers = [];
    for (let at = 0; at < 70; at++) answers.push((await get(path, 'OPERATOR')).statusCode);
    expect(answers.at(0)).toBe(200);
    expect(answers.at(-1)).toBe(429);
  });
});

describe('the outbox pages', () => {
  test('list the mails and open each one, with its HTML in a frame without scripts', async () => {
    name = '<script>alert(1)</script>';
    const opened = await makeMail();
    name = '김민지';
    const get = await serve(opened);
    const list = await get('/outbox');
    expect(list.statusCode).toBe(200);
    expect(list.body).toContain(`href="/outbox/${opened.mailId}"`);
    const page = await get(`/outbox/${opened.mailId}`);
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('<iframe sandbox="allow-popups allow-popups-to-escape-sandbox"');
    for (const { body, headers } of [list, page]) {
      expect(body).not.toContain('<script');
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src/);
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  test('answer 404 for an unknown mail and for an invalid id', async () => {
    const get = await serve(await open());
    expect((await get(`/outbox/${ids.make('mail')}`)).statusCode).toBe(404);
    expect((await get('/outbox/..%2Fsecret')).statusCode).toBe(404);
  });

  test.each([
    ['an SMTP server is set', { SMTP_URL: 'smtp://127.0.0.1:9' }],
    ['the program runs in production', { USHER_ENV: 'production' }],
    ['the server listens on an address that others can reach', { HOST: '0.0.0.0' }],
  ] as const)('do not exist when %s', async (_when, config) => {
    const get = await serve(await open(config));
    expect((await get('/outbox')).json().code).toBe('ROUTE_NOT_FOUND');
  });
});

describe('mails about sales that open', () => {
  /** The address that stops them, from the newest such mail. */
  const findStop = async ({ folder, files }: Awaited<ReturnType<typeof open>>) => {
    const [file = ''] = (await files()).filter((each) => each.endsWith('.eml'));
    const mail = await simpleParser(await readFile(join(folder, file)));
    const header = mail.headerLines.find(({ key }) => key === 'list-unsubscribe')?.line ?? '';
    const address = /<([^>]+)>/.exec(header)?.[1] ?? 'http://none';
    return { mail, path: new URL(address).pathname };
  };
  const openSale = async (opened: Awaited<ReturnType<typeof open>>) => {
    const showId = ids.make('show');
    await publish(saleOpened(showId));
    await takeAll(opened.relay);
    await opened.send();
    const rows = await db.query<{ state: string; reason: string | null }>(
      'SELECT state, reason FROM notifications.mails WHERE about_id = $1',
      [showId],
    );
    return rows[0];
  };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test('are stopped by one click of a mail program, and by no look at the page', async () => {
    const opened = await makeMail();
    const { app } = await serveApp(opened);
    const { mail, path } = await findStop(opened);
    expect(mail.text).toContain(path);
    expect(mail.headerLines.map(({ line }) => line)).toContain(
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    );
    const look = await app.inject({ url: path });
    expect([look.statusCode, look.body.includes(`action="${path}/stop"`)]).toEqual([200, true]);
    expect(await openSale(opened)).toEqual({ state: 'SENT', reason: null });
    const click = await app.inject({
      method: 'POST',
      url: path,
      headers: form,
      payload: 'List-Unsubscribe=One-Click',
    });
    expect(click.statusCode).toBe(200);
    expect(await openSale(opened)).toEqual({
      state: 'DROPPED',
      reason: 'the recipient stopped these mails',
    });
  });

  test('can be allowed again, however often each is asked for', async () => {
    const opened = await makeMail();
    const { app } = await serveApp(opened);
    const { path } = await findStop(opened);
    const post = (action: string) =>
      app.inject({ method: 'POST', url: `${path}/${action}`, headers: form });
    for (const action of ['stop', 'stop', 'start', 'start'])
      expect((await post(action)).statusCode).toBe(200);
    expect(await openSale(opened)).toMatchObject({ state: 'SENT' });
  });

  test('do not stop mails about orders', async () => {
    const opened = await makeMail();
    const { app } = await serveApp(opened);
    const { path } = await findStop(opened);
    await app.inject({ method: 'POST', url: path, headers: form });
    const orderId = ids.make('order');
    await publish(eventOf('order.paid', orderId));
    await takeAll(opened.relay);
    await opened.send();
    const rows = await db.query('SELECT state FROM notifications.mails WHERE about_id = $1', [
      orderId,
    ]);
    expect(rows).toEqual([{ state: 'SENT' }]);
  });

  test('of others cannot be stopped by a changed address, and addresses are limited', async () => {
    const opened = await makeMail();
    const { app } = await serveApp(opened);
    const { path } = await findStop(opened);
    const other = path.replace(/acc_\w+/, ids.make('account'));
    const forged = await app.inject({ method: 'POST', url: other, headers: form });
    expect(forged.statusCode).toBe(404);
    expect(await db.query('SELECT FROM notifications.stops')).toEqual([]);
    const statuses = [];
    for (let at = 0; at < 30; at++) statuses.push((await app.inject({ url: path })).statusCode);
    expect(statuses.at(-1)).toBe(429);
  });

  test('wait behind mails about orders', async () => {
    const { relay } = await open();
    await db.query('SELECT graphile_worker.complete_jobs(array_agg(id)) FROM graphile_worker.jobs');
    await publish(saleOpened(ids.make('show')), eventOf('order.paid', ids.make('order')));
    await takeAll(relay);
    const jobs = await db.query<{ priority: number; kind: string }>(
      `SELECT j.priority, m.kind FROM graphile_worker._private_jobs j
       JOIN notifications.mails m ON m.id = j.payload->'mailIds'->>0 ORDER BY j.priority`,
    );
    expect(jobs).toEqual([
      { priority: 0, kind: 'order-paid' },
      { priority: 10, kind: 'sale-opened' },
    ]);
  });
});

describe('the mail with the tickets', () => {
  /** A paid order whose mail was sent, and how to ask for it again by the order's address. */
  const sellOrder = async () => {
    const opened = await open();
    const orderId = ids.make('order');
    await publish(eventOf('order.paid', orderId));
    await takeAll(opened.relay);
    await opened.send();
    const { app } = await serveApp(opened);
    const ask = async (link = `${orderId}.a-secret-of-a-link`) =>
      (await app.inject({ method: 'POST', url: `/api/v1/order-links/${link}/mail` })).json();
    const readMail = async () => {
      const [file = ''] = (await opened.files()).filter((each) => each.endsWith('.eml'));
      return simpleParser(await readFile(join(opened.folder, file)));
    };
    /** As if everything had happened this much earlier. */
    const pass = (minutes: number) =>
      db.query(
        `UPDATE notifications.mails SET sent_at = sent_at - make_interval(mins => $2)
         WHERE about_id = $1`,
        [orderId, minutes],
      );
    return { opened, orderId, ask, readMail, pass };
  };

  test('is sent again from the order’s page, as another message', async () => {
    const { opened, ask, readMail, pass } = await sellOrder();
    const first = await readMail();
    await pass(2);
    expect(await ask()).toEqual({ state: 'QUEUED' });
    expect(await ask()).toEqual({ state: 'ON_ITS_WAY' });
    await opened.send();
    const second = await readMail();
    expect(second.messageId).not.toBe(first.messageId);
    expect(second.attachments.map(({ filename }) => filename)).toEqual(
      first.attachments.map(({ filename }) => filename),
    );
  });

  test('is not sent again at once, and the pause doubles each time', async () => {
    const { opened, ask, pass } = await sellOrder();
    expect(await ask()).toEqual({ state: 'TOO_SOON' });
    await pass(2);
    expect(await ask()).toEqual({ state: 'QUEUED' });
    await opened.send();
    await pass(1);
    expect(await ask()).toEqual({ state: 'TOO_SOON' });
    await pass(2);
    expect(await ask()).toEqual({ state: 'QUEUED' });
  });

  test('is sent by nobody who lacks the address, nor for an order that is not paid', async () => {
    const { ask } = await sellOrder();
    const forged = await ask(`${ids.make('order')}.another-secret-of-a-link-x`);
    const unpaid = await ask(`${ids.make('order')}.a-secret-of-a-link`);
    expect([forged.code, unpaid.code]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
  });
});

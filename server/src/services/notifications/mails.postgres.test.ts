import type { AddressInfo } from 'node:net';
import { won } from '@usher/domain/money.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { until } from '@usher/tests/support/until.ts';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { makeIds } from '../../platform/ids.ts';
import { openJobs } from '../../platform/jobs.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { openSideThread } from '../../platform/side-thread.ts';
import { type NotificationsDoors, openNotifications } from './index.ts';
import { triesMax } from './limits.ts';
import type { MailedCode } from './render.ts';
import { makeNotificationsStore, sendMailsJob } from './store.ts';

const ids = makeIds(systemClock);
const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 6 });
const sideThread = openSideThread({ clock: systemClock, log: silentLog });
const store = makeNotificationsStore(db, ids);
afterAll(async () => {
  await sideThread.close();
  await db.close();
});

const dropJobs = () =>
  db.query('SELECT graphile_worker.complete_jobs(array_agg(id)) FROM graphile_worker.jobs');
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Person = { email: string; name: string; locale: 'ko' | 'en'; mayBeMailed: boolean };
const people = new Map<string, Person>();
const codes = new Map<string, MailedCode>();
const states = new Map<string, string>();
let title = '오페라의 유령';
let drawn: 'drawn' | 'cancelled' = 'drawn';
beforeEach(async () => {
  title = '오페라의 유령';
  drawn = 'drawn';
  await db.query('TRUNCATE notifications.mails');
  await dropJobs();
});

const doors: NotificationsDoors = {
  orders: {
    read: async (id) => ({
      id,
      state: states.get(id) ?? 'PAID',
      showTitle: { ko: title, en: title },
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
    accounts: async (wanted) =>
      new Map(
        wanted.flatMap((id) => {
          const person = people.get(id);
          return person === undefined ? [] : [[id, person] as const];
        }),
      ),
    readCode: async (id) => codes.get(id) ?? null,
  },
  catalogue: {
    show: async () => ({ title: { ko: title, en: title }, venueName: { ko: '장소', en: 'Place' } }),
  },
  tickets: {
    documentsForMail: async (id) =>
      drawn === 'drawn'
        ? { outcome: 'drawn', document: { pdf: Buffer.from(`%PDF ${id}`), calendar: 'BEGIN:X' } }
        : { outcome: 'cancelled' },
  },
};

const makePerson = (name = '김민지', email = `${ids.make('account')}@example.com`): string => {
  const id = ids.make('account');
  people.set(id, { email, name, locale: 'ko', mayBeMailed: true });
  return id;
};

const personOf = (id: string): Person => {
  const person = people.get(id);
  if (person === undefined) throw new Error('nobody has this id');
  return person;
};

/** An SMTP server that keeps accepted mails; refuses what `refuse` names, with its reply code. */
const openSink = async (port = 0) => {
  const mails: ParsedMail[] = [];
  const raw: string[] = [];
  let connections = 0;
  const refuse = new Map<string, number>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onConnect: (_session, done) => {
      connections++;
      const code = refuse.get('connection');
      done(code === undefined ? null : Object.assign(new Error('not now'), { responseCode: code }));
    },
    onRcptTo: ({ address }, _session, done) => {
      const code = refuse.get(address);
      done(code === undefined ? null : Object.assign(new Error('no'), { responseCode: code }));
    },
    onData: (stream, _session, done) => {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        raw.push(Buffer.concat(pieces).toString());
        simpleParser(Buffer.concat(pieces)).then((mail) => {
          mails.push(mail);
          done();
        }, done);
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const taken = (server.server.address() as AddressInfo).port;
  return { mails, raw, refuse, port: taken, close, connections: () => connections };
};

const open = (options: { port?: number; dataDir?: string; env?: 'development' | 'production' }) => {
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
        SMTP_URL: options.port === undefined ? undefined : `smtp://127.0.0.1:${options.port}`,
        RATE_LIMITS: true,
        MAIL_FROM: 'Usher 예매 <tickets@usher.example>',
        USHER_ENV: options.env ?? 'development',
        HOST: '127.0.0.1',
      },
      publicUrl: 'https://tickets.example.com',
      dataDir: options.dataDir ?? '/nowhere',
    },
    doors,
  );
  closers.push(module.close);
  const job = module.jobs?.find(({ name }) => name === sendMailsJob);
  return { ...module, run: (mailIds: string[]) => job?.run({ mailIds }) };
};

const openJobsOf = async (module: ReturnType<typeof open>) => {
  const jobs = await openJobs({
    url,
    log: silentLog,
    isAlone: true,
    concurrency: 2,
    jobs: (module.jobs ?? []).filter(({ schedule }) => schedule === undefined),
  });
  closers.push(jobs.close);
};

/** Mails as written by the consumer, with their ids. */
const tell = async (kind: 'order-paid' | 'order-unknown', recipients: string[]) => {
  const tellings = recipients.map((recipientId) => {
    const aboutId = ids.make('order');
    return { kind, aboutId, recipientId };
  });
  await db.transaction((tx) => store.tell(tx, tellings));
  const rows = await db.query<{ id: string; aboutId: string }>(
    'SELECT id, about_id AS "aboutId" FROM notifications.mails WHERE about_id = ANY ($1)',
    [tellings.map(({ aboutId }) => aboutId)],
  );
  return tellings.map(({ aboutId }) => rows.find((row) => row.aboutId === aboutId)?.id ?? '');
};
const rowOf = async (mailId: string) => {
  const rows = await db.query<{ state: string; tries: number; reason: string | null }>(
    'SELECT state, tries, reason FROM notifications.mails WHERE id = $1',
    [mailId],
  );
  return rows[0];
};
const jobsWaiting = async (): Promise<number> =>
  (await db.query('SELECT FROM graphile_worker.jobs WHERE task_identifier = $1', [sendMailsJob]))
    .length;

describe('a notification', () => {
  test('written twice makes two mails without the uniqueness constraint', async () => {
    const undone = new Error('undone');
    const telling = {
      kind: 'order-paid',
      aboutId: ids.make('order'),
      recipientId: makePerson(),
    } as const;
    const inside = db.transaction(async (tx) => {
      await tx.query(
        `ALTER TABLE notifications.mails
         DROP CONSTRAINT mails_kind_about_id_recipient_id_key`,
      );
      await store.tell(tx, [telling]);
      await store.tell(tx, [telling]);
      expect(await tx.query('SELECT FROM notifications.mails')).toHaveLength(2);
      throw undone;
    });
    await expect(inside).rejects.toBe(undone);
  });

  test('in a transaction that fails leaves neither mail nor job', async () => {
    const before = await jobsWaiting();
    const telling = {
      kind: 'order-paid',
      aboutId: ids.make('order'),
      recipientId: makePerson(),
    } as const;
    const inside = db.transaction(async (tx) => {
      await store.tell(tx, [telling]);
      throw new Error('the consumer broke');
    });
    await expect(inside).rejects.toThrow('the consumer broke');
    expect(await db.query('SELECT FROM notifications.mails')).toHaveLength(0);
    expect(await jobsWaiting()).toBe(before);
  });
});

describe('a mail', () => {
  test('waits while the SMTP server is down and is sent once it is up, exactly once', async () => {
    const first = await openSink();
    await first.close();
    const module = open({ port: first.port });
    await openJobsOf(module);
    const [mailId = ''] = await tell('order-paid', [makePerson()]);
    const failed = await until('an attempt has failed', async () => {
      const row = await rowOf(mailId);
      return row !== undefined && row.reason !== null && row;
    });
    expect(failed).toMatchObject({ state: 'WAITING', tries: 1 });
    const sink = await openSink(first.port);
    // Closed last, because it waits for the connections that the module keeps.
    closers.unshift(sink.close);
    await until('the job waits for its next attempt', async () => {
      const jobs = await db.query(
        `SELECT graphile_worker.reschedule_jobs(array_agg(id), clock_timestamp())
         FROM graphile_worker.jobs WHERE attempts = 1 AND locked_at IS NULL HAVING count(*) > 0`,
      );
      return jobs.length > 0;
    });
    await until('the mail is sent', async () => (await rowOf(mailId))?.state === 'SENT');
    await until('no job is left', async () => (await jobsWaiting()) === 0);
    expect(sink.mails).toHaveLength(1);
  });

  test('sent just before a crash is sent again with the same Message-ID', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    const [mailId = ''] = await tell('order-paid', [makePerson()]);
    await module.run([mailId]);
    await db.query(
      `UPDATE notifications.mails SET state = 'WAITING', sent_at = NULL WHERE id = $1`,
      [mailId],
    );
    await module.run([mailId]);
    expect(sink.mails.map(({ messageId }) => messageId)).toEqual([
      `<${mailId}@tickets.example.com>`,
      `<${mailId}@tickets.example.com>`,
    ]);
    expect(sink.mails[0]?.date).toEqual(sink.mails[1]?.date);
  });

  test('that was sent is not sent again by a repeated job', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    const mailIds = await tell('order-paid', [makePerson(), makePerson()]);
    await module.run(mailIds);
    await module.run(mailIds);
    expect(sink.mails).toHaveLength(2);
  });

  test('with a permanently refused address is given up at once; others are sent', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    sink.refuse.set('gone@example.com', 550);
    const [gone = '', fine = ''] = await tell('order-paid', [
      makePerson('없는 사람', 'gone@example.com'),
      makePerson(),
    ]);
    await module.run([gone, fine]);
    expect(await rowOf(gone)).toMatchObject({ state: 'GIVEN_UP', tries: 1 });
    expect(await rowOf(fine)).toMatchObject({ state: 'SENT' });
  });

  test('whose address is temporarily refused keeps waiting, and its job is retried', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    sink.refuse.set('busy@example.com', 451);
    const mailIds = await tell('order-paid', [makePerson('바쁜 사람', 'busy@example.com')]);
    await expect(module.run(mailIds)).rejects.toMatchObject({ code: 'MAILS_NOT_SENT' });
    expect(await rowOf(mailIds[0] ?? '')).toMatchObject({ state: 'WAITING', tries: 1 });
  });

  test('is listed as given up after its last attempt, and its job ends', async () => {
    const sink = await openSink();
    await sink.close();
    const module = open({ port: sink.port });
    const [mailId = ''] = await tell('order-paid', [makePerson()]);
    await db.query('UPDATE notifications.mails SET tries = $2 WHERE id = $1', [
      mailId,
      triesMax - 2,
    ]);
    await expect(module.run([mailId])).rejects.toMatchObject({ code: 'MAILS_NOT_SENT' });
    await expect(module.run([mailId])).rejects.toMatchObject({ code: 'MAILS_NOT_SENT' });
    const [mail] = await store.newest(1);
    expect(mail).toMatchObject({ id: mailId, state: 'GIVEN_UP' });
    expect(mail?.givenUpAt).toBeInstanceOf(Date);
    expect(mail?.reason).toMatch(/ECONNREFUSED/);
    await module.run([mailId]);
  });

  test('about an unknown outcome is dropped if the outcome has become known', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    const mailIds = await tell('order-unknown', [makePerson()]);
    await module.run(mailIds);
    expect(sink.mails).toHaveLength(0);
    expect(await rowOf(mailIds[0] ?? '')).toMatchObject({
      state: 'DROPPED',
      reason: 'the outcome is known by now: PAID',
    });
  });

  test('is dropped if its account is gone or its tickets were cancelled', async () => {
    const module = open({ dataDir: await scratchFolder() });
    const [nobody = '', cancelled = ''] = await tell('order-paid', [
      ids.make('account'),
      makePerson(),
    ]);
    drawn = 'cancelled';
    await module.run([nobody, cancelled]);
    expect([await rowOf(nobody), await rowOf(cancelled)]).toMatchObject([
      { state: 'DROPPED', reason: 'the account is gone' },
      { state: 'DROPPED', reason: 'the tickets were cancelled' },
    ]);
  });

  test('to an address that nobody confirmed is dropped', async () => {
    const module = open({ dataDir: await scratchFolder() });
    const unproved = makePerson('evil.example 에서 환불');
    people.set(unproved, { ...personOf(unproved), mayBeMailed: false });
    const [mailId = ''] = await tell('order-paid', [unproved]);
    await module.run([mailId]);
    expect(await rowOf(mailId)).toMatchObject({
      state: 'DROPPED',
      reason: 'the address is not confirmed',
    });
  });

  test('with a code goes to the address that it proves, in nobody’s words but ours', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    const unproved = makePerson('evil.example 에서 환불', 'old@example.com');
    people.set(unproved, { ...personOf(unproved), mayBeMailed: false });
    const code = {
      email: 'new@example.com',
      code: '7kq2m-9txvd',
      purpose: 'change',
      endsAt: '2026-12-24T10:30:00.000Z',
    } as const;
    const [good, used] = [ids.make('code'), ids.make('code')];
    codes.set(good, code);
    await db.transaction((tx) =>
      store.tell(
        tx,
        [good, used].map((aboutId) => ({ kind: 'account-code', aboutId, recipientId: unproved })),
      ),
    );
    const mails = await db.query<{ id: string }>('SELECT id FROM notifications.mails');
    await module.run(mails.map(({ id }) => id));
    expect(sink.mails).toHaveLength(1);
    const [mail] = sink.mails;
    expect(mail?.to).toMatchObject({ value: [{ address: 'new@example.com', name: '' }] });
    expect(mail?.text).toContain('7kq2m-9txvd');
    expect(sink.raw[0]).not.toContain('evil.example');
    expect(mail?.text).not.toContain('환불');
    const rows = await db.query<{ text: string }>(
      'SELECT m::text AS text FROM notifications.mails m',
    );
    expect(rows.filter(({ text }) => text.includes('7kq2m-9txvd'))).toEqual([]);
    const states = await db.query<{ reason: string | null }>(
      `SELECT reason FROM notifications.mails WHERE state = 'DROPPED'`,
    );
    expect(states).toEqual([{ reason: 'the code was used or has ended' }]);
  });

  test('says nothing any more once its reader has left for good', async () => {
    const module = open({ dataDir: await scratchFolder() });
    const [left, stays] = [makePerson('떠난 사람'), makePerson('남은 사람')];
    await module.run(await tell('order-paid', [left, stays]));
    await db.transaction((tx) => store.erase(tx, [left]));
    const rows = await db.query<{ recipient_id: string; text: string }>(
      'SELECT recipient_id, m::text AS text FROM notifications.mails m',
    );
    const textOf = (id: string) => rows.find((row) => row.recipient_id === id)?.text ?? '';
    expect(textOf(left)).not.toContain('떠난 사람');
    expect(textOf(left)).not.toContain('@example.com');
    expect(textOf(stays)).toContain('남은 사람');
  });

  test('whose job was lost with its process is resumed', async () => {
    const module = open({ dataDir: await scratchFolder() });
    const [lost = '', young = ''] = await tell('order-paid', [makePerson(), makePerson()]);
    await dropJobs();
    await db.query(
      `UPDATE notifications.mails SET written_at = written_at - interval '11 minutes'
       WHERE id = $1`,
      [lost],
    );
    const resume = module.jobs?.find(({ schedule }) => schedule !== undefined);
    await resume?.run({});
    await resume?.run({});
    const payloads = await db.query<{ payload: unknown }>(
      'SELECT payload FROM graphile_worker._private_jobs',
    );
    expect(payloads).toEqual([{ payload: { mailIds: [lost] } }]);
    expect(await rowOf(young)).toMatchObject({ state: 'WAITING' });
  });
});

test('with the SMTP server down a job tries four mails, not all', async () => {
  const sink = await openSink();
  closers.push(sink.close);
  sink.refuse.set('connection', 421);
  const module = open({ port: sink.port });
  const mailIds = await tell(
    'order-paid',
    Array.from({ length: 12 }, () => makePerson()),
  );
  await expect(module.run(mailIds)).rejects.toThrow('12 of 12 mails are still waiting');
  expect(sink.connections()).toBe(4);
});

describe('names of several lines', () => {
  test('add no header, no recipient and no line to a mail', async () => {
    const sink = await openSink();
    closers.push(sink.close);
    const module = open({ port: sink.port });
    title = '제목\r\nBcc: title@evil.example\r\n\r\n<script>';
    const [named = '', addressed = ''] = await tell('order-paid', [
      makePerson('김\r\nBcc: name@evil.example\r\nX-Evil: 1', 'minji@example.com'),
      makePerson('이', 'lee@example.com>\r\nBcc: <address@evil.example'),
    ]);
    await module.run([named, addressed]);
    expect(await rowOf(addressed)).toMatchObject({ state: 'DROPPED', reason: 'no mail address' });
    expect(sink.mails).toHaveLength(1);
    const [mail] = sink.mails;
    expect(mail?.bcc).toBeUndefined();
    expect(mail?.headers.has('x-evil')).toBe(false);
    expect(mail?.to).toMatchObject({ value: [{ address: 'minji@example.com' }] });
    expect(mail?.subject).not.toMatch(/[\r\n]/);
    expect(mail?.text).not.toMatch(/^Bcc:/m);
    expect(sink.raw[0]?.split('\r\n\r\n')[0]).not.toMatch(/^(?:bcc|x-evil):/im);
  });
});

import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Clock } from '../../platform/clock.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Ids } from '../../platform/ids.ts';
import { watchLoad } from '../../platform/load.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { NotificationsSettings } from './config.ts';
import { makeNotificationsConsumer } from './events.ts';
import { makeNotificationsJobs } from './jobs.ts';
import { smtpConnections, smtpConnectTimeoutMs, smtpSilenceTimeoutMs } from './limits.ts';
import { makeNotificationsRoutes, registerOutboxPages } from './routes.ts';
import {
  makeNotifications,
  type NotificationsDoors,
  type NotificationsService,
  type OutgoingMail,
  type Postman,
} from './service.ts';
import { makeNotificationsStore } from './store.ts';

const isLoopback = (host: string): boolean => ['127.0.0.1', '::1', 'localhost'].includes(host);

type Sender = { readonly from: string; readonly publicUrl: string };

/** The same mail gives the same Message-ID and date, so that a repeat is recognisable. */
const messageOf = (mail: OutgoingMail, { from, publicUrl }: Sender): SendMailOptions => ({
  from,
  to: mail.to,
  subject: mail.subject,
  text: mail.text,
  html: mail.html,
  date: mail.writtenAt,
  messageId: `<${mail.id}@${new URL(publicUrl).hostname}>`,
  headers: { 'Auto-Submitted': 'auto-generated' },
  attachments: mail.attachments.map((attachment) => ({ ...attachment })),
  disableFileAccess: true,
  disableUrlAccess: true,
});

const hasOwnReply = (error: unknown): error is Error & { permanent: boolean; command: string } =>
  error instanceof Error && 'permanent' in error && 'command' in error;

/** Connections are kept and shared. A mail that fails is tried again by its job, not here. */
const makeSmtpPostman = (url: string, sender: Sender): Postman => {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: smtpConnections,
    maxRequeues: 0,
    connectionTimeout: smtpConnectTimeoutMs,
    greetingTimeout: smtpConnectTimeoutMs,
    dnsTimeout: smtpConnectTimeoutMs,
    socketTimeout: smtpSilenceTimeoutMs,
  });
  return {
    send: async (mail) => {
      try {
        await transport.sendMail(messageOf(mail, sender));
        return { outcome: 'sent' };
      } catch (error) {
        // Only the address is at fault: any other refusal can be a setting that will be mended.
        if (hasOwnReply(error) && error.permanent && error.command === 'RCPT TO')
          return { outcome: 'refused', reason: error.message };
        throw error;
      }
    },
    close: () => transport.close(),
  };
};

/** Appears under its name only when all of it is on the disk. */
const writeWhole = async (folder: string, name: string, content: Buffer | string) => {
  const draft = join(folder, `.${name}.part`);
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(folder, name));
};

/** Mails as files, for trying the program out: ID.eml as it would be sent, ID.html to look at. */
const makeFolderPostman = (folder: string, sender: Sender): Postman => {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    send: async (mail) => {
      const { message } = await transport.sendMail(messageOf(mail, sender));
      // Only for us: a mail holds the secret address of its order.
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(folder, `${mail.id}.html`, mail.html);
      await writeWhole(folder, `${mail.id}.eml`, message as Buffer);
      return { outcome: 'sent' };
    },
    close: () => transport.close(),
  };
};

export type NotificationsContext = {
  readonly db: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly config: NotificationsSettings & Pick<PlatformSettings, 'USHER_ENV' | 'HOST'>;
  readonly publicUrl: string;
  /** Without SMTP_URL mails are written to its folder `outbox`. */
  readonly dataDir: string;
};

export type NotificationsModule = Module<NotificationsService> & {
  /** The pages /outbox and /outbox/{mailId}; none with an SMTP server or on an open address. */
  registerPages(app: FastifyInstance): void;
};

export const openNotifications = (
  context: NotificationsContext,
  doors: NotificationsDoors,
): NotificationsModule => {
  const { db, clock, ids, log, metrics, config, publicUrl } = context;
  const folder = join(context.dataDir, 'outbox');
  const sender = { from: config.MAIL_FROM, publicUrl };
  const store = makeNotificationsStore(db, ids);
  const postman =
    config.SMTP_URL === undefined
      ? makeFolderPostman(folder, sender)
      : makeSmtpPostman(config.SMTP_URL, sender);
  const mails = metrics.counter('usher_mails_total', 'Tries to send a mail, by their end', [
    'outcome',
  ]);
  const tried = (outcome: string): void => mails.inc({ outcome });
  const service = makeNotifications({
    store,
    doors,
    postman,
    clock,
    log,
    publicUrl,
    tried,
    watchLoad,
  });
  const { sendMails, tellSaleOpened } = service;
  return {
    service: { tellSaleOpened },
    routes: makeNotificationsRoutes(store),
    consumers: [makeNotificationsConsumer(store.tell)],
    jobs: makeNotificationsJobs({ sendMails, resume: store.resume, log }),
    registerPages: (app) => {
      // The pages ask for no login and show secret addresses: only where nobody else can come.
      if (config.SMTP_URL !== undefined || config.USHER_ENV === 'production') return;
      if (!isLoopback(config.HOST)) return;
      registerOutboxPages(app, store, folder);
    },
    close: async () => {
      await service.close();
      postman.close();
    },
  };
};

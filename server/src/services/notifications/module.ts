import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../../platform/address.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Context } from '../../platform/context.ts';
import { makeRateLimiter } from '../../platform/http/rate-limit.ts';
import { watchLoad } from '../../platform/load.ts';
import type { Module } from '../../platform/module.ts';
import { idleWorker } from '../../platform/worker.ts';
import type { NotificationsSettings } from './config.ts';
import { makeNotificationsConsumer } from './events.ts';
import { makeNotificationsJobs } from './jobs.ts';
import { makeFolderPostman } from './provider.folder.ts';
import { makeSmtpPostman } from './provider.smtp.ts';
import { makeNotificationsRoutes, registerOutboxPages, registerStopPages } from './routes.ts';
import type { NotificationsDoors } from './service.composing.ts';
import { makeStops } from './service.stopping.ts';
import { makeNotifications } from './service.ts';
import { makeNotificationsStore } from './store.ts';

type NotificationsContext = Pick<
  Context,
  'db' | 'sideThread' | 'secret' | 'clock' | 'ids' | 'log' | 'metrics' | 'publicUrl' | 'dataDir'
> & {
  readonly config: NotificationsSettings &
    Pick<PlatformSettings, 'USHER_ENV' | 'HOST' | 'RATE_LIMITS'>;
};

/** No service calls it: it only reacts to events. */
type Notifications = {
  /** The pages that stop mails, and the outbox: not with an SMTP server or on an open address. */
  registerPages(app: FastifyInstance): void;
};

export const openNotifications = (
  context: NotificationsContext,
  doors: NotificationsDoors,
): Module<Notifications> => {
  const { db, clock, ids, log, metrics, config, publicUrl } = context;
  // Without SMTP_URL mails are written here.
  const folder = join(context.dataDir, 'outbox');
  const sender = { from: config.MAIL_FROM, publicUrl };
  const store = makeNotificationsStore(db, ids);
  const stops = makeStops({ store, secret: context.secret });
  const postman =
    config.SMTP_URL === undefined ? makeFolderPostman(folder) : makeSmtpPostman(config.SMTP_URL);
  const mails = metrics.counter('usher_mails_total', 'Attempts to send a mail, by outcome', [
    'outcome',
  ]);
  const tried = (outcome: string): void => mails.inc({ outcome });
  const service = makeNotifications({
    store,
    doors,
    postman,
    clock,
    log,
    stops,
    sideThread: context.sideThread,
    sender,
    tried,
    watchLoad,
  });
  const { sendMails } = service;
  const registerPages = (app: FastifyInstance): void => {
    registerStopPages(app, stops, config.RATE_LIMITS ? makeRateLimiter(clock) : null);
    // The pages need no login and show secret addresses, so only this machine may reach them.
    if (config.SMTP_URL !== undefined || config.USHER_ENV === 'production') return;
    if (!isLoopback(config.HOST)) return;
    registerOutboxPages(app, store, folder);
  };
  return {
    service: { registerPages },
    routes: makeNotificationsRoutes(store, doors.orders.findByLink),
    consumers: [makeNotificationsConsumer(store)],
    jobs: makeNotificationsJobs({ sendMails, resume: store.resume, log }),
    start: () => idleWorker,
    close: async () => {
      await service.close();
      postman.close();
    },
  };
};

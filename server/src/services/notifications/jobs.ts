import { z } from 'zod';
import type { Job } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import { triesMax } from './limits.ts';
import type { makeNotifications } from './service.ts';
import { type NotificationsStore, sendMailsJob } from './store.ts';

const payloadSchema = z.strictObject({ mailIds: z.array(z.string()) });

export const makeNotificationsJobs = (deps: {
  sendMails: ReturnType<typeof makeNotifications>['sendMails'];
  resume: NotificationsStore['resume'];
  log: Log;
}): Job[] => [
  {
    name: sendMailsJob,
    triesMax,
    run: (payload) => deps.sendMails(payloadSchema.parse(payload).mailIds),
  },
  {
    name: 'notifications-resume-mails',
    schedule: '*/5 * * * *',
    run: async () => {
      const resumed = await deps.resume();
      if (resumed > 0) deps.log.warn({ mails: resumed }, 'resumed mails whose job was lost');
    },
  },
];

import { z } from 'zod';
import { defineSection, findMissing, type SettingsOf } from '../../platform/config.ts';

/** The mail server and the sender. */
export const notificationsSection = defineSection({
  settings: {
    /** If it is not set, mails are written to the data folder. */
    SMTP_URL: z
      .string()
      .regex(/^smtps?:\/\/[^/]/, 'must be smtp://user:password@host:port, or smtps:')
      .optional(),
    MAIL_FROM: z.string().min(3).default('Usher <tickets@usher.invalid>'),
  },
  findFaults: ({ given, isProduction, serves }) =>
    isProduction && serves('notifications')
      ? [
          ...findMissing(given, 'SMTP_URL', 'mails would stay in a folder'),
          ...findMissing(given, 'MAIL_FROM', 'a sender that does not exist is refused'),
        ]
      : [],
});
export type NotificationsSettings = SettingsOf<typeof notificationsSection>;

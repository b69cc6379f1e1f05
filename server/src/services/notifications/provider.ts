import type { SendMailOptions } from 'nodemailer';
import type { OutgoingMail } from './service.composing.ts';

export type Sender = { readonly from: string; readonly publicUrl: string };

/** The same mail always has the same Message-ID and date, so that a repeat is recognisable. */
export const makeMessage = (mail: OutgoingMail, { from, publicUrl }: Sender): SendMailOptions => ({
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

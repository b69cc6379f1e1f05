import { createTransport } from 'nodemailer';
import { nameTask } from '../../platform/side-thread.ts';
import { type ComposedMail, composeLetter, type Letter } from './render.ts';

export type Sender = { readonly from: string; readonly publicUrl: string };

export type Attachment = {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Uint8Array | string;
};

/** Everything that a mail is made of. */
export type MailParts = {
  readonly id: string;
  /** How often the recipient asked for it again: each time it is another message. */
  readonly repeats: number;
  readonly to: { readonly name: string; readonly address: string };
  readonly writtenAt: Date;
  readonly letter: Letter;
  readonly attachments: readonly Attachment[];
  readonly sender: Sender;
};

/** A mail as the mail server receives it. */
export type Message = {
  readonly from: string;
  readonly to: string;
  /** Headers and parts; lines end with CR LF. */
  readonly raw: Uint8Array;
};

export type OutgoingMail = ComposedMail & {
  readonly id: string;
  readonly message: Message;
};

/** RFC 8058: mail programs show a button that stops such mails with one click. */
const stopHeaders = (letter: Letter): Record<string, string> =>
  letter.about === 'show'
    ? {
        'List-Unsubscribe': `<${letter.stopUrl}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }
    : {};

/**
 * Runs in the side thread: encoding a PDF for a mail takes as long as serving some buyers. The same
 * mail always has the same Message-ID and date, so that a repeat is recognisable.
 */
export const composeMail = async (parts: MailParts): Promise<OutgoingMail> => {
  const { id, repeats, to, sender, attachments } = parts;
  const composed = composeLetter(parts.letter);
  const name = repeats === 0 ? id : `${id}-${repeats}`;
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message } = await transport.sendMail({
    from: sender.from,
    to,
    subject: composed.subject,
    text: composed.text,
    html: composed.html,
    date: parts.writtenAt,
    messageId: `<${name}@${new URL(sender.publicUrl).hostname}>`,
    headers: { 'Auto-Submitted': 'auto-generated', ...stopHeaders(parts.letter) },
    attachments: attachments.map(({ filename, contentType, content }) => {
      const whole = typeof content === 'string' ? content : Buffer.from(content);
      return { filename, contentType, content: whole };
    }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    ...composed,
    id,
    message: { from: sender.from, to: to.address, raw: message as Buffer },
  };
};
export const mailTask = nameTask<MailParts, OutgoingMail>(import.meta.url, 'composeMail');

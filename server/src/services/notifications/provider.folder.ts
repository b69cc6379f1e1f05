import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { makeMessage, type Sender } from './provider.ts';
import type { Postman } from './service.ts';

/** Appears under its name only after it is completely on disk. */
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

/** Mails as files, for trying the program out: ID.eml as it would be sent, ID.html for viewing. */
export const makeFolderPostman = (folder: string, sender: Sender): Postman => {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    send: async (mail) => {
      const { message } = await transport.sendMail(makeMessage(mail, sender));
      // Readable only by us: a mail contains the secret address of its order.
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(folder, `${mail.id}.html`, mail.html);
      await writeWhole(folder, `${mail.id}.eml`, message as Buffer);
      return { outcome: 'sent' };
    },
    close: () => transport.close(),
  };
};

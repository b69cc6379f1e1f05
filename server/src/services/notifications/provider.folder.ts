import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Postman } from './service.ts';

/** Appears under its name only after it is completely on disk. */
const writeWhole = async (folder: string, name: string, content: Uint8Array | string) => {
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
export const makeFolderPostman = (folder: string): Postman => ({
  send: async (mail) => {
    // Readable only by us: a mail contains the secret address of its order.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeWhole(folder, `${mail.id}.html`, mail.html);
    await writeWhole(folder, `${mail.id}.eml`, mail.message.raw);
    return { outcome: 'sent' };
  },
  close: () => undefined,
});

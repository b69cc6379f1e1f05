import { readFile } from 'node:fs/promises';
import pg from 'pg';

const services = new URL('../../server/src/services/', import.meta.url);

/**
 * Lays a database function with a planted bug: the text of a real one, with each `from` replaced by
 * its `to`. Fails when a text to replace is not there, so that no planted bug rots unseen.
 */
export const plantBug = async (
  url: string,
  file: string,
  replacements: readonly { from: string; to: string }[],
  extraSql = '',
): Promise<void> => {
  let text = await readFile(new URL(file, services), 'utf8');
  for (const { from, to } of replacements) {
    if (!text.includes(from)) throw new Error(`${file} has no «${from}» to break`);
    text = text.replace(from, to);
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(extraSql + text);
  } finally {
    await client.end();
  }
};

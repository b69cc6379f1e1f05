import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { createFunction } from '../../server/src/platform/postgres/routines.ts';

const services = new URL('../../server/src/services/', import.meta.url);

/** Each run of white space counts as one space: a text is found however SQL is laid out. */
const foldSpace = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** A pattern that finds `text` in any layout. */
const anyLayout = (text: string): RegExp =>
  new RegExp(
    foldSpace(text)
      .split(' ')
      .map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('\\s+'),
  );

/**
 * `text` with each `from` replaced by its `to`, whatever white space stands between the words of
 * either. Fails if a text to replace is missing, so that no planted bug silently stops working.
 */
export const plantInText = (
  file: string,
  text: string,
  replacements: readonly { from: string; to: string }[],
): string =>
  replacements.reduce((planted, { from, to }) => {
    const pattern = anyLayout(from);
    if (!pattern.test(planted)) throw new Error(`${file} has no «${foldSpace(from)}» to break`);
    return planted.replace(pattern, () => to);
  }, text);

/**
 * Replaces a database function by one with a planted bug: the text of its file (such as
 * `seats/sql/take.sql`), changed by plantInText. `extraSql` runs before it, to switch off guards.
 */
export const plantBug = async (
  url: string,
  file: string,
  replacements: readonly { from: string; to: string }[],
  extraSql = '',
): Promise<void> => {
  const text = await readFile(new URL(file, services), 'utf8');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(extraSql);
    await createFunction(client, {
      name: file.replace('/sql/', '/'),
      text: plantInText(file, text, replacements),
    });
  } finally {
    await client.end();
  }
};

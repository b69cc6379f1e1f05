import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeBatcher } from './batcher.ts';
import { type Database, openDatabase } from './postgres/sql.ts';

type Item = { text: string; number: number };
let db: Database;
beforeAll(async () => {
  const { url } = await makeTestDatabase();
  db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
  afterThisFile(() => db.close());
  await db.query('CREATE TABLE kept (text text UNIQUE, number integer CHECK (number < 1000))');
});

const open = () =>
  makeBatcher<Item, number>({
    name: 'keep',
    run: async (items) => {
      const rows = await db.query<{ number: number }>(
        'INSERT INTO kept SELECT * FROM unnest($1::text[], $2::bigint[]) RETURNING number',
        [items.map(({ text }) => text), items.map(({ number }) => number)],
      );
      return rows.map(({ number }) => number);
    },
  });

describe('an item that the database refuses fails alone, and the others are kept once:', () => {
  test.each([
    ['a text with a NUL', { text: 'a\0b', number: 1 }, '22021'],
    ['a number out of range', { text: 'far', number: 2 ** 40 }, '22003'],
    ['a value that a constraint forbids', { text: 'high', number: 1000 }, '23514'],
  ])('%s', async (name, bad, state) => {
    const batcher = open();
    const items = Array.from({ length: 40 }, (_, i) =>
      i % 9 === 5 ? { ...bad, text: `${bad.text} ${i}` } : { text: `${name} ${i}`, number: i },
    );
    const results = await Promise.allSettled(items.map(batcher.add));
    for (const [i, result] of results.entries())
      if (i % 9 === 5) expect(result).toMatchObject({ reason: { code: state } });
      else expect(result).toEqual({ status: 'fulfilled', value: i });
    const kept = await db.query<{ count: number }>(
      'SELECT count(*) FROM kept WHERE starts_with(text, $1)',
      [name],
    );
    expect(kept[0]?.count).toBe(36);
    await batcher.close();
  });
});

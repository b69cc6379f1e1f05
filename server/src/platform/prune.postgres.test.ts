import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from './postgres/sql.ts';
import { prune } from './prune.ts';

const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
afterAll(() => db.close());

const answersOf = async () =>
  (await db.query<{ key: string }>('SELECT key FROM platform.answers')).map((row) => row.key);
test('stored responses are deleted after 24 hours, however many there are', async () => {
  await db.query(
    `INSERT INTO platform.answers (scope, key, fingerprint, status, content_type, body, answered_at)
     SELECT 's', 'old ' || i, 'f', 200, 't', 'b', clock_timestamp() - interval '24 hours 1 minute'
     FROM generate_series(1, 12000) i
     UNION ALL
     SELECT 's', 'young', 'f', 200, 't', 'b', clock_timestamp() - interval '23 hours 59 minutes'`,
  );
  expect((await prune(db))['answers']).toBe(12_000);
  expect(await answersOf()).toEqual(['young']);
});

describe('a dead letter', () => {
  test('is deleted a week after it was replayed, and kept until then', async () => {
    await db.query(
      `INSERT INTO platform.dead_letters (consumer, seq, tries, error, died_at, replayed_at)
       SELECT 'mails', l.seq, 5, 'e', clock_timestamp() - interval '1 year',
         clock_timestamp() - l.age::interval
       FROM (VALUES (1, '7 days 1 minute'), (2, '6 days 23 hours'), (3, NULL)) AS l (seq, age)`,
    );
    await prune(db);
    const kept = await db.query('SELECT seq FROM platform.dead_letters ORDER BY seq');
    expect(kept).toEqual([{ seq: 2 }, { seq: 3 }]);
  });
});

test('seen events are kept for as long as a consumer checks them', async () => {
  await db.query(
    `INSERT INTO platform.cursors (consumer, seq, inbox_until)
     VALUES ('mails', 4, clock_timestamp() + interval '1 h')`,
  );
  await db.query(`INSERT INTO platform.inbox (consumer, seq) VALUES ('mails', 4)`);
  const countSeen = async () => (await db.query('SELECT FROM platform.inbox')).length;
  await prune(db);
  expect(await countSeen()).toBe(1);
  await db.query('UPDATE platform.cursors SET inbox_until = clock_timestamp()');
  await prune(db);
  expect(await countSeen()).toBe(0);
});

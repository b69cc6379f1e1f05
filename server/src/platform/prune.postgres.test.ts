import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from './postgres/sql.ts';
import { prune } from './prune.ts';

const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
afterAll(() => db.close());

const answersOf = async () =>
  (await db.query<{ key: string }>('SELECT key FROM platform.answers')).map((row) => row.key);
const eventsOf = async () =>
  (await db.query<{ id: string }>('SELECT id FROM platform.outbox ORDER BY id')).map(
    (row) => row.id,
  );
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

describe('an event that is older than a week', () => {
  beforeEach(async () => {
    await db.query('TRUNCATE platform.outbox, platform.cursors, platform.parked RESTART IDENTITY');
    await db.query('TRUNCATE platform.dead_letters, platform.inbox');
    await db.query(
      `INSERT INTO platform.outbox (id, show_id, type, payload, created_at)
       SELECT e.id, 's', 't', '{}', clock_timestamp() - e.age::interval
       FROM (VALUES ('evt_1', '8 days'), ('evt_2', '8 days'), ('evt_3', '8 days'),
         ('evt_4', '6 days')) AS e (id, age)`,
    );
  });
  const addCursors = (...cursors: readonly [name: string, seq: number, servedAgo: string][]) =>
    db.query(
      `INSERT INTO platform.cursors (consumer, seq, until)
       SELECT c.name, c.seq, clock_timestamp() - c.ago::interval
       FROM unnest($1::text[], $2::bigint[], $3::text[]) AS c (name, seq, ago)`,
      [
        cursors.map(([name]) => name),
        cursors.map(([, seq]) => seq),
        cursors.map(([, , ago]) => ago),
      ],
    );

  test('is deleted when every consumer has processed it; a younger one is not', async () => {
    await addCursors(['mails', 4, '0 s'], ['ranking', 4, '1 day']);
    await prune(db);
    expect(await eventsOf()).toEqual(['evt_4']);
  });
  test('is kept for a consumer that has not reached it, whether served now or not', async () => {
    await addCursors(['mails', 4, '0 s'], ['ranking', 1, '29 days']);
    await prune(db);
    expect(await eventsOf()).toEqual(['evt_2', 'evt_3', 'evt_4']);
  });
  test('is not kept for a consumer that nobody has served in 30 days', async () => {
    await addCursors(['mails', 4, '0 s'], ['removed', 1, '31 days']);
    await prune(db);
    expect(await eventsOf()).toEqual(['evt_4']);
  });
  test('is kept while it is parked or a dead letter names it', async () => {
    await addCursors(['mails', 4, '0 s']);
    await db.query(
      `INSERT INTO platform.dead_letters (consumer, event_id, show_id, type, payload, tries, error)
       VALUES ('mails', 'evt_1', 's', 't', '{}', 5, 'e')`,
    );
    await db.query(
      `INSERT INTO platform.parked (consumer, show_id, seq, tries, again_at)
       VALUES ('mails', 's', 2, 1, clock_timestamp())`,
    );
    await prune(db);
    expect(await eventsOf()).toEqual(['evt_1', 'evt_2', 'evt_4']);
  });
  test('stays in the inbox for as long as a consumer checks it', async () => {
    await addCursors(['mails', 4, '0 s']);
    await db.query(`INSERT INTO platform.inbox (consumer, event_id) VALUES ('mails', 'evt_4')`);
    const inbox = async () => (await db.query('SELECT FROM platform.inbox')).length;
    await db.query(`UPDATE platform.cursors SET inbox_until = clock_timestamp() + '1 h'::interval`);
    await prune(db);
    expect(await inbox()).toBe(1);
    await db.query('UPDATE platform.cursors SET inbox_until = clock_timestamp()');
    await prune(db);
    expect(await inbox()).toBe(0);
  });
});

import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterAll, expect, test } from 'vitest';
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
const seenOf = async () =>
  (await db.query<{ event_id: string }>('SELECT event_id FROM platform.inbox ORDER BY 1')).map(
    (row) => row.event_id,
  );

test('an answer is kept for 24 hours and forgotten after that, of any number', async () => {
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

test('an event not passed on, or that a dead letter names, is never forgotten', async () => {
  await db.query(
    `INSERT INTO platform.outbox (id, show_id, type, payload, created_at, published_at)
     SELECT e.id, 's', 't', '{}', clock_timestamp() - interval '30 days',
       clock_timestamp() - e.published::interval
     FROM (VALUES ('evt_old', '8 days'), ('evt_dead', '8 days'), ('evt_new', '6 days'),
       ('evt_waits', NULL)) AS e (id, published)`,
  );
  await db.query(
    `INSERT INTO platform.dead_letters (consumer, event_id, show_id, type, payload, tries, error)
     VALUES ('c', 'evt_dead', 's', 't', '{}', 5, 'e')`,
  );
  await db.query(
    `INSERT INTO platform.inbox (consumer, event_id, seen_at)
     SELECT 'c', id, clock_timestamp() - interval '9 days' FROM platform.outbox`,
  );
  await prune(db);
  expect(await eventsOf()).toEqual(['evt_dead', 'evt_new', 'evt_waits']);
  // As long as an event is there, it is known who has seen it: nobody takes it twice.
  expect(await seenOf()).toEqual(['evt_dead', 'evt_new', 'evt_waits']);
});

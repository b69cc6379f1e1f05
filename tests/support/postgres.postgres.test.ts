import pg from 'pg';
import { expect, test } from 'vitest';
import { makeTestDatabase } from './postgres.ts';

const first = await makeTestDatabase();
const second = await makeTestDatabase();

const ask = async (url: string, sql: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

test('a test database has the migrations applied', async () => {
  const rows = await ask(first.url, "SELECT FROM pg_namespace WHERE nspname = 'platform'");
  expect(rows).toHaveLength(1);
});

test('test databases do not share data', async () => {
  await ask(first.url, 'CREATE TABLE mine ()');
  const rows = await ask(second.url, "SELECT FROM pg_tables WHERE tablename = 'mine'");
  expect(rows).toEqual([]);
});

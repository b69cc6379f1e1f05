import { expect, test } from 'vitest';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { silentLog } from '../support/log.ts';
import { makeEmptyDatabase, makeTestDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { finish } from '../support/usher-process.ts';

/** The errors that were printed, by the variable that each begins with. */
const faultsIn = (said: string): Record<string, string> =>
  Object.fromEntries([...said.matchAll(/^ {2}([A-Z_]+): (.+)$/gm)].map(([, n, why]) => [n, why]));

test('check-config lists every configuration error at once, in the operator’s terms', async () => {
  const { code, said } = await finish(['check-config'], {
    PORT: '99999',
    HOLD_TTL_MS: '7 minutes',
    PUBLIC_URL: 'usher',
    LOG_LEVEL: 'loud',
    USHER_SERVICES: 'seats,kitchen',
    DATABASE_URL: 'mysql://somewhere',
    USHER_SECRET: 'short',
  });
  expect(code).toBe(1);
  expect(Object.keys(faultsIn(said)).sort()).toEqual([
    'DATABASE_URL',
    'HOLD_TTL_MS',
    'LOG_LEVEL',
    'PORT',
    'PUBLIC_URL',
    'USHER_SECRET',
    'USHER_SERVICES',
  ]);
});

test('check-config and start refuse settings that are unsafe in production', async () => {
  const unsafe = {
    USHER_ENV: 'production',
    PUBLIC_URL: 'http://tickets.example',
    USHER_SECRET: 'change me change me change me change me',
    TOSS_URL: 'https://api.tosspayments.com',
    TOSS_SECRET_KEY: 'sandbox_sk_usher_demo',
    TOSS_CLIENT_KEY: 'live_ck_something',
    RATE_LIMITS: 'false',
    USHER_DATA_DIR: await scratchFolder(),
  };
  const checked = await finish(['check-config'], unsafe);
  expect(checked.code).toBe(1);
  expect(faultsIn(checked.said)).toMatchObject({
    DATABASE_URL: expect.stringContaining('must be set in production'),
    SMTP_URL: expect.stringContaining('must be set in production'),
    PUBLIC_URL: expect.stringContaining('https'),
    USHER_SECRET: expect.stringContaining('example value'),
    TOSS_SECRET_KEY: expect.stringContaining('example value'),
    RATE_LIMITS: expect.stringContaining('must not be false'),
  });
  const started = await finish(['start'], unsafe);
  expect([started.code, faultsIn(started.said)]).toEqual([1, faultsIn(checked.said)]);
});

test('check-config prints a valid configuration without its secrets', async () => {
  const { code, said } = await finish(['check-config'], {
    USHER_ENV: 'production',
    PUBLIC_URL: 'https://tickets.example',
    DATABASE_URL: 'postgres://usher:hunter2-of-the-database@db.example/usher',
    USHER_SECRET: 'qW4mZ8rT1yU6iO3pA7sD2fG9hJ5kL0xC',
    TOSS_URL: 'https://api.tosspayments.com',
    TOSS_SECRET_KEY: 'live_sk_9f8e7d6c5b4a',
    TOSS_CLIENT_KEY: 'live_ck_1a2b3c4d5e6f',
    SMTP_URL: 'smtps://usher:hunter2-of-the-mail@mail.example',
    MAIL_FROM: 'Tickets <tickets@tickets.example>',
  });
  expect([code, faultsIn(said)]).toEqual([0, {}]);
  expect(said).toContain('PUBLIC_URL=https://tickets.example');
  expect(said).toContain('db.example/usher');
  for (const secret of ['hunter2', 'qW4mZ8rT', '9f8e7d', '1a2b3c'])
    expect(said).not.toContain(secret);
});

test('an unknown command has a different exit code than a failed command', async () => {
  const { code, said } = await finish(['sell-everything'], {});
  expect(code).toBe(2);
  expect(said).toContain("there is no command 'sell-everything'");
});

test('two programs can migrate the same empty database at once, and both succeed', async () => {
  const { url } = await makeEmptyDatabase();
  const migrate = async () =>
    finish(['migrate'], {
      DATABASE_URL: url,
      USHER_DATA_DIR: await scratchFolder(),
      LOG_LEVEL: 'warn',
    });
  const both = await Promise.all([migrate(), migrate()]);
  expect(both.map(({ code, said }) => [code, said])).toEqual([
    [0, 'the database is up to date\n'],
    [0, 'the database is up to date\n'],
  ]);
  // The result is the same as with one program.
  expect(await describeDatabase(url)).toEqual(
    await describeDatabase((await makeTestDatabase()).url),
  );
});

/** Tables, functions and the record of migrations, without times. */
const describeDatabase = async (url: string) => {
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 1 });
  try {
    return {
      tables: await db.query(
        `SELECT table_schema, table_name, count(*) AS columns FROM information_schema.columns
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
         GROUP BY 1, 2 ORDER BY 1, 2`,
      ),
      migrations: await db.query('SELECT name FROM platform.migrations ORDER BY id'),
      routines: await db.query('SELECT name, digest FROM platform.routines ORDER BY name'),
    };
  } finally {
    await db.close();
  }
};

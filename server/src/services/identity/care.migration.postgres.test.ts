import { makeOldDatabase, runMigrations } from '@usher/tests/support/old-database.ts';
import { expect, test } from 'vitest';
import { silentLog } from '../../platform/log.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';

test('accounts from before count as confirmed, and their history stays', async () => {
  const { url } = await makeOldDatabase(20);
  const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
  await db.query(
    `INSERT INTO identity.accounts (id, email, name, role, locale, password_hash, created_at)
     VALUES ('acc_1', 'minji@example.com', '김민지', 'BUYER', 'ko', '$argon2id$', '2026-11-01Z')`,
  );
  await db.query(
    `INSERT INTO identity.audit (at, who, what, account_id, why)
     VALUES ('2026-11-01Z', 'acc_1', 'account.made', 'acc_1', 'sign-up')`,
  );
  await runMigrations(url, 10);
  const accounts = await db.query(
    'SELECT email, confirmed_at = created_at AS "isConfirmed", left_at FROM identity.accounts',
  );
  expect(accounts).toEqual([{ email: 'minji@example.com', isConfirmed: true, left_at: null }]);
  expect(await db.query('SELECT what FROM identity.audit')).toEqual([{ what: 'account.made' }]);
  await db.close();
});

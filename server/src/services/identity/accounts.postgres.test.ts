import { role } from '@usher/contract/identity.ts';
import { withClient } from '@usher/tests/support/databases.ts';
import { openTestIdentity } from '@usher/tests/support/identity.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { makeIds } from '../../platform/ids.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { makeEndedSessions } from './events.ts';
import { makeIdentityStore, type NewAccount } from './store.ts';

const { url } = await makeTestDatabase();
const clock = manualClock(Date.parse('2026-12-24T10:00:00.000Z'));
const ids = makeIds(clock);
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What one process needs for accounts, with cheap hashes. */
const openProcess = async (databaseUrl = url) => {
  const db = openDatabase({ url: databaseUrl, name: 'test', log: silentLog, poolMax: 6 });
  const metrics = makeMetrics();
  const nowMs = () => clock.nowMs();
  const store = makeIdentityStore({ db, metrics, nowMs, refreshTokenTtlMs: 3_600_000 });
  const ended = await makeEndedSessions({ clock, log: silentLog, endedSince: store.endedSince });
  const identity = openTestIdentity({ store, ended, clock });
  closers.push(async () => {
    await store.close();
    await db.close();
  });
  return { identity, store, db, metrics };
};

const minji = { password: 'four words of mine', name: '김민지', locale: 'ko' as const };

describe('fifty sign-ups with one e-mail at the same moment, on two processes', () => {
  const race = async (databaseUrl: string) => {
    const offices = [await openProcess(databaseUrl), await openProcess(databaseUrl)] as const;
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        offices[i % 2 === 0 ? 0 : 1].identity.signUp(
          { ...minji, email: 'minji@example.com', name: `person ${i}` },
          { address: '192.0.2.1', requestId: `request-${i}`, browserToken: null },
        ),
      ),
    );
    const { db } = offices[0];
    const [counts] = await db.query<{ accounts: number; sessions: number; notes: number }>(
      `SELECT (SELECT count(*) FROM identity.accounts) AS accounts,
         (SELECT count(*) FROM identity.sessions) AS sessions,
         (SELECT count(*) FROM identity.audit) AS notes`,
    );
    const winners = results.filter((result) => result.outcome === 'signed-in');
    const names = await db.query<{ name: string }>('SELECT name FROM identity.accounts');
    return { winners, others: results.length - winners.length, counts, names };
  };

  test('create one account with one session, and only its creator is signed in', async () => {
    const { winners, others, counts, names } = await race((await makeTestDatabase()).url);
    expect(others).toBe(49);
    expect(counts).toEqual({ accounts: 1, sessions: 1, notes: 2 });
    expect(names).toEqual([{ name: winners[0]?.account.name }]);
  });

  test('(guard off: without the constraint fifty accounts have the same e-mail)', async () => {
    const planted = await makeTestDatabase();
    await withClient(planted.url, (client) =>
      client.query('ALTER TABLE identity.accounts DROP CONSTRAINT accounts_email'),
    );
    const { winners, counts } = await race(planted.url);
    expect(winners).toHaveLength(50);
    expect(counts).toMatchObject({ accounts: 50 });
  });
});

describe('sign-up', () => {
  test('of a crowd creates all accounts in far fewer statements than people', async () => {
    const { identity, db, metrics } = await openProcess();
    const crowd = Array.from({ length: 300 }, (_, i) => `crowd-${i}@example.com`);
    const results = await Promise.all(
      crowd.map((email) =>
        identity.signUp(
          { ...minji, email },
          { address: '192.0.2.1', requestId: 'r', browserToken: null },
        ),
      ),
    );
    expect(results.filter(({ outcome }) => outcome === 'signed-in')).toHaveLength(300);
    const rows = await db.query("SELECT FROM identity.accounts WHERE email LIKE 'crowd-%'");
    expect(rows).toHaveLength(300);
    const { values } = await metrics.batchSizes.get();
    const batches = values.find(
      ({ metricName, labels }) =>
        metricName === 'usher_batch_size_count' && labels['batch'] === 'add-accounts',
    );
    expect(batches?.value).toBeLessThan(100);
  });

  test('of the same people in different orders on two processes cannot deadlock', async () => {
    const offices = [await openProcess(), await openProcess()] as const;
    const entryOf = (letter: string): NewAccount => ({
      account: {
        id: ids.make('account'),
        email: `${letter}@example.com`,
        name: 'x',
        role: 'BUYER',
        locale: 'ko',
        emailConfirmed: true,
        createdAt: new Date(clock.nowMs()).toISOString(),
      },
      passwordHash: 'x',
      mailbox: null,
      session: null,
      cause: { who: 'system', why: 'test', requestId: null },
    });
    const addAll = (office: (typeof offices)[0], letters: string) =>
      [...letters].map((letter) => office.store.addAccount(entryOf(letter)));
    await withClient(url, async (holder) => {
      // Stops both in the middle, when each holds what the other needs next.
      await holder.query('BEGIN');
      await holder.query(
        `INSERT INTO identity.accounts
         VALUES ('acc_m', 'm@example.com', 'x', 'BUYER', 'ko', 'x', now())`,
      );
      const all = [addAll(offices[0], 'amb'), addAll(offices[1], 'bma')].flat();
      await vi.waitFor(
        async () => {
          // Not on the lock holder's connection: its view of others is frozen during its
          // transaction.
          const waiting = await offices[0].db.query(
            `SELECT FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          expect(waiting).toHaveLength(2);
        },
        { timeout: 10_000 },
      );
      await holder.query('ROLLBACK');
      expect((await Promise.all(all)).filter((isNew) => isNew)).toHaveLength(3);
    });
  });

  test('refuses passwords that attackers try first, in any case, and the e-mail', async () => {
    const { identity } = await openProcess();
    const email = 'long.name@example.com';
    for (const password of ['12345678', 'QWER1234', 'dkssudgktpdy', email, 'Long.Name']) {
      expect(
        await identity.signUp(
          { ...minji, email, password },
          { address: '192.0.2.1', requestId: 'r', browserToken: null },
        ),
      ).toEqual({
        outcome: 'password-too-common',
      });
    }
    const decomposed = '비밀번호1234'.normalize('NFD');
    expect(
      await identity.signUp(
        { ...minji, email, password: decomposed },
        { address: '192.0.2.1', requestId: 'r', browserToken: null },
      ),
    ).toEqual({
      outcome: 'password-too-common',
    });
  });

  test('stores a name in composed form, however it was typed, and no password', async () => {
    const { identity, db } = await openProcess();
    const name = '김민지'.normalize('NFD');
    await identity.signUp(
      { ...minji, name, email: 'nfd@example.com' },
      { address: '192.0.2.1', requestId: 'r', browserToken: null },
    );
    const rows = await db.query<{ name: string; text: string }>(
      "SELECT name, a::text AS text FROM identity.accounts a WHERE email = 'nfd@example.com'",
    );
    expect(rows[0]?.name).toBe('김민지'.normalize('NFC'));
    expect(rows[0]?.text).not.toContain(minji.password);
  });

  test('records who did what, why and in which request', async () => {
    const { identity, db } = await openProcess();
    const made = await identity.signUp(
      { ...minji, email: 'trail@example.com' },
      { address: '192.0.2.1', requestId: 'request-1', browserToken: null },
    );
    if (made.outcome !== 'signed-in') throw new Error('not signed in');
    const again = { email: 'trail@example.com', password: minji.password };
    await identity.logIn(again, {
      address: '192.0.2.1',
      requestId: 'request-2',
      browserToken: null,
    });
    const { id } = made.account;
    const common = { who: id, account_id: id };
    expect(
      await db.query(
        `SELECT who, what, account_id, why, request_id FROM identity.audit
         WHERE account_id = $1 ORDER BY seq`,
        [id],
      ),
    ).toEqual([
      { ...common, what: 'account.made', why: 'sign-up', request_id: 'request-1' },
      { ...common, what: 'session.started', why: 'sign-up', request_id: 'request-1' },
      { ...common, what: 'session.started', why: 'log-in', request_id: 'request-2' },
    ]);
  });
});

test('the audit trail cannot be changed, shortened or truncated', async () => {
  const { identity, db } = await openProcess();
  await identity.signUp(
    { ...minji, email: 'kept@example.com' },
    { address: '192.0.2.1', requestId: 'r', browserToken: null },
  );
  for (const statement of [
    "UPDATE identity.audit SET who = 'nobody'",
    'DELETE FROM identity.audit',
    'TRUNCATE identity.audit',
  ]) {
    await expect(db.query(statement)).rejects.toThrow('only ever added to');
  }
});

test('the database itself refuses an e-mail that is not in lower case', async () => {
  const { db } = await openProcess();
  const insert = `INSERT INTO identity.accounts
    (id, email, name, role, locale, password_hash, created_at)
    VALUES ('acc_1', 'Minji@example.com', 'x', 'BUYER', 'ko', 'x', now())`;
  await expect(db.query(insert)).rejects.toThrow('accounts_email_check');
});

describe('an account that the program creates', () => {
  const operator = {
    email: 'Operator@Example.com',
    password: 'operator',
    name: '운영자',
    role: 'OPERATOR' as const,
    locale: 'ko' as const,
  };

  test('is created once, by whichever process, and never changed afterwards', async () => {
    const offices = [await openProcess(), await openProcess()] as const;
    const asked = Array.from({ length: 20 }, (_, i) =>
      offices[i % 2 === 0 ? 0 : 1].identity.ensureAccount(operator),
    );
    const made = new Set(await Promise.all(asked));
    expect(made.size).toBe(1);
    const [id] = made;
    const { identity, db } = offices[0];
    const changed = { ...operator, email: 'operator@example.com', role: 'BUYER' as const };
    expect(await identity.ensureAccount(changed)).toBe(id);
    expect(
      await db.query('SELECT role FROM identity.accounts WHERE email = $1', [changed.email]),
    ).toEqual([{ role: 'OPERATOR' }]);
  });

  test('can sign in and call what its role allows', async () => {
    const { identity } = await openProcess();
    const id = await identity.ensureAccount(operator);
    const given = { email: 'operator@example.com', password: operator.password };
    const result = await identity.logIn(given, {
      address: '192.0.2.1',
      requestId: 'r',
      browserToken: null,
    });
    if (result.outcome !== 'signed-in') throw new Error('not signed in');
    const caller = identity.authenticate(result.accessToken);
    expect(caller).toMatchObject({ accountId: id, role: 'OPERATOR' });
    expect(caller !== null && identity.mayCall('operator', caller)).toBe(true);
  });

  test('is readable for other services by id, without its role or hash', async () => {
    const { identity } = await openProcess();
    const id = await identity.ensureAccount(operator);
    const found = await identity.accounts([id, 'acc_00000000000000000000000000']);
    expect([...found]).toEqual([
      [id, { id, email: 'operator@example.com', name: '운영자', locale: 'ko', mayBeMailed: true }],
    ]);
    expect(await identity.accounts([])).toEqual(new Map());
  });
});

test('the contract and the database have the same roles', async () => {
  const { db } = await openProcess();
  const [row] = await db.query<{ rule: string }>(
    `SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint
     WHERE conname = 'accounts_role_check'`,
  );
  const known = [...(row?.rule ?? '').matchAll(/'([A-Z]+)'/g)].map((match) => match[1]);
  expect(known.sort()).toEqual([...role.options].sort());
});

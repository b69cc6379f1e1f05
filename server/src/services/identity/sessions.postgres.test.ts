import { withClient } from '@usher/tests/support/databases.ts';
import { openTestIdentity } from '@usher/tests/support/identity.ts';
import { plantBug } from '@usher/tests/support/planted.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openListener } from '../../platform/postgres/listen.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { endedSessionsChannel, makeEndedSessions } from './events.ts';
import { makePruneSessions } from './jobs.ts';
import type { SignedIn } from './service.ts';
import { makeIdentityStore } from './store.ts';

const graceMs = 10_000;
const dayMs = 24 * 3_600_000;
const { url } = await makeTestDatabase();

const clock = manualClock(Date.parse('2026-12-24T10:00:00.000Z'));
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** This service as it runs in one process, with cheap hashes. */
const openProcess = async (options: { url?: string; isDeaf?: boolean } = {}) => {
  const databaseUrl = options.url ?? url;
  const db = openDatabase({ url: databaseUrl, name: 'test', log: silentLog, poolMax: 6 });
  const metrics = makeMetrics();
  const store = makeIdentityStore({
    db,
    metrics,
    nowMs: () => clock.nowMs(),
    refreshTokenTtlMs: 14 * dayMs,
  });
  const ended = await makeEndedSessions({ clock, log: silentLog, endedSince: store.endedSince });
  const following = ended.follow();
  const listener = await openListener({
    url: databaseUrl,
    clock,
    log: silentLog,
    channels: new Map(options.isDeaf ? [] : [[endedSessionsChannel, ended.heard]]),
  });
  const identity = openTestIdentity({ store, ended, clock, refreshTokenTtlMs: 14 * dayMs });
  closers.push(async () => {
    await listener.close();
    await following.stop();
    await store.close();
    await db.close();
    metrics.close();
  });
  return { identity, store, ended, db };
};

let people = 0;
type Process = Awaited<ReturnType<typeof openProcess>>;

const signUp = async ({ identity }: Process): Promise<SignedIn> => {
  const email = `person-${++people}@example.com`;
  const rest = { password: 'four words of mine', name: '김민지', locale: 'ko' as const };
  return expectSignedIn(
    await identity.signUp(
      { email, ...rest },
      { address: '192.0.2.1', requestId: 'request-sign-up', browserToken: null },
    ),
  );
};

const expectSignedIn = (result: { outcome: string }): SignedIn => {
  expect(result.outcome).toBe('signed-in');
  return result as SignedIn;
};
const refresh = async ({ identity }: Process, token: string): Promise<SignedIn> =>
  expectSignedIn(await identity.refresh(token, 'request-refresh'));

const sessionIdOf = ({ identity }: Process, { accessToken }: SignedIn): string =>
  identity.authenticate(accessToken)?.sessionId ?? 'none';

const auditOf = ({ db }: Process, accountId: string) =>
  db.query(
    `SELECT who, what, session_id, why, request_id FROM identity.audit
     WHERE account_id = $1 ORDER BY seq`,
    [accountId],
  );

/** A database whose function lacks a guard. */
const databaseWithout = async (guard: string, instead: string): Promise<string> => {
  const database = await makeTestDatabase();
  await plantBug(database.url, 'identity/sql/rotate-sessions.sql', [{ from: guard, to: instead }]);
  return database.url;
};

describe('a refresh token', () => {
  test('is valid once: used again after the grace it ends the session for both', async () => {
    const office = await openProcess();
    const victim = await signUp(office);
    const sessionId = sessionIdOf(office, victim);
    const next = await refresh(office, victim.refreshToken);
    expect(next.refreshToken).not.toBe(victim.refreshToken);
    await clock.advance(graceMs);
    expect(await office.identity.refresh(victim.refreshToken, 'request-thief')).toEqual({
      outcome: 'refused',
    });
    expect(office.identity.authenticate(next.accessToken)).toBeNull();
    expect(await office.identity.refresh(next.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    expect((await auditOf(office, victim.account.id)).at(-1)).toEqual({
      who: 'system',
      what: 'session.ended',
      session_id: sessionId,
      why: 'a refresh token was used twice',
      request_id: 'request-thief',
    });
  });

  test('(guard off: without the check a stolen token works beside the true one)', async () => {
    const planted = await databaseWithout("ELSE 'reused'", "ELSE 'repeated'");
    const office = await openProcess({ url: planted });
    const victim = await signUp(office);
    await refresh(office, victim.refreshToken);
    await clock.advance(graceMs);
    await refresh(office, victim.refreshToken);
  });

  test('that is used again within the grace gets the same successor', async () => {
    const office = await openProcess();
    const first = await signUp(office);
    const next = await refresh(office, first.refreshToken);
    await clock.advance(graceMs - 1);
    const again = await refresh(office, first.refreshToken);
    expect(again.refreshToken).toBe(next.refreshToken);
    expect(office.identity.authenticate(again.accessToken)).not.toBeNull();
    await clock.advance(graceMs);
    await refresh(office, again.refreshToken);
  });

  test('that comes late, after two more refreshes, gets the newest token', async () => {
    const office = await openProcess();
    const first = await signUp(office);
    const second = await refresh(office, first.refreshToken);
    const third = await refresh(office, second.refreshToken);
    const late = await refresh(office, first.refreshToken);
    expect(late.refreshToken).toBe(third.refreshToken);
    await clock.advance(graceMs);
    await refresh(office, late.refreshToken);
  });

  test('has its grace period from its own use, not from a later refresh', async () => {
    const office = await openProcess();
    const first = await signUp(office);
    const second = await refresh(office, first.refreshToken);
    await clock.advance(graceMs - 1);
    await refresh(office, second.refreshToken);
    await clock.advance(1);
    expect(await office.identity.refresh(first.refreshToken, 'r')).toEqual({ outcome: 'refused' });
  });

  test('is distinguished from forgeries, including those of future generations', async () => {
    const office = await openProcess();
    const mine = await signUp(office);
    const { accessToken, refreshToken } = mine;
    const [, payload = ''] = refreshToken.split('.');
    const body = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...body, g: 2 })).toString('base64url');
    const wrong = ['', 'x', accessToken, `${refreshToken}x`, refreshToken.replace(payload, forged)];
    for (const token of wrong) {
      expect(await office.identity.refresh(token, 'r')).toEqual({ outcome: 'refused' });
    }
    await refresh(office, refreshToken);
  });

  test('is not stored in the database, and neither is its random part', async () => {
    const office = await openProcess();
    const { refreshToken } = await signUp(office);
    const payload = Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString();
    const { k } = JSON.parse(payload) as { k: string };
    expect(Buffer.from(k, 'base64url')).toHaveLength(16);
    const rows = await office.db.query<{ text: string }>(
      "SELECT s::text || encode(s.secret_hash, 'escape') AS text FROM identity.sessions s",
    );
    const all = rows.map(({ text }) => text).join();
    expect(all).toContain('ses_');
    expect(all).not.toContain(k);
    expect(all).not.toContain(Buffer.from(k).toString('hex'));
    expect(all).not.toContain(Buffer.from(k, 'base64url').toString('hex'));
  });
});

describe('a session', () => {
  test('ends 14 days after its last refresh, and after 90 days in any case', async () => {
    const office = await openProcess();
    const idle = await signUp(office);
    let busy = await signUp(office);
    await clock.advance(14 * dayMs);
    expect(await office.identity.refresh(idle.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    expect(await office.identity.refresh(busy.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    const startedMs = clock.nowMs();
    busy = await signUp(office);
    for (let day = 0; day < 84; day += 12) {
      await clock.advance(12 * dayMs);
      busy = await refresh(office, busy.refreshToken);
    }
    expect(busy.sessionEndsAtMs).toBe(startedMs + 90 * dayMs);
    await clock.advance(6 * dayMs - 1);
    busy = await refresh(office, busy.refreshToken);
    expect(busy.accessTokenEndsAtMs).toBe(startedMs + 90 * dayMs);
    await clock.advance(1);
    expect(await office.identity.refresh(busy.refreshToken, 'r')).toEqual({ outcome: 'refused' });
  });

  test('is deleted a day after it expired, and no other is', async () => {
    const office = await openProcess();
    const [loggedOut, alive] = [await signUp(office), await signUp(office)];
    const caller = office.identity.authenticate(loggedOut.accessToken);
    if (caller === null) throw new Error('not signed in');
    await office.identity.logOut(caller, 'r');
    const job = makePruneSessions({ clock, log: silentLog, prune: office.store.prune });
    const kept = async () => {
      await job.run(null);
      const rows = await office.db.query<{ account_id: string }>(
        'SELECT account_id FROM identity.sessions WHERE account_id = ANY ($1)',
        [[loggedOut.account.id, alive.account.id]],
      );
      return rows.map((row) => row.account_id).sort();
    };
    await clock.advance(dayMs);
    expect(await kept()).toEqual([loggedOut.account.id, alive.account.id].sort());
    await clock.advance(1);
    expect(await kept()).toEqual([alive.account.id]);
    await clock.advance(14 * dayMs);
    expect(await kept()).toEqual([]);
    expect(await auditOf(office, alive.account.id)).toHaveLength(2);
  });

  test('that another transaction has locked is pruned later without waiting', async () => {
    const office = await openProcess();
    await signUp(office);
    await clock.advance(30 * dayMs);
    await withClient(url, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM identity.sessions FOR UPDATE');
      expect(await office.store.prune(clock.nowMs(), 100)).toBe(0);
      await holder.query('ROLLBACK');
    });
    expect(await office.store.prune(clock.nowMs(), 100)).toBeGreaterThan(0);
  });
});

describe('fifty refreshes of one token at the same moment, on two processes', () => {
  /** Both processes' batches wait for the session's lock when it is released. */
  const race = async (databaseUrl: string) => {
    const offices = [
      await openProcess({ url: databaseUrl }),
      await openProcess({ url: databaseUrl }),
    ] as const;
    const first = await signUp(offices[0]);
    const holder = new pg.Client({ connectionString: databaseUrl });
    await holder.connect();
    closers.push(() => holder.end());
    await holder.query('BEGIN');
    await holder.query('SELECT FROM identity.sessions FOR UPDATE');
    const all = offices.map((office) =>
      Promise.all(
        Array.from({ length: 25 }, () => office.identity.refresh(first.refreshToken, 'r')),
      ),
    );
    await vi.waitFor(
      async () => {
        // Not on the lock holder's connection: its view of others is frozen during its transaction.
        const waiting = await offices[0].db.query(
          `SELECT FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(waiting).toHaveLength(2);
      },
      { timeout: 10_000 },
    );
    await holder.query('COMMIT');
    const answers = (await Promise.all(all)).flat().map(expectSignedIn);
    const sessions = await offices[0].db.query('SELECT FROM identity.sessions');
    const tokens = [...new Set(answers.map((answer) => answer.refreshToken))];
    return { office: offices[0], answers, tokens, sessions: sessions.length };
  };

  test('leave one session, and every answer is the one token that is valid now', async () => {
    const { office, answers, tokens, sessions } = await race((await makeTestDatabase()).url);
    expect({ sessions, answers: answers.length, tokens: tokens.length }).toEqual({
      sessions: 1,
      answers: 50,
      tokens: 1,
    });
    await clock.advance(graceMs);
    await refresh(office, tokens[0] ?? '');
  });

  test('(guard off: without the lock half are logged out by their next refresh)', async () => {
    const planted = await databaseWithout(
      'PERFORM FROM identity.sessions WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE;',
      '',
    );
    const { office, tokens } = await race(planted);
    expect(tokens).toHaveLength(2);
    await clock.advance(graceMs);
    const outcomes = [];
    for (const token of tokens) outcomes.push((await office.identity.refresh(token, 'r')).outcome);
    expect(outcomes).toContain('refused');
  });
});

describe('a log-out on one process', () => {
  const logOutOn = async (office: Process, { accessToken }: SignedIn) => {
    const caller = office.identity.authenticate(accessToken);
    if (caller === null) throw new Error('not signed in');
    await office.identity.logOut(caller, 'request-log-out');
    return caller;
  };
  const isRefused = (office: Process, { accessToken }: SignedIn) =>
    office.identity.authenticate(accessToken) === null;

  test('takes effect there at once, and its refresh token is invalid everywhere', async () => {
    const [here, there] = [await openProcess(), await openProcess()];
    const me = await signUp(here);
    const { sessionId } = await logOutOn(here, me);
    expect(isRefused(here, me)).toBe(true);
    expect(await there.identity.refresh(me.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    expect((await auditOf(here, me.account.id)).at(-1)).toEqual({
      who: me.account.id,
      what: 'session.ended',
      session_id: sessionId,
      why: 'log-out',
      request_id: 'request-log-out',
    });
  });

  test('takes effect in the other process without any request or polling', async () => {
    const [here, there] = [await openProcess(), await openProcess()];
    const me = await signUp(here);
    const bystander = await signUp(here);
    expect(isRefused(there, me)).toBe(false);
    await logOutOn(here, me);
    // Only real time passes here, not the clock that triggers rereading sessions.
    await vi.waitFor(() => expect(isRefused(there, me)).toBe(true), { timeout: 10_000 });
    expect(isRefused(there, bystander)).toBe(false);
  });

  test('refuses a token that both processes have verified and used many times', async () => {
    const [here, there] = [await openProcess(), await openProcess()];
    const me = await signUp(here);
    for (let use = 0; use < 5; use++)
      expect([isRefused(here, me), isRefused(there, me)]).toEqual([false, false]);
    await logOutOn(here, me);
    expect(isRefused(here, me)).toBe(true);
    await vi.waitFor(() => expect(isRefused(there, me)).toBe(true), { timeout: 10_000 });
  });

  test('(guard off: a process that does not listen still accepts the token)', async () => {
    const [here, witness] = [await openProcess(), await openProcess()];
    const deaf = await openProcess({ isDeaf: true });
    const me = await signUp(here);
    await logOutOn(here, me);
    await vi.waitFor(() => expect(isRefused(witness, me)).toBe(true), { timeout: 10_000 });
    expect(isRefused(deaf, me)).toBe(false);
  });

  test('that a process could not receive is read after the gap, or within 5 s', async () => {
    const here = await openProcess();
    const told = await openProcess({ isDeaf: true });
    const untold = await openProcess({ isDeaf: true });
    const me = await signUp(here);
    await logOutOn(here, me);
    told.ended.heard('');
    await vi.waitFor(() => expect(isRefused(told, me)).toBe(true), { timeout: 10_000 });
    expect(isRefused(untold, me)).toBe(false);
    await clock.advance(5000);
    await vi.waitFor(() => expect(isRefused(untold, me)).toBe(true), { timeout: 10_000 });
  });

  test('is known to a process that starts later, as long as the token is valid', async () => {
    const here = await openProcess();
    const me = await signUp(here);
    await logOutOn(here, me);
    const later = await openProcess();
    expect(isRefused(later, me)).toBe(true);
  });

  test('is known to a later process, too, if the reuse of a token caused it', async () => {
    const [here, there] = [await openProcess(), await openProcess()];
    const me = await signUp(here);
    const next = await refresh(here, me.refreshToken);
    await clock.advance(graceMs);
    expect(isRefused(there, next)).toBe(false);
    await here.identity.refresh(me.refreshToken, 'request-thief');
    await vi.waitFor(() => expect(isRefused(there, next)).toBe(true), { timeout: 10_000 });
  });
});

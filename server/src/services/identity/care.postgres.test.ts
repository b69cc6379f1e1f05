import { withClient } from '@usher/tests/support/databases.ts';
import { openTestIdentity } from '@usher/tests/support/identity.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterAll, describe, expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { makeMetrics } from '../../platform/metrics.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { makeEndedSessions } from './events.ts';
import { codesMax, codesPauseMs, codeTtlMs } from './limits.ts';
import { makeIdentityStore } from './store.ts';

const { url } = await makeTestDatabase();
const clock = manualClock(Date.parse('2026-12-24T10:00:00.000Z'));
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 6 });
const metrics = makeMetrics();
const nowMs = () => clock.nowMs();
const store = makeIdentityStore({ db, metrics, nowMs, refreshTokenTtlMs: 14 * 24 * 3_600_000 });
const ended = await makeEndedSessions({ clock, log: silentLog, endedSince: store.endedSince });
afterAll(async () => {
  await store.close();
  await db.close();
  metrics.close();
});

/** Codes are shown, as where no mail is sent. */
type Settings = { mustConfirm?: boolean; showsCodes?: boolean; oneAccountPerMailbox?: boolean };
const open = (more: Settings = {}) =>
  openTestIdentity({ store, ended, clock, mustConfirm: true, showsCodes: true, ...more });
const identity = open();

const from = { address: '192.0.2.1', requestId: 'request-1', browserToken: null };
const password = 'four words of mine';
let people = 0;
/** Somebody who has just signed up. */
const signUp = async (of = identity) => {
  const email = `person-${++people}@example.com`;
  const wanted = { email, password, name: '김민지', locale: 'ko' as const };
  const made = await of.signUp(wanted, from);
  if (made.outcome !== 'signed-in') throw new Error(made.outcome);
  return { email, id: made.account.id, caller: callerOf(made.accessToken), made };
};
const callerOf = (accessToken: string) => {
  const caller = identity.authenticate(accessToken);
  if (caller === null) throw new Error('the token is not valid');
  return caller;
};
const logIn = (email: string, given = password) => identity.logIn({ email, password: given }, from);
const codeOf = (sent: { outcome: string; code?: string | null }): string => {
  if (sent.outcome !== 'sent' || !sent.code) throw new Error(`no code: ${sent.outcome}`);
  return sent.code;
};
const requestEmailCode = async (caller: ReturnType<typeof callerOf>) =>
  codeOf(await identity.requestEmailCode(caller, 'r'));
const listEvents = async (type: string) => {
  const rows = await db.query<{ payload: Record<string, string> }>(
    'SELECT payload FROM platform.journal WHERE type = $1 ORDER BY seq',
    [type],
  );
  return rows.map(({ payload }) => payload);
};

/** Starts two calls that both wait for the row that this locks, and then lets them go on. */
const race = async <T>(lock: string, id: string, call: () => Promise<T>): Promise<T[]> => {
  const answers: T[] = [];
  await withClient(url, async (holder) => {
    await holder.query('BEGIN');
    await holder.query(lock, [id]);
    const both = Promise.all([call(), call()]);
    await until('both wait for the lock', async () => {
      const waiting = await db.query(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length === 2;
    });
    await holder.query('ROLLBACK');
    answers.push(...(await both));
  });
  return answers;
};

describe('two calls at the same moment', () => {
  test('use a code once', async () => {
    const { caller } = await signUp();
    const code = await requestEmailCode(caller);
    const [made] = await store.listCodes(caller.accountId, ['confirm'], nowMs());
    const lock = 'SELECT FROM identity.codes WHERE id = $1 FOR UPDATE';
    const both = await race(lock, made?.id ?? '', () => identity.confirmEmail(caller, code, 'r'));
    expect(both.map(({ outcome }) => outcome).sort()).toEqual(['confirmed', 'wrong']);
  });

  test('make one code', async () => {
    const { caller } = await signUp();
    const lock = 'SELECT FROM identity.accounts WHERE id = $1 FOR UPDATE';
    const both = await race(lock, caller.accountId, () => identity.requestEmailCode(caller, 'r'));
    expect(both.map(({ outcome }) => outcome).sort()).toEqual(['sent', 'too-soon']);
  });
});

describe('an address', () => {
  test('must be confirmed before its account may hold: the tokens say so until then', async () => {
    const { caller, email, id } = await signUp();
    expect(caller).toMatchObject({ mustConfirm: true });
    expect((await identity.accounts([id])).get(id)?.mayBeMailed).toBe(false);
    const result = await identity.confirmEmail(caller, await requestEmailCode(caller), 'r');
    if (result.outcome !== 'confirmed') throw new Error(result.outcome);
    expect(result.account).toMatchObject({ email, emailConfirmed: true });
    const confirmed = callerOf(result.accessToken);
    expect(confirmed).toEqual({ accountId: id, role: 'BUYER', sessionId: caller.sessionId });
    expect((await identity.accounts([id])).get(id)?.mayBeMailed).toBe(true);
    const again = await logIn(email);
    if (again.outcome !== 'signed-in') throw new Error(again.outcome);
    expect(callerOf(again.accessToken)).not.toHaveProperty('mustConfirm');
    expect(await identity.requestEmailCode(caller, 'r')).toEqual({ outcome: 'confirmed-already' });
  });

  test('need not be confirmed where the setting is off', async () => {
    const { caller, id } = await signUp(open({ mustConfirm: false }));
    expect(caller).not.toHaveProperty('mustConfirm');
    const facts = await open({ mustConfirm: false }).accounts([id]);
    expect(facts.get(id)?.mayBeMailed).toBe(true);
  });

  test('of an account that the program or its operator made counts as confirmed', async () => {
    const email = 'staff@example.com';
    const id = await identity.ensureAccount({
      email,
      password,
      name: 'staff',
      role: 'ORGANISER',
      locale: 'ko',
    });
    expect((await identity.accounts([id])).get(id)?.mayBeMailed).toBe(true);
  });

  test('is not confirmed by the code of somebody else, by an old one, or twice', async () => {
    const [one, other] = [await signUp(), await signUp()];
    const code = await requestEmailCode(one.caller);
    expect(await identity.confirmEmail(other.caller, code, 'r')).toEqual({ outcome: 'wrong' });
    await clock.advance(codeTtlMs);
    expect(await identity.confirmEmail(one.caller, code, 'r')).toEqual({ outcome: 'wrong' });
    const fresh = await requestEmailCode(one.caller);
    expect(await identity.confirmEmail(one.caller, fresh, 'r')).toMatchObject({
      outcome: 'confirmed',
    });
    expect(await identity.confirmEmail(one.caller, fresh, 'r')).toEqual({ outcome: 'wrong' });
  });

  test('gets five codes an hour, one in half a minute, however many ask at once', async () => {
    const { caller } = await signUp();
    const ask = () => identity.requestEmailCode(caller, 'r');
    const many = await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
    expect(many.filter(({ outcome }) => outcome === 'sent')).toHaveLength(1);
    expect(many.find(({ outcome }) => outcome === 'too-soon')).toEqual({
      outcome: 'too-soon',
      waitMs: codesPauseMs,
    });
    const codes: string[] = [];
    for (let i = 1; i < codesMax; i++) {
      await clock.advance(codesPauseMs);
      codes.push(codeOf(await ask()));
    }
    await clock.advance(codesPauseMs);
    expect(await ask()).toMatchObject({ outcome: 'too-soon' });
    // Each of them is good: which mail arrives first does not matter.
    expect(await identity.confirmEmail(caller, codes[0] ?? '', 'r')).toMatchObject({
      outcome: 'confirmed',
    });
  });

  test('its code is in no table, and shown only where no mail is sent', async () => {
    const quiet = open({ showsCodes: false });
    const { caller, email } = await signUp(quiet);
    const sent = await quiet.requestEmailCode(caller, 'r');
    expect(sent).toMatchObject({ outcome: 'sent', email, code: null });
    const event = (await listEvents('account.code-made')).at(-1);
    expect(event).toMatchObject({ accountId: caller.accountId });
    const mailed = await quiet.readCode(event?.['codeId'] ?? '');
    expect(mailed).toMatchObject({ email, purpose: 'confirm' });
    const code = mailed?.code ?? '';
    for (const table of ['identity.codes', 'platform.journal', 'identity.audit']) {
      const rows = await db.query<{ text: string }>(`SELECT t::text AS text FROM ${table} t`);
      expect(rows.filter(({ text }) => text.includes(code))).toEqual([]);
    }
    expect(await quiet.confirmEmail(caller, code, 'r')).toMatchObject({ outcome: 'confirmed' });
    // Used up: a mail that is composed late is dropped.
    expect(await quiet.readCode(event?.['codeId'] ?? '')).toBeNull();
  });
});

describe('a changed address', () => {
  const changeTo = (caller: ReturnType<typeof callerOf>, email: string, given = password) =>
    identity.changeEmail(caller, { email, password: given }, from);

  test('is the account’s only when its code was given, and is confirmed then', async () => {
    const { caller, email } = await signUp();
    const wanted = `new-${email}`;
    const sent = await changeTo(caller, wanted);
    expect(sent).toMatchObject({ outcome: 'sent', email: wanted });
    expect(await logIn(wanted)).toEqual({ outcome: 'wrong' });
    const done = await identity.confirmEmail(caller, codeOf(sent), 'r');
    expect(done).toMatchObject({ account: { email: wanted, emailConfirmed: true } });
    expect(await logIn(wanted)).toMatchObject({ outcome: 'signed-in' });
    expect(await logIn(email)).toEqual({ outcome: 'wrong' });
  });

  test('needs the password, which cannot be guessed with a stolen token', async () => {
    const { caller, email } = await signUp();
    const tries = [];
    for (let i = 0; i < 10; i++) tries.push(await changeTo(caller, `x-${email}`, 'a guess'));
    expect(tries.filter(({ outcome }) => outcome === 'wrong')).toHaveLength(3);
    expect(tries.at(-1)).toMatchObject({ outcome: 'too-soon' });
    // The owner logs in all the same.
    expect(await logIn(email)).toMatchObject({ outcome: 'signed-in' });
  });

  test('cannot be one that another account has, even if it signs up meanwhile', async () => {
    const [one, other] = [await signUp(), await signUp()];
    expect(await changeTo(one.caller, other.email)).toEqual({ outcome: 'email-taken' });
    const wanted = `meanwhile-${one.email}`;
    const code = codeOf(await changeTo(one.caller, wanted));
    await identity.signUp({ email: wanted, password, name: 'x', locale: 'ko' }, from);
    expect(await identity.confirmEmail(one.caller, code, 'r')).toEqual({ outcome: 'email-taken' });
    expect(await logIn(one.email)).toMatchObject({ outcome: 'signed-in' });
  });

  test('makes codes for the old one worthless', async () => {
    const { caller, email } = await signUp();
    const old = await requestEmailCode(caller);
    const wanted = `newer-${email}`;
    const code = codeOf(await changeTo(caller, wanted));
    await identity.confirmEmail(caller, code, 'r');
    expect(await identity.confirmEmail(caller, old, 'r')).toEqual({ outcome: 'wrong' });
    expect((await identity.readAccount(caller.accountId))?.email).toBe(wanted);
  });
});

describe('a forgotten password', () => {
  const forget = (email: string) => identity.requestPasswordReset(email, 'r');
  const reset = (email: string, code: string, next = 'four new words of mine') =>
    identity.resetPassword(
      { email, code, password: next },
      { source: '192.0.2.1', requestId: 'r' },
    );

  test('is replaced with a mailed code, which ends all sessions', async () => {
    const { caller, email, made } = await signUp();
    const code = codeOf(await forget(email));
    expect(await reset(email, code)).toEqual({ outcome: 'reset' });
    expect(identity.authenticate(made.accessToken)).toBeNull();
    expect(await logIn(email)).toEqual({ outcome: 'wrong' });
    expect(await logIn(email, 'four new words of mine')).toMatchObject({ outcome: 'signed-in' });
    expect(await identity.readAccount(caller.accountId)).toMatchObject({ emailConfirmed: true });
    expect(await reset(email, code)).toEqual({ outcome: 'wrong' });
  });

  test('is answered the same for an e-mail without an account', async () => {
    const { email } = await signUp(open({ showsCodes: false }));
    const quiet = open({ showsCodes: false });
    const known = await quiet.requestPasswordReset(email, 'r');
    const unknown = await quiet.requestPasswordReset('nobody@example.com', 'r');
    expect({ ...unknown, email }).toEqual(known);
    expect(await quiet.requestPasswordReset(email, 'r')).toEqual(known);
    expect(await reset('nobody@example.com', '00000-00000')).toEqual({ outcome: 'wrong' });
  });

  test('cannot be replaced with a code for an address, nor the reverse', async () => {
    const { caller, email } = await signUp();
    const code = await requestEmailCode(caller);
    expect(await reset(email, code)).toEqual({ outcome: 'wrong' });
    const other = codeOf(await forget(email));
    expect(await identity.confirmEmail(caller, other, 'r')).toEqual({ outcome: 'wrong' });
  });

  test('a stranger who asks for all codes does not lock the owner out', async () => {
    const { email } = await signUp();
    const codes: string[] = [];
    for (let i = 0; i < codesMax; i++) {
      codes.push(codeOf(await forget(email)));
      await clock.advance(codesPauseMs);
    }
    for (let i = 0; i < 100; i++) await reset(email, '00000-00000');
    expect(await forget(email)).toMatchObject({ outcome: 'sent', code: null });
    await clock.advance(codeTtlMs - codesMax * codesPauseMs - 1000);
    expect(await reset(email, codes.at(-1) ?? '')).toEqual({ outcome: 'reset' });
  });

  test('cannot become a common one, and the code stays good', async () => {
    const { email } = await signUp();
    const code = codeOf(await forget(email));
    expect(await reset(email, code, 'password123')).toEqual({ outcome: 'password-too-common' });
    expect(await reset(email, code)).toEqual({ outcome: 'reset' });
  });
});

describe('an account', () => {
  test('changes its password with the old one; every other session ends', async () => {
    const { caller, email, made } = await signUp();
    const wanted = { current: password, password: 'four new words of mine' };
    const wrong = { ...wanted, current: 'not mine' };
    expect(await identity.changePassword(caller, wrong, from)).toEqual({ outcome: 'wrong' });
    const changed = await identity.changePassword(caller, wanted, from);
    if (changed.outcome !== 'signed-in') throw new Error(changed.outcome);
    expect(identity.authenticate(made.accessToken)).toBeNull();
    expect(await identity.refresh(made.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    expect(callerOf(changed.accessToken).accountId).toBe(caller.accountId);
    expect(await logIn(email, 'four new words of mine')).toMatchObject({ outcome: 'signed-in' });
  });

  test('changes its name or its language, and what is left out stays', async () => {
    const { caller } = await signUp();
    expect(await identity.editMe(caller, { name: '민지' }, 'r')).toMatchObject({
      name: '민지',
      locale: 'ko',
    });
    expect(await identity.editMe(caller, { locale: 'en' }, 'r')).toMatchObject({
      name: '민지',
      locale: 'en',
    });
  });

  test('lists its sessions, ends one or all others, and never those of somebody else', async () => {
    const [one, other] = [await signUp(), await signUp()];
    const phone = await logIn(one.email);
    const laptop = await logIn(one.email);
    if (phone.outcome !== 'signed-in' || laptop.outcome !== 'signed-in') throw new Error('no');
    const sessions = await identity.listSessions(one.caller);
    const mine = [laptop, phone, one.made].map((at) => callerOf(at.accessToken).sessionId);
    expect(sessions.map(({ id }) => id).sort()).toEqual(mine.sort());
    const { sessionId } = callerOf(phone.accessToken);
    expect(await identity.endSession(other.caller, sessionId, 'r')).toBe(false);
    expect(identity.authenticate(phone.accessToken)).not.toBeNull();
    expect(await identity.endSession(one.caller, sessionId, 'r')).toBe(true);
    expect(identity.authenticate(phone.accessToken)).toBeNull();
    expect(await identity.endSession(one.caller, sessionId, 'r')).toBe(false);
    await identity.endOtherSessions(one.caller, 'r');
    expect(identity.authenticate(laptop.accessToken)).toBeNull();
    expect(identity.authenticate(one.made.accessToken)).not.toBeNull();
    expect(identity.authenticate(other.made.accessToken)).not.toBeNull();
  });

  test('reads its history', async () => {
    const { caller } = await signUp();
    await identity.editMe(caller, { locale: 'en' }, 'r');
    const history = await identity.readHistory(caller);
    expect(history.map(({ what }) => what)).toEqual([
      'account.made',
      'session.started',
      'account.edited',
    ]);
  });

  test('leaves for good: nothing identifies the person, and nobody signs in', async () => {
    const { caller, email, id, made } = await signUp();
    await requestEmailCode(caller);
    expect(await identity.leave(caller, 'not mine', from)).toEqual({ outcome: 'wrong' });
    expect(await identity.leave(caller, password, from)).toEqual({ outcome: 'left' });
    expect(identity.authenticate(made.accessToken)).toBeNull();
    expect(await identity.refresh(made.refreshToken, 'r')).toEqual({ outcome: 'refused' });
    for (const as of [email, `${id}@left.invalid`])
      expect(await logIn(as)).toEqual({ outcome: 'wrong' });
    expect(await identity.readAccount(id)).toBeNull();
    for (const table of ['identity.accounts', 'identity.codes', 'identity.audit']) {
      const rows = await db.query<{ text: string }>(`SELECT t::text AS text FROM ${table} t`);
      expect(rows.filter(({ text }) => text.includes(email))).toEqual([]);
    }
    const [row] = await db.query<{ name: string; password_hash: string }>(
      'SELECT name, password_hash FROM identity.accounts WHERE id = $1',
      [id],
    );
    expect(row).toEqual({ name: '', password_hash: '' });
    expect((await listEvents('account.left')).at(-1)).toEqual({ accountId: id });
    // The address is free again.
    const again = await identity.signUp({ email, password, name: 'x', locale: 'ko' }, from);
    expect(again).toMatchObject({ outcome: 'signed-in' });
  });
});

test('codes that ended are deleted after a day', async () => {
  const { caller } = await signUp();
  await requestEmailCode(caller);
  const count = async () => (await db.query('SELECT FROM identity.codes')).length;
  const before = await count();
  expect(await store.pruneCodes(clock.nowMs() - 24 * 3_600_000, 5000)).toBeLessThan(before);
  expect(await count()).toBeGreaterThan(0);
  await clock.advance(codeTtlMs + 1);
  await store.pruneCodes(clock.nowMs(), 5000);
  expect(await count()).toBe(0);
});

describe('where a mailbox has one account', () => {
  const strict = open({ oneAccountPerMailbox: true });
  const signUpAs = async (email: string, of = strict) => {
    const made = await of.signUp({ email, password, name: 'x', locale: 'ko' }, from);
    return made.outcome;
  };

  test('a second address of it cannot sign up, nor can two at the same moment', async () => {
    expect(await signUpAs('farm+1@example.com')).toBe('signed-in');
    expect(await signUpAs('farm+2@example.com')).toBe('email-taken');
    expect(await signUpAs('farm@example.com')).toBe('email-taken');
    expect(await signUpAs('farmer@example.com')).toBe('signed-in');
    const crowd = ['crowd+1@example.com', 'crowd+2@example.com', 'crowd+3@example.com'];
    const outcomes = await Promise.all(crowd.map((email) => signUpAs(email)));
    expect(outcomes.filter((outcome) => outcome === 'signed-in')).toHaveLength(1);
  });

  test('an account cannot change to a second address of another’s', async () => {
    await signUpAs('taken+1@example.com');
    const { caller } = await signUp(strict);
    const wanted = { email: 'taken+2@example.com', password };
    const code = codeOf(await strict.changeEmail(caller, wanted, from));
    expect(await strict.confirmEmail(caller, code, 'r')).toEqual({ outcome: 'email-taken' });
  });

  test('elsewhere it may have several', async () => {
    expect(await signUpAs('several+1@example.com', identity)).toBe('signed-in');
    expect(await signUpAs('several+2@example.com', identity)).toBe('signed-in');
  });
});

import type { Account } from '@usher/contract/identity.ts';
import { openTestIdentity } from '@usher/tests/support/identity.ts';
import { makeTestProofOfWork, solve } from '@usher/tests/support/proof-of-work.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ManualClock, manualClock } from '../../platform/clock.ts';
import { makeIds } from '../../platform/ids.ts';
import { idleWorker } from '../../platform/worker.ts';
import { commonPasswords, hashesAtOnce, logInWorkMax } from './limits.ts';
import { makePasswords } from './passwords.ts';
import { makeSignUpGuard } from './sign-up-guard.ts';
import type { IdentityStore } from './store.ts';

const startMs = Date.parse('2026-12-24T10:00:00.000Z');
const ids = makeIds(manualClock(startMs));
const realProofOfWork = makeTestProofOfWork();
/** The work that was asked for, in the order of the challenges. */
const works: number[] = [];
const proofOfWork: typeof realProofOfWork = {
  challenge: (cost, boundTo) => {
    works.push(cost);
    return realProofOfWork.challenge(cost, boundTo);
  },
  verify: realProofOfWork.verify,
};

/** A stand-in for argon2id that finishes on command. */
const heldArgon2id = () => {
  const held: ((tag: Buffer) => void)[] = [];
  let running = 0;
  const seen = { calls: 0, most: 0 };
  const argon2id = async () => {
    seen.calls++;
    running++;
    seen.most = Math.max(seen.most, running);
    const tag = await new Promise<Buffer>((resolve) => void held.push(resolve));
    running--;
    return tag;
  };
  const finishAll = async () => {
    for (let turn = 0; turn < 1000; turn++) {
      held.shift()?.(Buffer.alloc(32, 7));
      await Promise.resolve();
    }
  };
  return { argon2id, seen, finishAll };
};

describe('a password hash', () => {
  const passwords = makePasswords({ ids, atOnce: 2, waitingMax: 10 });

  test('contains its parameters and matches only its password', async () => {
    const hash = await passwords.hash('네 단어로 된 암호', 'address');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await passwords.matches('네 단어로 된 암호', hash, 'address')).toBe(true);
    expect(await passwords.matches('네 단어로 된 암호.', hash, 'address')).toBe(false);
  });

  test('has its own salt: two hashes of one password differ', async () => {
    expect(await passwords.hash('the same', 'address')).not.toBe(
      await passwords.hash('the same', 'address'),
    );
  });

  test('of the reference implementation, with other parameters, is accepted', async () => {
    const hash =
      '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await passwords.matches('password', hash, 'address')).toBe(true);
    expect(await passwords.matches('passworD', hash, 'address')).toBe(false);
  });

  test('matches however the keyboard composes the letters', async () => {
    const hash = await passwords.hash('비밀번호입니다'.normalize('NFD'), 'address');
    expect(await passwords.matches('비밀번호입니다'.normalize('NFC'), hash, 'address')).toBe(true);
  });

  test('that does not exist matches nothing', async () => {
    expect(await passwords.matches('anything', null, 'address')).toBe(false);
  });

  test('that cannot be parsed fails an assertion and never matches', async () => {
    await expect(passwords.matches('x', '$2b$10$abc', 'address')).rejects.toThrow(
      'assertion failed',
    );
  });
});

describe('hashing passwords:', () => {
  const hashFifty = async (atOnce: number) => {
    const { argon2id, seen, finishAll } = heldArgon2id();
    const passwords = makePasswords({ ids, atOnce, waitingMax: 100, argon2id });
    const all = Array.from({ length: 50 }, (_, i) => passwords.hash(`password ${i}`, 'address'));
    await finishAll();
    await Promise.all(all);
    return seen;
  };

  test('never more at once than the cap, and all of them are hashed in the end', async () => {
    expect(await hashFifty(hashesAtOnce)).toEqual({ calls: 50, most: hashesAtOnce });
  });

  test('(guard off: without a cap fifty run at once)', async () => {
    expect(await hashFifty(Number.POSITIVE_INFINITY)).toEqual({ calls: 50, most: 50 });
  });

  test('a caller that finds the queue full is refused at once, before any work', async () => {
    const { argon2id, seen, finishAll } = heldArgon2id();
    const passwords = makePasswords({ ids, atOnce: 1, waitingMax: 2, argon2id });
    const three = [1, 2, 3].map((i) => passwords.hash(`password ${i}`, 'address'));
    await expect(passwords.hash('one too many', 'address')).rejects.toMatchObject({
      code: 'OVERLOADED',
      retryable: true,
    });
    await finishAll();
    await Promise.all(three);
    expect(seen.calls).toBe(3);
  });

  test('a flood of new passwords keeps nobody from logging in', async () => {
    const { argon2id, finishAll } = heldArgon2id();
    const passwords = makePasswords({ ids, atOnce: 1, waitingMax: 100, argon2id });
    const done: string[] = [];
    const flood = Array.from({ length: 150 }, (_, i) =>
      passwords.hash(`password ${i}`, 'flood').then(
        () => void done.push('new'),
        () => undefined,
      ),
    );
    const logIn = passwords.matches('anything', null, 'flood').then(() => void done.push('log-in'));
    await finishAll();
    await Promise.all([...flood, logIn]);
    // Only the hash that was running already ends before it.
    expect(done.indexOf('log-in')).toBe(1);
    expect(done).toHaveLength(102);
  });

  test('a failed hash passes its turn to the next one', async () => {
    let calls = 0;
    const argon2id = async () => {
      calls++;
      if (calls === 1) throw new Error('out of memory');
      return Buffer.alloc(32);
    };
    const passwords = makePasswords({ ids, atOnce: 1, waitingMax: 5, argon2id });
    const [first, second] = await Promise.allSettled([
      passwords.hash('a', 'address'),
      passwords.hash('b', 'address'),
    ]);
    expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled']);
  });
});

const noneEnded = {
  has: () => false,
  add: () => undefined,
  heard: () => undefined,
  size: 0,
  follow: () => idleWorker,
};

const minji: Account = {
  id: 'acc_01jd8zk3v7q2m4x6t9w1y5b0ce',
  email: 'minji@example.com',
  name: '김민지',
  role: 'BUYER',
  locale: 'ko',
  emailConfirmed: true,
  createdAt: '2026-12-01T00:00:00.000Z',
};

type Given = Parameters<typeof openTestIdentity>[0];
/** The service over a store that has only what a test needs of it. */
const openIdentity = (
  store: Partial<IdentityStore>,
  more: Pick<Given, 'clock' | 'passwords' | 'rateLimits' | 'signUpWork'>,
) =>
  openTestIdentity({
    store: store as IdentityStore,
    ended: noneEnded,
    proofOfWork,
    rateLimits: true,
    ...more,
  });

describe('signing in with one known account', () => {
  let clock: ManualClock;
  let hashes: number;
  let identity: ReturnType<typeof openTestIdentity>;
  let isStoreDown: boolean;

  beforeEach(async () => {
    clock = manualClock(startMs);
    hashes = 0;
    isStoreDown = false;
    const passwords = makePasswords({
      ids,
      atOnce: 2,
      waitingMax: 400,
      argon2id: async ({ message }) => {
        hashes++;
        return Buffer.alloc(32, String(message));
      },
    });
    const passwordHash = await passwords.hash('right-password', 'address');
    hashes = 0;
    const store = {
      findByEmail: async (email: string) => {
        if (isStoreDown) throw new Error('the store is down');
        const isKnown = email === minji.email || /^(person|guest)-\d+@/.test(email);
        return isKnown ? { account: { ...minji, email }, passwordHash } : null;
      },
      startSession: async () => undefined,
    };
    identity = openIdentity(store, { passwords, clock });
  });

  const logIn = (password: string, email = minji.email, address = '192.0.2.1') =>
    identity.logIn({ email, password }, { address, requestId: 'request-1', browserToken: null });

  test('an unknown e-mail costs as many hashes as a known one, with the same answer', async () => {
    const known = await logIn('wrong-password');
    const hashesOfKnown = hashes;
    const unknown = await logIn('wrong-password', 'nobody@example.com');
    expect(hashesOfKnown).toBe(1);
    expect(hashes - hashesOfKnown).toBe(hashesOfKnown);
    expect(unknown).toEqual(known);
    expect(known).toEqual({ outcome: 'wrong' });
  });

  const waits = async (password: string, times: number, email?: string) => {
    const seen: (number | string)[] = [];
    for (let i = 0; i < times; i++) {
      const result = await logIn(password, email);
      if (result.outcome === 'too-fast') {
        seen.push(result.waitMs);
        await clock.advance(result.waitMs);
      } else seen.push(result.outcome);
    }
    return seen;
  };

  test.each([minji.email, 'nobody@example.com'])(
    'wrong passwords for %s pause 1 s, doubled each time up to 60 s, never forever',
    async (email) => {
      const pauses = (await waits('wrong-password', 24, email)).filter(
        (x) => typeof x === 'number',
      );
      expect(pauses.slice(0, 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
      expect(Math.max(...pauses)).toBe(60_000);
    },
  );

  test('nothing is hashed during a pause, not even the right password', async () => {
    for (let i = 0; i < 3; i++) await logIn('wrong-password');
    hashes = 0;
    expect(await logIn('right-password')).toMatchObject({ outcome: 'too-fast', waitMs: 1000 });
    expect(hashes).toBe(0);
    await clock.advance(1000);
    expect(await logIn('right-password')).toMatchObject({ outcome: 'signed-in' });
  });

  test('the right password ends the pauses', async () => {
    for (let i = 0; i < 3; i++) await logIn('wrong-password');
    await clock.advance(1000);
    await logIn('right-password');
    expect(await waits('wrong-password', 3)).toEqual(['wrong', 'wrong', 'wrong']);
  });

  test('wrong passwords are forgotten after a quarter of an hour', async () => {
    for (let i = 0; i < 3; i++) await logIn('wrong-password');
    await clock.advance(15 * 60_000 + 1);
    expect(await waits('wrong-password', 3)).toEqual(['wrong', 'wrong', 'wrong']);
  });

  test('many simultaneous guesses cannot bypass the pause', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => logIn('wrong-password')));
    expect(results.filter(({ outcome }) => outcome === 'wrong')).toHaveLength(3);
    expect(hashes).toBe(3);
  });

  test('right passwords are never limited', async () => {
    for (let i = 0; i < 100; i++)
      expect(await logIn('right-password')).toMatchObject({ outcome: 'signed-in' });
  });

  /** Wrong passwords until the guard refuses; how many were judged. */
  const guess = async (email: string | null, chooseAddress: (i: number) => string) => {
    let judged = 0;
    for (let i = 0; i < 300; i++) {
      const result = await logIn('wrong', email ?? `person-${i}@example.com`, chooseAddress(i));
      if (result.outcome === 'wrong') judged++;
    }
    return judged;
  };
  const fromEverywhere = (i: number): string => `198.51.100.${i % 250}`;
  const fromOneAddress = (): string => '203.0.113.9';

  test('a stranger at another address cannot lock the owner out', async () => {
    expect(await guess(minji.email, fromOneAddress)).toBe(3);
    expect(await logIn('right-password')).toMatchObject({ outcome: 'signed-in' });
  });

  test('guesses from many addresses are limited together', async () => {
    expect(await guess(minji.email, fromEverywhere)).toBe(20);
  });

  test('strangers everywhere do not stop a browser in which the owner logged in', async () => {
    const before = await logIn('right-password');
    if (before.outcome !== 'signed-in') throw new Error('not signed in');
    await guess(minji.email, fromEverywhere);
    await guess(null, () => '192.0.2.1');
    const source = { address: '192.0.2.1', requestId: 'r', browserToken: before.browserToken };
    const given = { email: minji.email, password: 'right-password' };
    expect(await identity.logIn(given, source)).toMatchObject({ outcome: 'signed-in' });
    // The browser of another account is a stranger's.
    const others = await logIn('right-password', 'person-1@example.com', '192.0.2.77');
    if (others.outcome !== 'signed-in') throw new Error('not signed in');
    const strange = { ...source, browserToken: others.browserToken };
    expect(await identity.logIn(given, strange)).toMatchObject({ outcome: 'too-fast' });
  });

  test('a known browser has its own count of wrong passwords', async () => {
    const before = await logIn('right-password');
    if (before.outcome !== 'signed-in') throw new Error('not signed in');
    const { browserToken } = before;
    const tries = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        identity.logIn(
          { email: minji.email, password: 'wrong' },
          { address: fromEverywhere(i), requestId: 'r', browserToken },
        ),
      ),
    );
    expect(tries.filter(({ outcome }) => outcome === 'wrong')).toHaveLength(3);
  });

  test('the owner gets in with a solved challenge, once, whatever strangers do', async () => {
    await guess(minji.email, fromEverywhere);
    const refused = await logIn('right-password');
    if (refused.outcome !== 'too-fast') throw new Error('not refused');
    const solution = await solve(refused.challenge);
    const from = { address: '192.0.2.1', requestId: 'r', browserToken: null };
    const given = { email: minji.email, password: 'right-password', solution };
    await guess('person-1@example.com', fromEverywhere);
    const elsewhere = { ...given, email: 'person-1@example.com' };
    expect(await identity.logIn(elsewhere, from)).toMatchObject({ outcome: 'too-fast' });
    expect(await identity.logIn(given, from)).toMatchObject({ outcome: 'signed-in' });
    expect(await identity.logIn(given, from)).toMatchObject({ outcome: 'too-fast' });
  });

  test('the work for one more guess doubles with each wrong one, up to a bound', async () => {
    const costs: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      const result = await logIn('wrong');
      if (result.outcome !== 'too-fast') continue;
      costs.push(works.at(-1));
      await clock.advance(result.waitMs);
    }
    expect(costs).toEqual([100_000, 200_000, 400_000, 800_000, 1_600_000]);
    expect(Math.max(...works)).toBeLessThanOrEqual(logInWorkMax);
  });

  test('300 people behind one address log in, and an attacker there is stopped', async () => {
    expect(await guess(null, fromOneAddress)).toBe(60);
    const people = Array.from({ length: 300 }, (_, i) => `guest-${i}@example.com`);
    const signIn = async (email: string) => {
      const first = await logIn('right-password', email, fromOneAddress());
      if (first.outcome !== 'too-fast') return first.outcome;
      expect(works.at(-1)).toBe(100_000);
      return 'solves a challenge of the least work';
    };
    // Their own browsers were there before, except those of the last ten.
    const outcomes: string[] = [];
    for (const [i, email] of people.entries()) {
      if (i >= 290) outcomes.push(await signIn(email));
      else {
        const home = await logIn('right-password', email, `192.0.2.${i % 250}`);
        if (home.outcome !== 'signed-in') throw new Error('not signed in at home');
        const { browserToken } = home;
        const source = { address: fromOneAddress(), requestId: 'r', browserToken };
        const given = { email, password: 'right-password' };
        outcomes.push((await identity.logIn(given, source)).outcome);
      }
    }
    expect(outcomes.slice(0, 290).every((outcome) => outcome === 'signed-in')).toBe(true);
    expect(new Set(outcomes.slice(290))).toEqual(new Set(['solves a challenge of the least work']));
  });

  test('300 people behind one address log in as from 300 addresses', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        logIn('right-password', `guest-${i}@example.com`, fromOneAddress()),
      ),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'signed-in')).toHaveLength(300);
  });

  test('an attempt that could not be checked does not count as wrong', async () => {
    isStoreDown = true;
    for (let i = 0; i < 5; i++) await expect(logIn('right-password')).rejects.toThrow('down');
    isStoreDown = false;
    expect(await logIn('right-password')).toMatchObject({ outcome: 'signed-in' });
  });

  test.each([
    ['BUYER', ['public', 'account']],
    ['ORGANISER', ['public', 'account', 'organiser']],
    ['OPERATOR', ['public', 'account', 'organiser', 'operator']],
    ['JANITOR', []],
  ] as const)('a %s may call routes of %j and no others', (role, allowed) => {
    const caller = { accountId: minji.id, sessionId: 'ses_1', role };
    const all = ['public', 'account', 'organiser', 'operator'] as const;
    expect(all.filter((auth) => identity.mayCall(auth, caller))).toEqual(allowed);
  });

  test('an access token is valid for its account until it expires and not longer', async () => {
    const result = await logIn('right-password');
    if (result.outcome !== 'signed-in') throw new Error('not signed in');
    const { accessToken, refreshToken } = result;
    expect(identity.authenticate(accessToken)).toMatchObject({
      accountId: minji.id,
      role: 'BUYER',
    });
    expect(identity.authenticate(refreshToken)).toBeNull();
    expect(identity.authenticate(`${accessToken}x`)).toBeNull();
    expect(identity.authenticate(accessToken.replace('access.', 'refresh.'))).toBeNull();
    await clock.advance(599_999);
    expect(identity.authenticate(accessToken)).not.toBeNull();
    await clock.advance(1);
    expect(identity.authenticate(accessToken)).toBeNull();
  });
});

describe('a sign-up', () => {
  const open = (more: { signUpWork?: number; rateLimits?: boolean } = {}) => {
    const clock = manualClock(startMs);
    const passwords = makePasswords({
      ids,
      atOnce: 2,
      waitingMax: 1000,
      argon2id: async () => Buffer.alloc(32),
    });
    const store = { addAccount: async () => true };
    const identity = openIdentity(store, { passwords, clock, ...more });
    let people = 0;
    const signUp = (address: string, solution?: string, email = `n-${++people}@example.com`) =>
      identity.signUp(
        { email, password: 'four words of mine', name: '김민지', locale: 'ko', solution },
        { address, requestId: 'r', browserToken: null },
      );
    /** How many of so many are let in without work. */
    const flood = async (times: number, chooseAddress: (i: number) => string) => {
      let free = 0;
      for (let i = 0; i < times; i++)
        if ((await signUp(chooseAddress(i))).outcome === 'signed-in') free++;
      return free;
    };
    return { clock, signUp, flood };
  };

  test('is free for a group at one address, and costs a farm there work', async () => {
    const { flood, signUp, clock } = open();
    expect(await flood(200, () => '203.0.113.9')).toBe(60);
    expect(await signUp('192.0.2.1')).toMatchObject({ outcome: 'signed-in' });
    await clock.advance(2000);
    expect(await signUp('203.0.113.9')).toMatchObject({ outcome: 'signed-in' });
  });

  test('costs work everywhere while they come from everywhere', async () => {
    const { flood, signUp } = open();
    expect(await flood(500, (i) => `198.51.${i >> 8}.${i & 255}`)).toBe(300);
    expect(await signUp('192.0.2.1')).toMatchObject({ outcome: 'work-needed' });
  });

  test('is let in with the solution of its own challenge, once', async () => {
    const { signUp } = open({ signUpWork: 1000, rateLimits: false });
    const asked = await signUp('192.0.2.1', undefined, 'a@example.com');
    if (asked.outcome !== 'work-needed') throw new Error('no work was asked for');
    expect(asked.hadSolution).toBe(false);
    const solution = await solve(asked.challenge);
    expect(await signUp('192.0.2.1', solution, 'b@example.com')).toMatchObject({
      outcome: 'work-needed',
      hadSolution: true,
    });
    const made = await signUp('192.0.2.1', solution, 'a@example.com');
    expect(made).toMatchObject({ outcome: 'signed-in' });
    const again = await signUp('192.0.2.1', solution, 'a@example.com');
    expect(again).toMatchObject({ outcome: 'work-needed', hadSolution: true });
  });

  test('costs more the longer a flood lasts, up to a bound, and is free again later', async () => {
    const clock = manualClock(startMs);
    const guard = makeSignUpGuard({ clock, rateLimits: true, workMin: 0 });
    const costs = Array.from({ length: 9 }, () => {
      for (let i = 0; i < 60; i++) guard.begin('203.0.113.9');
      return guard.chooseWork('203.0.113.9') / 100_000;
    });
    expect(costs).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64]);
    await clock.advance(30 * 60_000);
    expect(guard.chooseWork('203.0.113.9')).toBe(0);
  });
});

test('every password of the list is long enough to be refused only by the list', () => {
  expect([...commonPasswords].filter((word) => word.length < 8)).toEqual([]);
  expect(
    [...commonPasswords].filter((word) => word !== word.normalize('NFC').toLowerCase()),
  ).toEqual([]);
  expect(commonPasswords.size).toBeGreaterThan(200);
});

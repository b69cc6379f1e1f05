import { expect, test } from 'vitest';
import { demoAccounts, protectDemoAccounts } from './accounts.ts';

const published = demoAccounts[0].password;

/** Accounts with these passwords, and what a start does to them. */
const startOn = async (
  passwords: Map<string, string>,
  where: { isReachable: boolean; isDemo: boolean },
) => {
  const changed: string[] = [];
  let made = 0;
  const identity = {
    hasPassword: async (email: string, password: string) => passwords.get(email) === password,
    setPassword: async (email: string, password: string) => {
      if (!passwords.has(email)) return { outcome: 'not-found' as const };
      changed.push(email);
      passwords.set(email, password);
      return { outcome: 'changed' as const, accountId: email, endedSessions: 0 };
    },
  };
  const makePassword = () => `random-${++made}`;
  const shown = await protectDemoAccounts(identity, { ...where, makePassword });
  return { shown, changed };
};
const demo = () => new Map(demoAccounts.map(({ email, password }) => [email as string, password]));

test('where others reach the server, no demo account has its published password', async () => {
  for (const isDemo of [true, false]) {
    const passwords = demo();
    const { shown } = await startOn(passwords, { isReachable: true, isDemo });
    expect([...passwords.values()]).toEqual(['random-1', 'random-2', 'random-3']);
    // The console is the only place that shows them.
    expect(shown.map(({ password }) => password)).toEqual([...passwords.values()]);
  }
});

test('on its own machine the demo gets its published passwords back', async () => {
  const passwords = demo();
  const first = await startOn(passwords, { isReachable: false, isDemo: true });
  expect(first.changed).toEqual([]);
  await startOn(passwords, { isReachable: true, isDemo: true });
  const { shown } = await startOn(passwords, { isReachable: false, isDemo: true });
  expect(new Set(passwords.values())).toEqual(new Set([published]));
  expect(shown.map(({ password }) => password)).toEqual([published, published, published]);
});

test('in a database of others, their passwords stay and nothing is shown', async () => {
  const passwords = new Map([[demoAccounts[2].email as string, 'a password of theirs']]);
  for (const isReachable of [true, false])
    expect(await startOn(passwords, { isReachable, isDemo: false })).toEqual({
      shown: [],
      changed: [],
    });
  expect(await startOn(new Map(), { isReachable: true, isDemo: false })).toMatchObject({
    shown: [],
  });
});

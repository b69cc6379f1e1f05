import { expect, test } from 'vitest';
import { demoAccounts } from '../../server/src/demo/accounts.ts';
import { until } from '../support/until.ts';
import { type Installation, makeInstallation, startIn } from '../support/usher-process.ts';

const logIn = async ({ url }: Installation, email: string, password: string): Promise<number> => {
  const response = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ email, password }),
  });
  return response.status;
};

test('a demo that others can reach has passwords that only its console shows', async () => {
  const here = await makeInstallation({});
  const settings = { ...here.settings, PUBLIC_URL: 'http://usher.lan:3000' };
  const inLan = { ...here, settings };

  const open = await startIn(inLan);
  await until('the console shows them', async () => open.said().includes('Demo accounts:'));
  expect(open.said()).toContain('no TLS: passwords and sessions can be read on the network');
  expect(open.said()).toContain('Usher is open:   http://usher.lan:3000');
  for (const { email, role, password } of demoAccounts) {
    const shown = new RegExp(`${role} +${email} {3}(\\S+)`).exec(open.said())?.[1] ?? '';
    expect(shown).not.toBe(password);
    expect(await logIn(inLan, email, password)).toBe(401);
    expect(await logIn(inLan, email, shown)).toBe(200);
  }
  open.child.kill('SIGTERM');
  await open.end;

  const closed = await startIn(here);
  for (const { email, password } of demoAccounts)
    expect(await logIn(here, email, password)).toBe(200);
  expect(closed.said()).not.toContain('no TLS');
});

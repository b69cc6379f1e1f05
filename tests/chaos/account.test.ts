import { beforeAll, describe, expect, test } from 'vitest';
import { openProgram, type Program } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { finish } from '../support/usher-process.ts';

let program: Program;
beforeAll(async () => {
  program = await openProgram();
});

/** `usher account …` on the database of the running program. */
const account = async (words: readonly string[], input: string | null = null) =>
  finish(
    ['account', ...words],
    {
      DATABASE_URL: program.databaseUrl,
      USHER_DATA_DIR: await scratchFolder(),
      LOG_LEVEL: 'warn',
    },
    input,
  );
const logIn = async (email: string, password: string) => {
  const url = '/api/v1/auth/login';
  const response = await program.app.http.inject({
    method: 'POST',
    url,
    payload: { email, password },
  });
  return { status: response.statusCode, ...response.json() };
};
const readMe = async (token: string): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` };
  return (await program.app.http.inject({ url: '/api/v1/me', headers })).statusCode;
};
const signedOut = (token: string) =>
  until('the running program refuses the token', async () => (await readMe(token)) === 401);

describe('usher account make', () => {
  test('makes the first operator of a production, with a password that is shown once', async () => {
    const made = await account(['make', '--role', 'OPERATOR', '--email', 'First@example.com']);
    expect(made.code).toBe(0);
    expect(made.said).toMatch(/^OPERATOR first@example\.com was made\npassword: [\w-]{20,}\n$/);
    const password = /password: (.+)/.exec(made.said)?.[1] ?? '';
    const entered = await logIn('first@example.com', password);
    expect(entered).toMatchObject({ status: 200, account: { role: 'OPERATOR' } });
    const rooms = await program.app.http.inject({
      url: '/api/v1/operator/rooms',
      headers: { authorization: `Bearer ${entered.accessToken}` },
    });
    expect(rooms.statusCode).toBe(200);
  });

  test('reads a password from standard input and never prints it', async () => {
    const words = ['--role=organiser', '--email=stage@example.com', '--password-stdin'];
    const made = await account(['make', ...words, '--name', '박서준'], 'four words of ours\n');
    expect(made).toEqual({ code: 0, said: 'ORGANISER stage@example.com was made\n' });
    const entered = await logIn('stage@example.com', 'four words of ours');
    expect(entered).toMatchObject({ status: 200, account: { name: '박서준', role: 'ORGANISER' } });
  });

  test('changes no account that exists, and refuses a common password', async () => {
    const words = ['--role', 'OPERATOR', '--email', 'organiser@example.com'];
    const again = await account(['make', ...words]);
    expect(again.code).toBe(1);
    expect(again.said).toContain('organiser@example.com has an account, which was not changed');
    const common = ['make', '--role', 'BUYER', '--email', 'x@example.com', '--password-stdin'];
    expect((await account(common, 'password')).code).toBe(1);
    expect((await logIn('x@example.com', 'password')).status).toBe(401);
  });

  test.for([
    [[], "there is no 'account '"],
    [['mkae'], "there is no 'account mkae'; did you mean make?"],
    [['make', '--email', 'a@b.kr'], '--role must be one of BUYER, ORGANISER, OPERATOR'],
    [['make', '--role', 'OPERATER', '--email', 'a@b.kr'], 'did you mean OPERATOR?'],
    [['make', '--role', 'BUYER', '--email', 'a'], '--email: '],
    [['set-role', '--role', 'BUYER', '--email', 'a@b.kr', '--all'], '--all cannot be used'],
    [['end-sessions'], 'needs --email E, or --all'],
    [['end-sessions', 'a@b.kr'], "takes no 'a@b.kr'"],
  ] as const)('is not understood, and nothing is done: %o', async ([words, says]) => {
    const { code, said } = await account(words);
    expect([code, said.split('\n')[0]]).toEqual([2, expect.stringContaining(says)]);
  });
});

describe('usher account set-role', () => {
  test('makes an operator of a person who signed up, and ends their old sessions', async () => {
    const { token, email, password } = await signUp('promoted@example.com');
    const set = await account(['set-role', '--role', 'OPERATOR', '--email', email]);
    expect(set).toEqual({ code: 0, said: `${email} is OPERATOR; 1 sessions were ended\n` });
    await signedOut(token);
    expect(await logIn(email, password)).toMatchObject({ account: { role: 'OPERATOR' } });
    expect(await audited(email)).toEqual([
      'account.made: sign-up',
      'session.started: sign-up',
      'account.role-changed: set on the console',
      'session.ended: set on the console',
      'session.started: log-in',
    ]);
  });

  test('of nobody fails', async () => {
    const set = await account(['set-role', '--role', 'OPERATOR', '--email', 'nobody@example.com']);
    expect(set).toEqual({ code: 1, said: 'nobody@example.com has no account\n' });
  });
});

describe('usher account end-sessions', () => {
  test('signs one account out everywhere and nobody else; with --all, everybody', async () => {
    const [one, other] = [await signUp('one@example.com'), await signUp('other@example.com')];
    const again = await logIn(one.email, one.password);
    const ended = await account(['end-sessions', '--email', one.email]);
    expect(ended).toEqual({ code: 0, said: '2 sessions were ended\n' });
    await signedOut(one.token);
    await signedOut(again.accessToken);
    expect(await readMe(other.token)).toBe(200);
    expect((await account(['end-sessions', '--all'])).code).toBe(0);
    await signedOut(other.token);
    await signedOut(program.operator);
    expect((await logIn(other.email, other.password)).status).toBe(200);
  });
});

const signUp = async (email: string) => {
  const password = 'four words of mine';
  const payload = { email, password, name: '김민지' };
  const url = '/api/v1/auth/sign-up';
  const response = await program.app.http.inject({ method: 'POST', url, payload });
  return { email, password, token: String(response.json().accessToken) };
};
const audited = async (email: string): Promise<string[]> => {
  const rows = await program.app.db.query<{ line: string }>(
    `SELECT u.what || ': ' || u.why AS line FROM identity.audit u
     JOIN identity.accounts a ON a.id = u.account_id WHERE a.email = $1 ORDER BY u.seq`,
    [email],
  );
  return rows.map(({ line }) => line);
};

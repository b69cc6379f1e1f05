import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, expect, test } from 'vitest';

const parentWatch = resolve(import.meta.dirname, '../server/src/platform/parent-watch.ts');

/** Fake npm: records that it was called, waits for `go` if asked to, installs one package. */
const npmProgram = `
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules');
console.log('added 1 package');
if (existsSync('npm-fails')) {
  console.error('npm error EINTEGRITY');
  process.exit(9);
}
while (existsSync('npm-waits')) await sleep(10);
writeFileSync('node_modules/installed', '');
`;

/** Fake Usher: prints its arguments; with \`stay\` it runs until it is told to stop. */
const startProgram = `
import { existsSync, writeFileSync } from 'node:fs';
import { onParentGone } from ${JSON.stringify(parentWatch)};
const [word, ...rest] = process.argv.slice(2);
const installed = existsSync(new URL('../../node_modules/installed', import.meta.url));
const { PATH: path, MALLOC_ARENA_MAX: arenas } = process.env;
// Before the first word, which says that signals may be sent.
if (word === 'stay') {
  const heard = [];
  const alive = setInterval(() => {}, 1000);
  const leave = (why) => {
    heard.push(why);
    console.log(why);
    setTimeout(() => {
      writeFileSync(rest[0], heard.join(' '));
      clearInterval(alive);
      process.exitCode = 7;
    }, 200);
  };
  process.on('SIGINT', () => leave('SIGINT'));
  process.once('SIGTERM', () => leave('SIGTERM'));
  onParentGone(() => leave('launcher gone'));
}
console.log(JSON.stringify({ word, rest, installed, path, arenas, cwd: process.cwd() }));
if (word === 'exit') process.exit(Number(rest[0]));
if (word === 'die') process.kill(process.pid, 'SIGKILL');
`;

/** A checkout with the real launcher, and fakes of what it starts. */
const makeCheckout = async (): Promise<string> => {
  const folder = await scratchFolder();
  cpSync(import.meta.dirname, join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'server/src'), { recursive: true });
  writeFileSync(join(folder, 'server/src/main.ts'), startProgram);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'npm-cli.js'), npmProgram);
  writeLock(folder, '1.0.0');
  return folder;
};

const writeLock = (folder: string, version: string): void => {
  const packages = {
    '': { name: 'usher' },
    'node_modules/one': { version, integrity: `sha512-${version}` },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['plan9'], cpu: ['x64'] },
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
};

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});

const launch = (folder: string, args: string[], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, [join(folder, 'bin/launch.mjs'), ...args], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', npm_execpath: join(folder, 'npm-cli.js'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.err += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, ...said }));
  return { child, said, ended };
};

const npmCalls = (folder: string) =>
  existsSync(join(folder, 'npm.log'))
    ? readFileSync(join(folder, 'npm.log'), 'utf8').trim().split('\n')
    : [];

test('missing packages are installed first, without scripts, then the program runs', async () => {
  const folder = await makeCheckout();
  const { code, out } = await launch(folder, ['usher', 'exit', '5', '--flag']).ended;
  expect(code).toBe(5);
  expect(npmCalls(folder)).toEqual([expect.stringMatching(/^ci --ignore-scripts /)]);
  expect(JSON.parse(out)).toMatchObject({ word: 'exit', rest: ['5', '--flag'], installed: true });
});

test('the program has its Node first in PATH and runs in the caller’s folder', async () => {
  const folder = await makeCheckout();
  const { out } = await launch(folder, ['usher', 'say']).ended;
  const { path, cwd } = JSON.parse(out);
  expect(path).toBe(`${dirname(process.execPath)}:/usr/bin:/bin`);
  expect(cwd).toBe('/');
  const byNpm = { npm_lifecycle_event: 'usher', INIT_CWD: join(folder, 'server') };
  const below = await launch(folder, ['usher', 'say'], byNpm).ended;
  expect(JSON.parse(below.out).cwd).toBe(join(folder, 'server'));
});

test('freed memory goes back to the system, unless the caller says otherwise', async () => {
  const folder = await makeCheckout();
  const usual = await launch(folder, ['usher', 'say']).ended;
  expect(JSON.parse(usual.out)).toMatchObject({ arenas: '1' });
  const other = await launch(folder, ['usher', 'say'], { MALLOC_ARENA_MAX: '8' }).ended;
  expect(JSON.parse(other.out)).toMatchObject({ arenas: '8' });
});

test('packages are installed only once until package-lock.json changes', async () => {
  const folder = await makeCheckout();
  for (const _ of [1, 2]) await launch(folder, ['start']).ended;
  expect(npmCalls(folder)).toHaveLength(1);
  writeLock(folder, '1.0.1');
  await launch(folder, ['start']).ended;
  expect(npmCalls(folder)).toHaveLength(2);
});

test('an install says what it does and how long it took, and npm says nothing', async () => {
  const folder = await makeCheckout();
  const { out, err } = await launch(folder, ['usher', 'say']).ended;
  expect(npmCalls(folder)[0]).toContain('--loglevel=error');
  expect(err).toMatch(/^usher: installing packages.*\nusher: packages installed in \d+\.\d s\n$/);
  expect(JSON.parse(out)).toMatchObject({ installed: true });
});

test('of two launchers at once one installs and the other waits for it', async () => {
  const folder = await makeCheckout();
  writeFileSync(join(folder, 'npm-waits'), '');
  const first = launch(folder, ['usher', 'first']);
  await until('npm runs', () => npmCalls(folder).length);
  const second = launch(folder, ['usher', 'second']);
  await until('the second waits', () => second.said.err.includes('waiting'));
  rmSync(join(folder, 'npm-waits'));
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(JSON.parse((await second.ended).out)).toMatchObject({ installed: true });
  expect(npmCalls(folder)).toHaveLength(1);
});

test('a launcher also waits for the npm of a launcher that was killed', async () => {
  const folder = await makeCheckout();
  writeFileSync(join(folder, 'npm-waits'), '');
  const first = launch(folder, ['usher', 'first']);
  await until('npm runs', () => npmCalls(folder).length);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = launch(folder, ['usher', 'second']);
  await until('the second waits', () => second.said.err.includes('waiting'));
  expect(npmCalls(folder)).toHaveLength(1);
  rmSync(join(folder, 'npm-waits'));
  expect(await second.ended).toMatchObject({ code: 0 });
});

test('a failed install is reported, and the next command retries it', async () => {
  const folder = await makeCheckout();
  writeFileSync(join(folder, 'npm-fails'), '');
  const failed = await launch(folder, ['start']).ended;
  expect(failed).toMatchObject({ code: 1, out: '' });
  expect(failed.err).toContain('npm error EINTEGRITY');
  expect(failed.err).not.toContain('packages installed');
  expect(failed.err).toContain(`"npm ci" in ${folder} failed with code 9`);
  rmSync(join(folder, 'npm-fails'));
  const second = await launch(folder, ['start']).ended;
  expect(JSON.parse(second.out)).toMatchObject({ installed: true });
});

test('an install made by hand counts if it matches the lock file exactly', async () => {
  const folder = await makeCheckout();
  const byHand = (version: string) => {
    const packages = { 'node_modules/one': { version, integrity: `sha512-${version}` } };
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    const path = join(folder, 'node_modules/.package-lock.json');
    writeFileSync(path, JSON.stringify({ packages }));
  };
  byHand('1.0.0');
  expect(await launch(folder, ['start']).ended).toMatchObject({ code: 0 });
  expect(npmCalls(folder)).toEqual([]);
  rmSync(join(folder, 'node_modules'), { recursive: true });
  byHand('0.9.0');
  expect(await launch(folder, ['start']).ended).toMatchObject({ code: 0 });
  expect(npmCalls(folder)).toHaveLength(1);
});

test('one Ctrl-C, received from the terminal and from npm, reaches the program once', async () => {
  const folder = await makeCheckout();
  const told = join(folder, 'told');
  const { child, said, ended } = launch(folder, ['usher', 'stay', told]);
  await until('the program runs', () => said.out);
  child.kill('SIGINT');
  // Sent apart, because the kernel would merge two pending signals into one.
  await until('the first has arrived', () => said.out.includes('SIGINT'));
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 7 });
  expect(readFileSync(told, 'utf8')).toBe('SIGINT');
});

test('the exit code tells that the program was killed, as in a shell', async () => {
  const folder = await makeCheckout();
  expect(await launch(folder, ['usher', 'die']).ended).toMatchObject({ code: 137 });
});

test('when the launcher is killed the program notices', async () => {
  const folder = await makeCheckout();
  const told = join(folder, 'told');
  const { child, said } = launch(folder, ['usher', 'stay', told]);
  await until('the program runs', () => said.out);
  child.kill('SIGKILL');
  await until('it has noticed', () => existsSync(told));
  expect(readFileSync(told, 'utf8')).toBe('launcher gone');
});

test('when npm above the launcher is killed the program is told to stop', async () => {
  const folder = await makeCheckout();
  const told = join(folder, 'told');
  const command = `"${process.execPath}" bin/launch.mjs usher stay "${told}"; exit $?`;
  const npm = spawn('/bin/sh', ['-c', `/bin/sh -c '${command}'; exit $?`], {
    cwd: folder,
    env: {
      PATH: '/usr/bin:/bin',
      npm_execpath: join(folder, 'npm-cli.js'),
      npm_lifecycle_event: 'x',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.push(npm);
  await once(npm.stdout, 'data');
  npm.kill('SIGKILL');
  await until('it has ended', () => existsSync(told));
  expect(readFileSync(told, 'utf8')).toBe('SIGTERM');
});

test('a test run that cannot even start still prints the last line', async () => {
  const folder = await makeCheckout();
  const lastLine = /\n0 passed, 1 failed, 0 skipped\n$/;
  const withoutVitest = await launch(folder, ['test']).ended;
  expect(withoutVitest).toMatchObject({ code: 1, out: expect.stringMatching(lastLine) });
  mkdirSync(join(folder, 'node_modules/vitest'));
  const killed = "process.send('the last line is mine');process.kill(process.pid, 'SIGKILL')";
  writeFileSync(join(folder, 'node_modules/vitest/vitest.mjs'), killed);
  const vitestDied = await launch(folder, ['test']).ended;
  expect(vitestDied).toMatchObject({ code: 137, out: expect.stringMatching(lastLine) });
});

test('an unknown command prints the available commands', async () => {
  const folder = await makeCheckout();
  const { code, err } = await launch(folder, ['sing']).ended;
  expect(code).toBe(2);
  expect(err).toContain('start | usher | bench | mutate | memory | test | check');
});

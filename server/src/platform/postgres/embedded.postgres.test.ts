import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { scratchFolder } from '@usher/tests/support/scratch.ts';
import { until } from '@usher/tests/support/until.ts';
import pg from 'pg';
import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { isAlive, isPostmasterOf } from './embedded/processes.ts';
import { openEmbeddedPostgres } from './embedded.ts';

const program = join(import.meta.dirname, '../../../../tests/support/embedded-program.ts');
const isRoot = process.getuid?.() === 0;

type Usher = { child: ChildProcess; url: string; port: number; warnings: string[] };

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** An Usher in a separate process, which a test may kill; resolves when its database is open. */
const startUsher = async (dataDir: string): Promise<Usher | { refused: string }> => {
  const child = spawn(process.execPath, [program, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  endings.push(async () => {
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const warnings: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line);
    if (said.warning) warnings.push(said.warning);
    else if (said.refused) return said;
    else return { child, warnings, ...said };
  }
  throw new Error('it ended without a word');
};

const mustStart = async (dataDir: string): Promise<Usher> => {
  const started = await startUsher(dataDir);
  if ('refused' in started) throw new Error(started.refused);
  return started;
};

let template = '';
beforeAll(async () => {
  template = await scratchFolder();
  await stop(await mustStart(template));
});

/** A data folder as a first start and a stop leave it. */
const usedDataDir = async (): Promise<string> => {
  const dataDir = await scratchFolder();
  await promisify(execFile)('cp', ['-a', join(template, 'postgres'), dataDir]);
  return dataDir;
};

const stop = async ({ child }: Usher): Promise<void> => {
  child.stdin?.end();
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
};

const killHard = async ({ child }: Usher): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

const ask = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
};

const sell = async (url: string): Promise<void> => {
  await ask(url, 'CREATE TABLE sold (seat int)');
  await ask(url, 'INSERT INTO sold VALUES (7)');
};

const sold = (url: string) => ask<{ seat: number }>(url, 'SELECT seat FROM sold');

const postmasterPid = (dataDir: string) =>
  Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);

/** Without the copy of the binaries, which a checkout below a folder of mode 700 creates there. */
const leftIn = (dataDir: string) =>
  readdirSync(dataDir)
    .filter((name) => !/^postgres-[\w.-]+$/.test(name))
    .sort();

/**
 * The guard's shells: the parent's other child, which stops PostgreSQL when Usher closes the
 * guard's input, as happens when the parent ends; and the postmaster's parent.
 */
const guardsOf = (postmaster: number): number[] => {
  const guard = Number(parentOf(postmaster));
  const all = readdirSync('/proc').map(Number).filter(Boolean);
  return [...all.filter((pid) => pid !== postmaster && parentOf(pid) === guard), guard];
};

const parentOf = (pid: number): number | null => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
  } catch {
    // It ended while we looked.
    return null;
  }
};

/** Kills them one after the other, in this order. */
const killAll = async (pids: number[]): Promise<void> => {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('all are dead', () => !pids.some(isAlive));
};

test('a first start creates the database with durable settings, for its owner only', async () => {
  const dataDir = await scratchFolder();
  const usher = await mustStart(dataDir);
  const [database] = await ask(
    usher.url,
    `SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
            datlocprovider AS provider, datlocale AS locale, current_user AS "user",
            current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS sync,
            current_setting('full_page_writes') AS pages,
            current_setting('is_superuser') AS superuser
     FROM pg_database WHERE datname = current_database()`,
  );
  expect(database).toEqual({
    owner: 'usher',
    encoding: 'UTF8',
    provider: 'b',
    locale: 'C.UTF-8',
    user: 'usher',
    fsync: 'on',
    sync: 'on',
    pages: 'on',
    superuser: 'off',
  });
  expect(new URL(usher.url).hostname).toBe('127.0.0.1');
  expect(statSync(join(dataDir, 'postgres/usher-password')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
});

test('without the password nobody can connect to the embedded PostgreSQL', async () => {
  const { url } = await mustStart(await usedDataDir());
  const stranger = new URL(url);
  stranger.password = 'guessed';
  await expect(ask(stranger.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
});

test('the embedded PostgreSQL never runs as root', async () => {
  const dataDir = await usedDataDir();
  await mustStart(dataDir);
  const uid = statSync(`/proc/${postmasterPid(dataDir)}`).uid;
  expect(statSync(join(dataDir, 'postgres')).uid).toBe(uid);
  expect(uid === 0).toBe(false);
  expect(isRoot || uid === process.getuid?.()).toBe(true);
});

test('data survives a stop and a start, and a stop leaves no process', async () => {
  const dataDir = await usedDataDir();
  const first = await mustStart(dataDir);
  await sell(first.url);
  const postmaster = postmasterPid(dataDir);
  const all = [postmaster, ...guardsOf(postmaster)];
  await stop(first);
  expect(all.filter(isAlive)).toEqual([]);
  expect(leftIn(dataDir)).toEqual(['postgres', 'postgres.log']);
  const second = await mustStart(dataDir);
  expect(await sold(second.url)).toEqual([{ seat: 7 }]);
});

test('a second Usher on the same data is refused with the folder and the process id', async () => {
  const dataDir = await usedDataDir();
  const first = await mustStart(dataDir);
  const second = await startUsher(dataDir);
  expect(second).toEqual({
    refused: expect.stringContaining(`the data folder ${dataDir} is in use`),
  });
  expect(second).toEqual({ refused: expect.stringContaining(`process ${first.child.pid}`) });
  expect(await ask(first.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('of two first starts at once on one folder, one wins and the other is refused', async () => {
  const dataDir = await scratchFolder();
  const both = await Promise.all([startUsher(dataDir), startUsher(dataDir)]);
  const winners = both.filter((one) => 'url' in one);
  expect(winners).toHaveLength(1);
  const refused = expect.stringMatching(/is in use by a running Usher/);
  expect(both).toContainEqual({ refused });
  expect(await ask(winners[0]?.url ?? '', 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  expect(leftIn(dataDir)).toEqual(['postgres', 'postgres.log']);
});

test('when Usher is killed its PostgreSQL ends by itself', async () => {
  const dataDir = await usedDataDir();
  const usher = await mustStart(dataDir);
  const postmaster = postmasterPid(dataDir);
  const all = [postmaster, ...guardsOf(postmaster)];
  expect(all).toHaveLength(3);
  await killHard(usher);
  await until('PostgreSQL has ended', () => !all.some(isAlive));
});

test('a start right after Usher was killed waits for its PostgreSQL, loses nothing', async () => {
  const dataDir = await usedDataDir();
  const first = await mustStart(dataDir);
  await sell(first.url);
  await killHard(first);
  const second = await mustStart(dataDir);
  expect(await sold(second.url)).toEqual([{ seat: 7 }]);
});

test('a start after everything was killed loses nothing', async () => {
  const dataDir = await usedDataDir();
  const first = await mustStart(dataDir);
  await sell(first.url);
  const postmaster = postmasterPid(dataDir);
  const all = [...guardsOf(postmaster), postmaster];
  await killHard(first);
  for (const pid of all) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  const second = await mustStart(dataDir);
  expect(await sold(second.url)).toEqual([{ seat: 7 }]);
});

test('a PostgreSQL that outlived Usher and its guard is stopped and replaced', async () => {
  const dataDir = await usedDataDir();
  const first = await mustStart(dataDir);
  await sell(first.url);
  const orphan = postmasterPid(dataDir);
  await killAll(guardsOf(orphan));
  await killHard(first);
  const cluster = join(dataDir, 'postgres');
  expect(await isPostmasterOf(orphan, cluster)).toBe(true);
  const second = await mustStart(dataDir);
  expect(await isPostmasterOf(orphan, cluster)).toBe(false);
  expect(second.warnings).toEqual([expect.stringContaining('orphaned PostgreSQL')]);
  expect(await sold(second.url)).toEqual([{ seat: 7 }]);
});

test('a PostgreSQL that is killed is restarted on its port', async () => {
  const dataDir = await usedDataDir();
  const usher = await mustStart(dataDir);
  await sell(usher.url);
  const killed = postmasterPid(dataDir);
  process.kill(killed, 'SIGKILL');
  const again = () => sold(usher.url).catch(() => null);
  expect(await until('it answers again', again)).toEqual([{ seat: 7 }]);
  expect(postmasterPid(dataDir)).not.toBe(killed);
  expect(await startUsher(dataDir)).toEqual({ refused: expect.stringContaining('is in use') });
});

test('the lock of a running Usher is re-acquired when its connection is cut', async () => {
  const dataDir = await usedDataDir();
  const usher = await mustStart(dataDir);
  const superuser = usher.url.replace('//usher:', '//postgres:').replace(/usher$/, 'postgres');
  const holders = () =>
    ask<{ pid: number }>(superuser, "SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
  const [before] = await holders();
  await ask(superuser, `SELECT pg_terminate_backend(${before?.pid})`);
  // The old connection, which was told to close, holds it until it has closed.
  const another = async () => (await holders()).some(({ pid }) => pid !== before?.pid);
  await until('another connection holds the lock', another);
});

test('a postmaster.pid whose number belongs to another program is no obstacle', async () => {
  const dataDir = await usedDataDir();
  const stale = `${process.pid}\n${dataDir}/postgres\n1700000000\n5432\n\n127.0.0.1\n\nready   \n`;
  writeFileSync(join(dataDir, 'postgres/postmaster.pid'), stale);
  const usher = await mustStart(dataDir);
  expect(await ask(usher.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('a first start that was killed halfway is repeated, and its remains are removed', async () => {
  const dataDir = await scratchFolder();
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  const left = join(dataDir, `postgres.draft-${gone.pid}-0a1b2c3d4e5f`);
  mkdirSync(left);
  writeFileSync(join(left, 'PG_VERSION'), '18\n');
  const usher = await mustStart(dataDir);
  expect(await ask(usher.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  expect(leftIn(dataDir)).toEqual(['postgres', 'postgres.log']);
});

test('a data folder that PostgreSQL may not enter is refused, with the remedy', async () => {
  const closed = join(await scratchFolder(), 'closed');
  const dataDir = join(closed, 'usher');
  mkdirSync(dataDir, { recursive: true });
  chmodSync(closed, isRoot ? 0o700 : 0o600);
  onTestFinished(() => chmodSync(closed, 0o700));
  const log = { info: () => {}, warn: () => {} };
  const opening = openEmbeddedPostgres({ dataDir, log });
  await expect(opening).rejects.toThrow(`the data folder ${dataDir} cannot be used`);
  await expect(opening).rejects.toThrow(`may not enter ${closed}.`);
  await expect(opening).rejects.toThrow('USHER_DATA_DIR');
});

test('a folder with other files in place of the database is refused and not changed', async () => {
  const dataDir = await scratchFolder();
  mkdirSync(join(dataDir, 'postgres'));
  writeFileSync(join(dataDir, 'postgres/holiday.txt'), 'sun');
  const started = await startUsher(dataDir);
  expect(started).toEqual({ refused: expect.stringContaining('neither a database nor empty') });
  expect(readFileSync(join(dataDir, 'postgres/holiday.txt'), 'utf8')).toBe('sun');
});

test('a cluster of another PostgreSQL version is refused by name, not started', async () => {
  const dataDir = await usedDataDir();
  writeFileSync(join(dataDir, 'postgres/PG_VERSION'), '12\n');
  const started = await startUsher(dataDir);
  expect(started).toEqual({ refused: expect.stringContaining('made by PostgreSQL 12') });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPidFile } from '../../server/src/platform/postgres/embedded/pid-file.ts';
import { freePort } from '../../server/src/platform/postgres/embedded/postmaster.ts';
import {
  isAlive,
  isPostmasterOf,
  signal,
} from '../../server/src/platform/postgres/embedded/processes.ts';
import { afterThisFile } from './after-file.ts';
import { scratchFolder } from './scratch.ts';
import { until } from './until.ts';

const program = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));
/** The first start creates and fills a database, which takes long on a busy machine. */
const readyLimitMs = 180_000;
const endLimitMs = 60_000;

export type Settings = Readonly<Record<string, string>>;
/** A command of `usher` in a separate process. */
export type Running = {
  child: ChildProcess;
  /** Its output so far. */
  said: () => string;
  ended: () => boolean;
  /** Its exit code, or the signal that ended it. */
  end: Promise<number | NodeJS.Signals>;
};

/** From this process's environment only paths to programs and homes, but no settings. */
const surroundings = (): Settings =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** Starts a command; it ends when the test file is done, or this process is gone. */
export const runUsher = (
  command: readonly string[],
  settings: Settings,
  /** Its standard input; default: none. */
  input: string | null = null,
): Running => {
  const child = spawn(process.execPath, [program, ...command], {
    // The channel closes when we end, however that happens.
    stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe', 'ipc'],
    env: { ...surroundings(), ...settings },
  });
  child.stdin?.end(input);
  child.channel?.unref();
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const end = once(child, 'close').then(([code, signal]) => code ?? signal);
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  afterThisFile(async () => {
    if (!ended()) child.kill('SIGKILL');
    await end;
  });
  return { child, said: () => said.join(''), ended, end };
};

/** Runs a command to its end. */
export const finish = async (
  command: readonly string[],
  settings: Settings,
  input: string | null = null,
) => {
  const running = runUsher(command, settings, input);
  const code = await running.end;
  return { code, said: running.said() };
};

export type Installation = {
  dataDir: string;
  url: string;
  settings: Settings;
};

/** An installation: a data folder, and an address that stays the same over restarts. */
export const makeInstallation = async (settings: Settings): Promise<Installation> => {
  const port = await freePort();
  const dataDir = await scratchFolder();
  return {
    dataDir,
    url: `http://127.0.0.1:${port}`,
    settings: {
      HOST: '127.0.0.1',
      PORT: String(port),
      USHER_DATA_DIR: dataDir,
      USHER_ENV: 'test',
      LOG_LEVEL: 'warn',
      RATE_LIMITS: 'false',
      ...settings,
    },
  };
};

const isReady = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/readyz`, { headers: { connection: 'close' } })).status === 200;
  } catch {
    // It does not listen yet.
    return false;
  }
};

/** Starts the program and waits until it is ready. */
export const startIn = async ({ url, settings }: Installation): Promise<Running> => {
  const running = runUsher(['start'], settings);
  await until(
    'the program is ready',
    async () => {
      if (running.ended()) throw new Error(`it ended while starting:\n${running.said()}`);
      return isReady(url);
    },
    readyLimitMs,
  );
  return running;
};

/** The URL of its embedded database, while it runs. */
export const embeddedUrl = async ({ dataDir }: Installation): Promise<string> => {
  const clusterDir = join(dataDir, 'postgres');
  const file = await readPidFile(clusterDir);
  if (file === null) throw new Error(`no database runs in ${clusterDir}`);
  const password = (await readFile(join(clusterDir, 'usher-password'), 'utf8')).trim();
  return `postgres://usher:${password}@127.0.0.1:${file.port}/usher`;
};

/** The processes that this one has started. */
const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((each) => each > 0 && parentOf(each) === pid);
const parentOf = (pid: number): number | null => {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    // It ended meanwhile.
    return null;
  }
};

/** Kill -9 of the program and of all its database's processes, at the same moment. */
export const killAll = async (
  { dataDir }: Installation,
  { child, end }: Running,
): Promise<void> => {
  const clusterDir = join(dataDir, 'postgres');
  const postmaster = (await readPidFile(clusterDir))?.pid ?? 0;
  if (!(await isPostmasterOf(postmaster, clusterDir))) throw new Error('its database is not there');
  const database = [postmaster, ...childrenOf(postmaster)];
  child.kill('SIGKILL');
  for (const pid of database) signal(pid, 'SIGKILL');
  await end;
  await until('the database is dead', () => !database.some(isAlive), endLimitMs);
};

/** Sends TERM and returns how it ended. */
export const terminate = async ({ child, end }: Running): Promise<number | NodeJS.Signals> => {
  child.kill('SIGTERM');
  return end;
};

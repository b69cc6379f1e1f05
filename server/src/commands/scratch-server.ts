import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HttpClient } from '@usher/stampede/http.ts';
import type { Clock } from '../platform/clock.ts';
import { readPidFile } from '../platform/postgres/embedded/pid-file.ts';
import { freePort } from '../platform/postgres/embedded/postmaster.ts';
import { isAlive } from '../platform/postgres/embedded/processes.ts';

/** A temporary Usher for one run: the same program as `npm start`, on a temporary data folder. */
export type ScratchServer = {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Of its embedded database; changes with a restart. */
  databaseUrl(): Promise<string>;
  /** Stops it, waits until it has exited and removes its data. */
  stop(): Promise<void>;
};

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
/** Where programs and homes are, and how memory is allocated (bin/run.mjs). */
const surroundings = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'MALLOC_ARENA_MAX'];
const folderPrefix = 'usher-stampede-';
/** A first start makes a database and fills it with the demo: seconds; on a slow disk a minute. */
const readyMaxMs = 180_000;
const stopMaxMs = 20_000;
const pollMs = 100;
const logTailChars = 3000;

export const openScratchServer = async (options: {
  http: HttpClient;
  clock: Clock;
  /** Of this process: only its `surroundings` are passed on, no setting of Usher's. */
  env: Readonly<Record<string, string | undefined>>;
  execPath: string;
  pid: number;
  /** Usher's settings. */
  settings: Readonly<Record<string, string>>;
  /** For Node itself. */
  nodeArgs?: readonly string[];
  signal: AbortSignal;
}): Promise<ScratchServer> => {
  const { http, clock, env, signal } = options;
  await removeAbandoned();
  const dataDir = await mkdtemp(join(tmpdir(), `${folderPrefix}${options.pid}-`));
  // PostgreSQL runs as another user when we are root.
  await chmod(dataDir, 0o711);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(dataDir, 'usher.log');
  const logFile = await open(logPath, 'w');
  const passedOn = surroundings.flatMap((name) =>
    env[name] === undefined ? [] : [[name, env[name]]],
  );
  const child = spawn(options.execPath, [...(options.nodeArgs ?? []), program, 'start'], {
    // The channel closes when we exit for any reason; its own process group keeps Ctrl-C from it.
    stdio: ['ignore', logFile.fd, logFile.fd, 'ipc'],
    detached: true,
    cwd: dataDir,
    env: {
      ...Object.fromEntries(passedOn),
      LOG_LEVEL: 'warn',
      ...options.settings,
      USHER_DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: String(port),
    },
  });
  child.channel?.unref();
  await logFile.close();
  const stop = async (): Promise<void> => {
    await endChild(child, clock);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await untilReady({ http, clock, child, url, logPath, signal });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    pid: child.pid ?? 0,
    dataDir,
    databaseUrl: () => databaseUrlIn(dataDir),
    stop,
  };
};

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

const endChild = async (child: ChildProcess, clock: Clock): Promise<void> => {
  if (hasEnded(child)) return;
  const isGone = new AbortController();
  child.once('exit', () => isGone.abort());
  child.kill('SIGTERM');
  await clock.sleep(stopMaxMs, isGone.signal);
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
};

const untilReady = async (wait: {
  http: HttpClient;
  clock: Clock;
  child: ChildProcess;
  url: string;
  logPath: string;
  signal: AbortSignal;
}): Promise<void> => {
  const { http, clock, child, url, logPath, signal } = wait;
  const untilMs = clock.monotonicMs() + readyMaxMs;
  const ask = { origin: url, method: 'GET', path: '/readyz', headers: {}, body: null } as const;
  for (;;) {
    if (signal.aborted) throw new Error('stopped while the server was starting');
    const sent = await http.send(ask);
    if (sent.outcome === 'reply' && sent.reply.status === 200) return;
    const isLate = clock.monotonicMs() > untilMs;
    if (isLate || hasEnded(child)) {
      const log = (await readFile(logPath, 'utf8')).slice(-logTailChars);
      const what = isLate ? `was not ready after ${readyMaxMs / 1000} s` : 'ended while starting';
      throw new Error(`the server ${what}; its last output:\n${log}`);
    }
    await clock.sleep(pollMs, signal);
  }
};

/** As platform/postgres/embedded keeps them: the port in postmaster.pid, the password beside it. */
const databaseUrlIn = async (dataDir: string): Promise<string> => {
  const clusterDir = join(dataDir, 'postgres');
  const file = await readPidFile(clusterDir);
  if (file === null) throw new Error(`there is no running database in ${clusterDir}`);
  const password = (await readFile(join(clusterDir, 'usher-password'), 'utf8')).trim();
  return `postgres://usher:${password}@127.0.0.1:${file.port}/usher`;
};

/** Removes what killed runs left behind: the folders whose creator is no longer running. */
const removeAbandoned = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    if (isAlive(Number.parseInt(name.slice(folderPrefix.length), 10))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
};

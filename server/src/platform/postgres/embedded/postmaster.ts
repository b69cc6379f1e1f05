import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogFile } from './log-file.ts';
import { readPidFile } from './pid-file.ts';
import { isPostmasterOf, signal } from './processes.ts';
import type { Settings } from './settings.ts';
import { type DatabaseUser, databaseEnvironment } from './user.ts';

export type Postmaster = {
  pid: number;
  port: number;
  /** Settles when it has ended, for any reason, with a message for the log. */
  ended: Promise<string>;
  /** Fast shutdown; after the limit, KILL. May be called more than once. */
  stop(): Promise<void>;
};

type StartOutcome =
  | { outcome: 'ready'; postmaster: Postmaster }
  | { outcome: 'port-taken' }
  /** Another PostgreSQL uses the data folder, or its remains still hold the shared memory. */
  | { outcome: 'occupied' }
  | { outcome: 'failed'; why: string };

export type PostmasterOptions = {
  binDir: string;
  clusterDir: string;
  user: DatabaseUser;
  settings: Settings;
  logFile: LogFile;
};

/** Replaying 1 GB (max_wal_size) takes seconds; a slow disk may need minutes and must get them. */
const readyLimitMs = 600_000;
/** A fast shutdown writes a checkpoint: shared_buffers at most, to a slow disk. */
const stopLimitMs = 30_000;
const pollMs = 20;

/**
 * The guard between us and PostgreSQL: it reports the process id, and turns the end of its input,
 * which the kernel closes when we die for any reason, into a fast shutdown. TERM and INT to the
 * whole group must not end the guard before PostgreSQL.
 */
const guardProgram = `
exec 3<&0 </dev/null
"$@" 3<&- >/dev/null &
postmaster=$!
echo "$postmaster"
trap '' TERM INT HUP
(read -r _ <&3; kill -INT "$postmaster") >/dev/null 2>&1 &
watcher=$!
exec 3<&- >/dev/null
wait "$postmaster"
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
`;

export const startPostmaster = async (
  options: PostmasterOptions & { port: number },
): Promise<StartOutcome> => {
  const { clusterDir, logFile, port } = options;
  const guard = spawnGuard(options);
  const closed = once(guard, 'close');
  const output = collect(guard, logFile);
  const pid = await Promise.race([output.pid, closed.then(() => null)]);
  if (pid === null) return classify(output.text());

  const ended = closed.then(async ([code, by]) => {
    await waitUntilGone(pid, clusterDir, Number.POSITIVE_INFINITY);
    return by ? `its guard was killed by ${by}` : `it exited with code ${code}`;
  });
  const postmaster = { pid, port, ended, stop: () => stop(guard, pid, clusterDir, ended) };
  const deadlineMs = performance.now() + readyLimitMs;
  while (guard.exitCode === null && guard.signalCode === null) {
    const file = await readPidFile(clusterDir);
    if (file?.pid === pid && file.ready) return { outcome: 'ready', postmaster };
    if (performance.now() > deadlineMs) {
      await postmaster.stop();
      return { outcome: 'failed', why: `not ready after ${readyLimitMs / 1000} s` };
    }
    await sleep(pollMs);
  }
  await ended;
  return classify(output.text());
};

/** Detached: in a separate process group, which Ctrl-C in a terminal does not reach. */
const spawnGuard = (options: PostmasterOptions & { port: number }): ChildProcess => {
  const { binDir, clusterDir, user, settings, port } = options;
  const all: Settings = {
    ...settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [join(binDir, 'postgres'), '-D', clusterDir, ...flags];
  return spawn('/bin/sh', ['-c', guardProgram, 'usher-postgres', ...command], {
    cwd: '/',
    detached: true,
    env: databaseEnvironment,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(user ?? {}),
  });
};

const collect = (guard: ChildProcess, logFile: LogFile) => {
  let text = '';
  guard.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-16_384);
    logFile.write(chunk);
  });
  // The other end of the pipe may be gone when we close it, which is fine.
  guard.stdin?.on('error', () => {});
  const pid = new Promise<number>((resolve) => {
    guard.stdout?.setEncoding('utf8').once('data', (line: string) => resolve(Number(line)));
  });
  return { pid, text: () => text };
};

const classify = (text: string): StartOutcome => {
  if (text.includes('Address already in use')) return { outcome: 'port-taken' };
  if (text.includes('lock file "postmaster.pid"')) return { outcome: 'occupied' };
  if (text.includes('shared memory block')) return { outcome: 'occupied' };
  return { outcome: 'failed', why: text.trim() };
};

const stop = async (
  guard: ChildProcess,
  pid: number,
  clusterDir: string,
  ended: Promise<string>,
): Promise<void> => {
  guard.stdin?.destroy();
  if (await isPostmasterOf(pid, clusterDir)) signal(pid, 'SIGINT');
  const late = new AbortController();
  const limit = sleep(stopLimitMs, 'late', { signal: late.signal }).catch(() => 'ended');
  if ((await Promise.race([ended, limit])) === 'late') {
    if (await isPostmasterOf(pid, clusterDir)) signal(pid, 'SIGKILL');
    await ended;
  }
  late.abort();
};

/** INT requests a fast shutdown, QUIT an immediate one, and KILL leaves no choice. */
export const stopByForce = async (pid: number, clusterDir: string): Promise<void> => {
  const steps = [
    ['SIGINT', stopLimitMs],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const;
  for (const [name, limitMs] of steps) {
    if (!(await isPostmasterOf(pid, clusterDir))) return;
    signal(pid, name);
    if (await waitUntilGone(pid, clusterDir, limitMs)) return;
  }
  throw new Error(`the PostgreSQL (process ${pid}) on ${clusterDir} cannot be stopped`);
};

const waitUntilGone = async (
  pid: number,
  clusterDir: string,
  limitMs: number,
): Promise<boolean> => {
  const deadlineMs = performance.now() + limitMs;
  while (await isPostmasterOf(pid, clusterDir)) {
    if (performance.now() > deadlineMs) return false;
    await sleep(pollMs);
  }
  return true;
};

/** Free at this moment; another program may take it before PostgreSQL does, hence `port-taken`. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
};

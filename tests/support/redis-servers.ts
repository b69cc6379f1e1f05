import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { signal } from '../../server/src/platform/postgres/embedded/processes.ts';
import { until } from './until.ts';

/**
 * Redis servers on this machine, for tests (redis.ts) and for benchmarks: nothing here depends on
 * the test runner. They listen on 127.0.0.1 only and end when we end, however we end.
 */
export type RedisServer = {
  readonly port: number;
  readonly url: string;
  /** Sends a command with redis-cli and returns what it prints. */
  cli(...command: readonly string[]): Promise<string>;
  /** Kill -9, or a stop that looks like a hung machine. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts the same server again, on its data. */
  start(): Promise<void>;
  readonly isRunning: boolean;
  /** Whether it runs and was not stopped, so that it answers. */
  readonly isAnswering: boolean;
  /** Ends it for good. */
  stop(): Promise<void>;
};

const limitMs = 60_000;

/**
 * Runs between us and the server: prints its process id, and kills it when our end of the pipe
 * closes, as it does however we die.
 */
const guardProgram = `
exec 3<&0 </dev/null
"$@" 3<&- >/dev/null 2>&1 &
server=$!
echo "$server"
trap '' TERM INT HUP
(read -r _ <&3; kill -KILL "$server") >/dev/null 2>&1 &
watcher=$!
exec 3<&- >/dev/null
wait "$server"
kill -KILL "$watcher" 2>/dev/null
exit 0
`;

const run = promisify(execFile);

/** The name of an option of redis-server, and its value. */
export type RedisSettings = Readonly<Record<string, string>>;

const defaults: RedisSettings = {
  bind: '127.0.0.1',
  appendonly: 'yes',
  save: '',
  daemonize: 'no',
  // A replica syncs at once, and is not considered lost when a busy machine delays it.
  'repl-diskless-sync-delay': '0',
  'repl-ping-replica-period': '1',
};

export const startRedisServer = async (options: {
  folder: string;
  port?: number;
  settings?: RedisSettings;
}): Promise<RedisServer> => {
  const port = options.port ?? (await freeRedisPorts(1))[0] ?? 0;
  const dir = join(options.folder, String(port));
  mkdirSync(dir, { recursive: true });
  const settings: RedisSettings = { port: String(port), dir, ...defaults, ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  let isStopped = false;
  let running: { guard: ChildProcess; pid: number; closed: Promise<unknown> } | null = null;

  const cli = async (...command: readonly string[]): Promise<string> => {
    const { stdout } = await run('redis-cli', ['-p', String(port), ...command], {
      timeout: 10_000,
    });
    return stdout.trim();
  };
  const start = async (): Promise<void> => {
    if (running !== null) throw new Error(`the Redis of port ${port} runs`);
    const guard = spawn('/bin/sh', ['-c', guardProgram, 'usher-redis', 'redis-server', ...flags], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    // The pipe's other end may already be gone when we close it, which is what we wanted.
    guard.stdin?.on('error', () => {});
    const closed = once(guard, 'close');
    const [line] = await once(guard.stdout ?? guard, 'data');
    running = { guard, pid: Number(String(line)), closed };
    await until(
      `Redis answers on port ${port}`,
      async () => {
        if (guard.exitCode !== null) throw new Error(`the Redis of port ${port} ended at once`);
        return (await cli('PING').catch(() => 'not yet')) === 'PONG';
      },
      limitMs,
    );
  };
  const send = async (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    if (running === null) throw new Error(`the Redis of port ${port} does not run`);
    signal(running.pid, name);
    isStopped = name === 'SIGSTOP';
    if (name !== 'SIGKILL') return;
    running.guard.stdin?.destroy();
    await running.closed;
    running = null;
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cli,
    start,
    signal: send,
    get isRunning() {
      return running !== null;
    },
    get isAnswering() {
      return running !== null && !isStopped;
    },
    stop: async () => {
      if (running !== null) await send('SIGKILL');
    },
  };
};

/**
 * Below the ports that the system gives to connections (32768 …), so that none of those takes one
 * before its server does; the bus of a Cluster listens on port + 10,000, which is below them, too.
 */
export const freeRedisPorts = async (count: number): Promise<number[]> => {
  const found = new Set<number>();
  const deadlineMs = performance.now() + limitMs;
  while (found.size < count) {
    if (performance.now() > deadlineMs) throw new Error('no free ports for Redis');
    const port = 20_000 + Math.floor(Math.random() * 2700);
    if ((await isFree(port)) && (await isFree(port + 10_000))) found.add(port);
  }
  return [...found];
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    // The port is in use.
    return false;
  } finally {
    server.close();
  }
};

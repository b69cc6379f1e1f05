import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dropDatabases } from '../support/databases.ts';
import { makeDatabasePrefix } from '../support/template-database.ts';
import { makeCopy } from './copy.ts';
import type { Reply, Request } from './worker.ts';

/** Runs tests on a copy of the repository; starts its process again when one had to be killed. */
export type Runner = {
  /** Changes a file of the copy; returns why PostgreSQL does not accept it, or null. */
  plant(file: string, text: string): Promise<string | null>;
  /** Runs a test file; 'timed-out' after `limitMs`, in which case everything planted is gone. */
  run(test: string, limitMs: number): Promise<Extract<Reply, { kind: 'ran' }> | 'timed-out'>;
  close(): Promise<void>;
};

/** For a start, and for replacing a file or a function: much longer than either takes. */
const startLimitMs = 120_000;
const shownErrorMax = 4000;

type Worker = { child: ChildProcess; errors: () => string };

const startWorker = async (root: string, databaseUrl: string | null): Promise<Worker> => {
  const database = databaseUrl === null ? {} : { TEST_DATABASE_URL: databaseUrl };
  const child = spawn(process.execPath, [join(root, 'tests/mutate/worker.ts'), root], {
    cwd: root,
    // The leader of a group, so that a test that hangs can be killed with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Looking for the shortest history that fails would take longer than all else.
    env: { ...process.env, ...database, TEST_SHRINK: 'no' },
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-shownErrorMax);
  });
  const worker = { child, errors: () => errors };
  if ((await waitForMessage(worker, startLimitMs)) === 'timed-out')
    throw new Error(`a worker did not start: ${errors}`);
  return worker;
};

/** The next message; fails if the process ends before. */
const waitForMessage = async (worker: Worker, limitMs: number): Promise<unknown> => {
  const stop = new AbortController();
  const { signal } = stop;
  try {
    return await Promise.race([
      once(worker.child, 'message', { signal }).then(([message]) => message as unknown),
      once(worker.child, 'exit', { signal }).then(() => {
        throw new Error(`a worker ended: ${worker.errors()}`);
      }),
      sleep(limitMs, 'timed-out', { signal }),
    ]);
  } finally {
    stop.abort();
  }
};

export const openRunner = async (options: {
  root: string;
  /** Null if no test needs PostgreSQL. */
  databaseUrl: string | null;
  /** The original text of a file that is changed. */
  readOriginal: (file: string) => string;
}): Promise<Runner> => {
  const { databaseUrl } = options;
  const copy = await makeCopy(options.root);
  let worker: Worker | null = null;

  const end = async (): Promise<void> => {
    if (worker === null) return;
    const { child } = worker;
    worker = null;
    const pid = child.pid ?? 0;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      process.kill(-pid, 'SIGKILL');
      await exited;
    }
    if (databaseUrl !== null) await dropDatabases(databaseUrl, `${makeDatabasePrefix(pid)}_`);
  };
  const ask = async (request: Request, limitMs: number): Promise<Reply | 'timed-out'> => {
    worker ??= await startWorker(copy, databaseUrl);
    const reply = waitForMessage(worker, limitMs);
    worker.child.send(request);
    return (await reply) as Reply | 'timed-out';
  };

  const planted = new Set<string>();
  return {
    plant: async (file, text) => {
      planted.add(file);
      const reply = await ask({ kind: 'plant', file, text }, startLimitMs);
      if (reply === 'timed-out' || reply.kind !== 'planted')
        throw new Error(`assertion failed: ${file} is planted`);
      return reply.fault;
    },
    run: async (test, limitMs) => {
      const reply = await ask({ kind: 'run', test }, limitMs);
      if (reply === 'timed-out') {
        await end();
        for (const file of planted) writeFileSync(join(copy, file), options.readOriginal(file));
        return reply;
      }
      if (reply.kind !== 'ran') throw new Error(`assertion failed: ${test} ran`);
      return reply;
    },
    close: async () => {
      await end();
      await rm(copy, { recursive: true, force: true });
    },
  };
};

import { Worker } from 'node:worker_threads';
import type { Clock } from './clock.ts';
import { Failure } from './failure.ts';
import type { Log } from './log.ts';

/**
 * One thread beside the one that serves, for work of some 10 ms that people wait for but that must
 * delay no other request: drawing tickets, composing mails. It runs one task at a time.
 */
export type SideThread = {
  /**
   * Rejects with the task's own error; with OVERLOADED if too many are waiting (it did not run);
   * or with THREAD_ENDED if the thread died or was stuck during the task. The next task starts
   * another thread. Input and result are copied: a Buffer arrives as a Uint8Array.
   */
  run<Input, Result>(task: Task<Input, Result>, input: Input, line: Line): Promise<Result>;
  /** Resolves when all accepted tasks have ended; later ones are refused. */
  close(): Promise<void>;
};

/** `foreground`: somebody waits for the result; `background` tasks run when no such one waits. */
export type Line = 'foreground' | 'background';

declare const types: unique symbol;
/** A function that a module exports, by its name: the thread looks it up there. */
export type Task<Input, Result> = {
  /** `import.meta.url` of the module. */
  readonly module: string;
  readonly name: string;
  readonly [types]?: (input: Input) => Result;
};

export const nameTask = <Input, Result>(module: string, name: string): Task<Input, Result> => {
  const task: Task<Input, Result> = { module, name };
  return task;
};

export type Order = { readonly module: string; readonly name: string; readonly input: unknown };
export type Answer =
  | { readonly outcome: 'done'; readonly result: unknown }
  | { readonly outcome: 'failed'; readonly error: Error };

/**
 * At niceness 14 Linux gives a thread 45 shares of a core on which the serving thread has 1024.
 * Measured on one core, with both always busy: the serving thread used 9.89 s and this one 0.43 s,
 * 4.3 % as much, in which it drew 60 PDFs of two tickets. On idle cores it runs at full speed.
 */
const niceness = 14;
/** Waiting tasks of each line. At 4 tasks a second the last one waits for a minute. */
const waitingMaxDefault = 256;
/** A task takes 10 ms, and 250 ms on a machine without idle time; 60 s means that it is stuck. */
const taskMaxMsDefault = 60_000;
/** After this time without a task the thread ends and returns its memory, 50 to 90 MB. */
const idleMaxMs = 60_000;
/** A task that needs more ends its thread, not the program. */
const heapMaxMb = 256;

type Waiting = {
  readonly order: Order;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
};

const entry = new URL('./side-thread.worker.ts', import.meta.url);

export const openSideThread = (options: {
  clock: Clock;
  log: Pick<Log, 'warn'>;
  waitingMax?: number;
  taskMaxMs?: number;
}): SideThread => {
  const { clock, log } = options;
  const { waitingMax = waitingMaxDefault, taskMaxMs = taskMaxMsDefault } = options;
  const lines: Record<Line, Waiting[]> = { foreground: [], background: [] };
  let worker: Worker | null = null;
  let running: Waiting | null = null;
  /** Ends the wait for the running task, or for the next one. */
  let watch = new AbortController();
  let isClosing = false;
  let drained = (): void => undefined;

  const endThread = (): void => {
    const ended = worker;
    worker = null;
    // Its exit is not waited for: nothing of it is used again.
    ended
      ?.terminate()
      .catch((error: unknown) => log.warn({ err: error }, 'ending a thread failed'));
  };

  const fail = (reason: string, cause?: unknown): void => {
    endThread();
    if (running === null) return;
    const { order, reject } = running;
    log.warn({ err: cause, task: order.name, reason }, 'the side thread ended; starting another');
    reject(new Failure('THREAD_ENDED', `${order.name}: ${reason}`, { retryable: true, cause }));
    settle();
  };

  const startThread = (): Worker => {
    const started = new Worker(entry, {
      workerData: { niceness },
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
    });
    const isCurrent = () => worker === started;
    started.on('message', (answer: Answer) => {
      if (!isCurrent() || running === null) return;
      if (answer.outcome === 'done') running.resolve(answer.result);
      else running.reject(answer.error);
      settle();
    });
    started.on('error', (error) => {
      if (isCurrent()) fail('the thread failed', error);
    });
    started.on('exit', (code) => {
      if (isCurrent()) fail(`the thread exited with code ${code}`);
    });
    return started;
  };

  /** Calls `then` after `ms`, unless the running task ends or the next one begins before. */
  const watchFor = (ms: number, then: () => void): void => {
    watch = new AbortController();
    const { signal } = watch;
    void clock.sleep(ms, signal).then(() => {
      if (!signal.aborted) then();
    });
  };

  const settle = (): void => {
    watch.abort(null);
    running = null;
    beginNext();
  };

  const beginNext = (): void => {
    if (running !== null) return;
    watch.abort(null);
    const next = lines.foreground.shift() ?? lines.background.shift();
    if (next === undefined) {
      if (isClosing) {
        endThread();
        drained();
      } else watchFor(idleMaxMs, endThread);
      return;
    }
    running = next;
    worker ??= startThread();
    watchFor(taskMaxMs, () => fail(`no result after ${taskMaxMs} ms`));
    try {
      worker.postMessage(next.order);
    } catch (error) {
      // The input cannot be copied: a bug of the caller.
      next.reject(error);
      settle();
    }
  };

  return {
    run: <Input, Result>(task: Task<Input, Result>, input: Input, line: Line) =>
      new Promise<Result>((resolve, reject) => {
        const { module, name } = task;
        if (isClosing || lines[line].length >= waitingMax) {
          const reason = isClosing ? 'closing' : `${waitingMax} tasks are waiting`;
          reject(new Failure('OVERLOADED', `${name}: ${reason}`, { retryable: true }));
          return;
        }
        const order: Order = { module, name, input };
        lines[line].push({ order, resolve: resolve as (result: unknown) => void, reject });
        beginNext();
      }),
    close: () =>
      new Promise((resolve) => {
        isClosing = true;
        drained = resolve;
        beginNext();
      }),
  };
};

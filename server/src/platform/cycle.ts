import { AsyncLocalStorage } from 'node:async_hooks';
import { makeBatcher } from './batcher.ts';
import type { Clock } from './clock.ts';
import {
  type Batch,
  type CycleAnswer,
  type CycleKind,
  makeBatch,
  makeCommit,
  type Waiting,
} from './cycle-commit.ts';
import { assert, Failure } from './failure.ts';
import type { Metrics } from './metrics.ts';
import type { Database } from './postgres/sql.ts';

export type { CycleAnswer, CycleKind } from './cycle-commit.ts';

/**
 * Group commit over all kinds of calls: everything that waits when a cycle starts goes to the
 * database as one statement with one commit (cycle-commit.ts says how), and what arrives meanwhile
 * goes with the next cycle.
 */
export type Cycle = {
  /** Adds a kind; the kinds of a process are registered while its services are opened. */
  register<Call, Result, Answer extends CycleAnswer>(
    kind: CycleKind<Call, Result, Answer>,
  ): {
    /**
     * Resolves with this call's result after its commit. Rejects with the call's own error, which
     * changed nothing; with STORE_UNREACHABLE or STORE_TIMEOUT, outcome unknown; or with
     * OVERLOADED, when too many calls of its kind are waiting (nothing was done).
     */
    add(call: Call): Promise<Result>;
  };
  /** Resolves when every call that was added has been answered; later calls are refused. */
  close(): Promise<void>;
};

/**
 * After a cycle of more than `busyCalls` calls the next one starts `pauseMs` after the start of
 * that one, or at its end if it took longer. So a lone call never waits, and a crowd fills fewer
 * and larger cycles. Measured: docs/decisions/0016.
 */
const busyCalls = 8;
const pauseMs = 10;

/** Both are parts of statements, so nothing in them may need quoting. */
const checkNames = ({ name, functionName }: { name: string; functionName: string }): void => {
  assert(/^[a-z]+(?:-[a-z]+)*$/.test(name), `a kind cannot be called ${name}`);
  assert(/^[a-z_]+\.[a-z_]+$/.test(functionName), `${name}: no function of a schema`);
};

/** The calls of one kind that wait, in arrival order. */
const makeQueue = <Call, Result, Answer extends CycleAnswer>(
  kind: CycleKind<Call, Result, Answer>,
  limits: { batchSizeMax: number; waitingMax: number },
) => {
  let waiting: Waiting<Call, Result>[] = [];
  return {
    rank: kind.rank,
    isEmpty: () => waiting.length === 0,
    isFull: () => waiting.length >= limits.waitingMax,
    push: (entry: Waiting<Call, Result>): void => void waiting.push(entry),
    /** Takes out the calls of the next cycle; null if none is waiting. */
    takeBatch: (): Batch | null => {
      if (waiting.length === 0) return null;
      const taken = waiting.slice(0, limits.batchSizeMax);
      waiting = waiting.slice(limits.batchSizeMax);
      return makeBatch(kind, taken);
    },
  };
};
type Queue = Pick<ReturnType<typeof makeQueue>, 'rank' | 'isEmpty' | 'takeBatch'>;

/** Starts cycles over all queues, one at a time, while any of them has calls. */
const makeCycleLoop = (deps: {
  clock: Clock;
  metrics: Metrics;
  commit: (batches: readonly Batch[]) => Promise<void>;
}) => {
  const { clock, metrics, commit } = deps;
  const sizes = metrics.histogram(
    'usher_cycle_calls',
    'Calls of all kinds that were committed together',
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048],
  );
  const queues: Queue[] = [];
  const closing = new AbortController();
  let drained = (): void => undefined;
  /** From being scheduled until the last call has been answered. */
  let isRunning = false;
  let pausedUntilMs = 0;
  // A cycle belongs to no caller: it does not run in the trace of the call that started it.
  const asNobody = AsyncLocalStorage.snapshot();

  // One at a time. A second one in flight would wait for the locks of the first, and its changes
  // could become known first; where there is a pause, the first has usually ended by then.
  const runCycle = async (): Promise<void> => {
    const restMs = pausedUntilMs - clock.monotonicMs();
    if (restMs > 0) await clock.sleep(restMs, closing.signal);
    const startMs = clock.monotonicMs();
    const batches = queues.flatMap((queue) => queue.takeBatch() ?? []);
    for (const { name, size } of batches) metrics.batchSizes.observe({ batch: name }, size);
    const calls = batches.reduce((sum, { size }) => sum + size, 0);
    sizes.observe(calls);
    await commit(batches);
    pausedUntilMs = calls > busyCalls ? startMs + pauseMs : startMs;
    isRunning = false;
    if (queues.every((queue) => queue.isEmpty())) drained();
    else schedule();
  };
  const schedule = (): void => {
    if (isRunning) return;
    isRunning = true;
    // At the end of the current turn of the event loop, so that all its calls go together.
    setImmediate(() => void asNobody(runCycle));
  };

  return {
    schedule,
    isClosing: () => closing.signal.aborted,
    addQueue: (queue: Queue): void => {
      queues.push(queue);
      queues.sort((a, b) => a.rank - b.rank);
    },
    /** Ends the pause, and resolves after the last cycle. No call may be added any more. */
    drain: async (): Promise<void> => {
      const ended = isRunning ? new Promise<void>((resolve) => (drained = resolve)) : undefined;
      closing.abort();
      await ended;
    },
  };
};

export const makeCycle = (options: {
  db: Pick<Database, 'query'>;
  clock: Clock;
  metrics: Metrics;
  /** Most calls of one kind in one cycle. With 1, group commit is off: one call a statement. */
  batchSizeMax: number;
  /** Calls of one kind that may wait; beyond it the caller is refused instead of piling up. */
  waitingMax?: number;
  /**
   * The function, with its schema, that locks what the calls of a cycle will change, in one order
   * for all processes: `lock(keys text[]) RETURNS void`. Needed by kinds with `readLock`.
   */
  lockFunction?: string;
}): Cycle => {
  const { db, metrics, batchSizeMax, waitingMax = 20_000, lockFunction = null } = options;
  const repeats = metrics.counter(
    'usher_cycle_repeats_total',
    'Statements whose calls were repeated in parts, because one of them failed',
  );
  const commit = makeCommit({ db, lockFunction, onRepeat: () => repeats.inc() });
  const loop = makeCycleLoop({ ...options, commit });
  const taken = new Set<string | number>();
  const closers: (() => Promise<void>)[] = [loop.drain];
  let closed: Promise<void> | null = null;

  const registerInCycle = <Call, Result, Answer extends CycleAnswer>(
    kind: CycleKind<Call, Result, Answer>,
  ) => {
    const queue = makeQueue(kind, { batchSizeMax, waitingMax });
    loop.addQueue(queue);
    return {
      add: (call: Call): Promise<Result> =>
        new Promise((resolve, reject) => {
          if (loop.isClosing() || queue.isFull()) {
            const why = loop.isClosing() ? 'closing' : 'too many calls are waiting';
            reject(new Failure('OVERLOADED', `${kind.name}: ${why}`, { retryable: true }));
            return;
          }
          queue.push({ call, resolve, reject });
          loop.schedule();
        }),
    };
  };

  /** Group commit off: each kind has a batcher, as reads have, that sends single calls. */
  const registerAlone = <Call, Result, Answer extends CycleAnswer>(
    kind: CycleKind<Call, Result, Answer>,
  ) => {
    const runAlone = (call: Call): Promise<Result> =>
      new Promise((resolve, reject) => {
        void commit([makeBatch(kind, [{ call, resolve, reject }])]);
      });
    const batcher = makeBatcher<Call, Result>({
      name: kind.name,
      sizes: metrics.batchSizes,
      sizeMax: 1,
      waitingMax,
      run: (calls) => Promise.all(calls.map(runAlone)),
    });
    closers.push(batcher.close);
    return { add: batcher.add };
  };

  return {
    register: (kind) => {
      const { name, rank } = kind;
      checkNames(kind);
      assert(!taken.has(name) && !taken.has(rank), `${name}: another kind has its name or rank`);
      assert(kind.readLock === undefined || lockFunction !== null, `${name}: nothing locks for it`);
      taken.add(name).add(rank);
      return batchSizeMax === 1 ? registerAlone(kind) : registerInCycle(kind);
    },
    close: () => {
      closed ??= Promise.all(closers.map((close) => close())).then(() => undefined);
      return closed;
    },
  };
};

import pg from 'pg';
import { Failure } from '../failure.ts';
import type { Log } from '../log.ts';

/** Runs one statement. Statements are never named, because of poolers such as PgBouncer. */
export type Sql = {
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>;
};
/**
 * After a deadlock or serialization failure, the statement or the whole function of the transaction
 * is retried, up to 3 times in all. External failures are thrown as Failure: STORE_UNREACHABLE and
 * STORE_TIMEOUT (the outcome may be unknown), STORE_CONFLICT and OVERLOADED (nothing was done), all
 * of them retryable.
 */
export type Database = Sql & {
  /** READ COMMITTED. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

// By default int8 and numeric are strings; counts and won amounts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** Connection lost or refused, resources exhausted, disk failure, a standby without a leader. */
const unreachableStates = /^(?:08|53|58)\w{3}$|^57P\w\d?$|^25006$/;
const timeoutStates = new Set(['55P03', '57014', '25P03']);
const conflictStates = new Set(['40001', '40P01']);
const triesMax = 3;

const stateOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
const isConflict = (error: unknown): boolean => conflictStates.has(stateOf(error));

/** Whether the connection is unusable: it is broken, or a response is still pending. */
const isLost = (cause: unknown): boolean => {
  const state = stateOf(cause);
  const text = cause instanceof Error ? cause.message : '';
  return (
    unreachableStates.test(state) ||
    /^E[A-Z_]+$/.test(state) ||
    /Connection terminated|not queryable|connection was closed|Query read timeout/i.test(text)
  );
};

/** Turns driver errors into a Failure, so that the layers above never see an SQLSTATE. */
const asFailure = (cause: unknown): unknown => {
  const text = cause instanceof Error ? cause.message : '';
  const failure = (code: string, message: string): Failure =>
    new Failure(code, message, { retryable: true, cause });
  if (timeoutStates.has(stateOf(cause)) || text === 'Query read timeout')
    return failure('STORE_TIMEOUT', 'the database took too long');
  if (text === 'timeout exceeded when trying to connect')
    return failure('OVERLOADED', 'all connections to the database are in use');
  if (isLost(cause)) return failure('STORE_UNREACHABLE', 'the database cannot be reached');
  return cause;
};

/**
 * Whether the database rolled a statement back because of what was in it or what it met: an error
 * of one of its values, a constraint, a conflict that persisted. It changed nothing and may be sent
 * again in parts. Not after a timeout, where each part could take as long again, and not after a
 * lost connection, where the outcome is unknown.
 */
export const isRolledBack = (error: unknown): boolean =>
  error instanceof Failure ? error.code === 'STORE_CONFLICT' : /^[0-9A-Z]{5}$/.test(stateOf(error));

const repeated = async <T>(log: Log, work: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (tries === triesMax)
        throw new Failure('STORE_CONFLICT', 'transaction conflicts persisted after all retries', {
          retryable: true,
          cause: error,
        });
      log.warn(
        { state: stateOf(error), tries },
        'transaction rolled back (deadlock or serialization failure); retrying',
      );
    }
  }
};

/** A connection, and whether it was lost while in use. */
type Use = { readonly client: pg.PoolClient; isLost: boolean };

const run = async (use: Use, text: string, params: readonly unknown[]) => {
  try {
    return await use.client.query(text, params as unknown[]);
  } catch (error) {
    use.isLost ||= isLost(error);
    throw asFailure(error);
  }
};
const on = (use: Use): Sql => ({
  query: async <Row>(text: string, params: readonly unknown[] = []) =>
    (await run(use, text, params)).rows as Row[],
});

/**
 * One use of a connection, which is returned to the pool unless it was lost. The pool's own `query`
 * would discard it after every error, including constraint violations.
 */
const withClient = async <T>(pool: pg.Pool, work: (use: Use) => Promise<T>): Promise<T> => {
  const client = await pool.connect().catch((error: unknown) => {
    throw asFailure(error);
  });
  const use: Use = { client, isLost: false };
  // A loss between two statements is reported only here, and would otherwise crash the process.
  const onLost = (): void => {
    use.isLost = true;
  };
  client.on('error', onLost);
  try {
    return await work(use);
  } finally {
    client.off('error', onLost);
    client.release(use.isLost);
  }
};

const inTransaction = async <T>(use: Use, work: (tx: Sql) => Promise<T>): Promise<T> => {
  try {
    await run(use, 'BEGIN', []);
    const result = await work(on(use));
    const { command } = await run(use, 'COMMIT', []);
    // COMMIT returned ROLLBACK: a statement failed, but `work` continued.
    if (command !== 'COMMIT')
      throw new Error(
        'assertion failed: a transaction was rolled back by an error that it swallowed',
      );
    return result;
  } catch (error) {
    // A connection that cannot roll back is discarded.
    if (!use.isLost)
      await run(use, 'ROLLBACK', []).catch(() => {
        use.isLost = true;
      });
    throw error;
  }
};

export const openDatabase = (options: {
  url: string;
  name: string;
  log: Log;
  /** Connections of this process. */
  poolMax: number;
  /** Longest statement; a hold or an order takes milliseconds. */
  statementTimeoutMs?: number;
  /** Longest wait for a lock (pretix: 3 s). */
  lockTimeoutMs?: number;
  /** Longest wait for a connection, new or from the pool. */
  connectTimeoutMs?: number;
}): Database => {
  const { log, poolMax, statementTimeoutMs = 10_000 } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: `usher ${options.name}`,
    max: poolMax,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    // For a database that cannot time out by itself: its machine or the network is down.
    query_timeout: statementTimeoutMs + 2000,
    lock_timeout: options.lockTimeoutMs ?? 3000,
    // A suspended process must not keep a lock forever.
    idle_in_transaction_session_timeout: 10_000,
  });
  pool.on('error', (error) => log.warn({ err: error }, 'idle database connection lost'));

  // Crowds go through batchers; 50 callers waiting per connection is too many.
  const waitingMax = 50 * poolMax;
  const refuseWhenFull = (): void => {
    if (pool.waitingCount >= waitingMax)
      throw new Failure('OVERLOADED', 'too many callers are waiting for the database', {
        retryable: true,
      });
  };
  return {
    query: async (text, params) => {
      refuseWhenFull();
      return repeated(log, () => withClient(pool, (use) => on(use).query(text, params)));
    },
    transaction: async (work) => {
      refuseWhenFull();
      return repeated(log, () => withClient(pool, (use) => inTransaction(use, work)));
    },
    close: () => pool.end(),
  };
};

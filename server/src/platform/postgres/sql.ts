import pg from 'pg';
import type { Histogram } from 'prom-client';
import { Failure } from '../failure.ts';
import type { Log } from '../log.ts';

/** Runs one statement. Statements are never named: a pooler may stand between (PgBouncer). */
export type Sql = {
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>;
};
export type Database = Sql & {
  /** READ COMMITTED. Repeats the whole function up to 3 times on deadlock or serialization failure. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

// int8 and numeric would come as strings: counts and won amounts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const unreachableStates = new Set(['57P01', '57P02', '57P03', '53300', '08006', '08001', '08003']);
const retryStates = new Set(['40001', '40P01']);
const timeoutStates = new Set(['55P03', '57014', '25P03']);

const stateOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Turns what the driver throws into a Failure, so that nobody above sees an SQLSTATE. */
const asFailure = (error: unknown): unknown => {
  const state = stateOf(error);
  if (state !== undefined && timeoutStates.has(state))
    return new Failure('STORE_TIMEOUT', 'the database took too long', {
      retryable: true,
      cause: error,
    });
  const isConnectionLoss =
    (state !== undefined && (unreachableStates.has(state) || /^E[A-Z]+$/.test(state))) ||
    (error instanceof Error &&
      /Connection terminated|timeout exceeded when trying to connect|not queryable/.test(
        error.message,
      ));
  if (isConnectionLoss)
    return new Failure('STORE_UNREACHABLE', 'the database cannot be reached', {
      retryable: true,
      cause: error,
    });
  return error;
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
  durations?: Histogram;
}): Database => {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: `usher ${options.name}`,
    max: options.poolMax,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 60_000,
    statement_timeout: options.statementTimeoutMs ?? 10_000,
    lock_timeout: options.lockTimeoutMs ?? 3000,
    // A stopped process must not keep a lock for ever.
    idle_in_transaction_session_timeout: 10_000,
  });
  pool.on('error', (error) => options.log.warn({ err: error }, 'an idle connection was lost'));

  const on = (client: pg.Pool | pg.PoolClient): Sql => ({
    query: async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> => {
      try {
        const result = await client.query(text, params as unknown[]);
        return result.rows as Row[];
      } catch (error) {
        throw asFailure(error);
      }
    },
  });
  const once = async <T>(work: (tx: Sql) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw asFailure(error);
    }
    let broken: Error | undefined;
    try {
      const tx = on(client);
      await tx.query('BEGIN');
      const result = await work(tx);
      await tx.query('COMMIT');
      return result;
    } catch (error) {
      // A connection that cannot roll back is thrown away with whatever it held.
      await client.query('ROLLBACK').catch((e: Error) => {
        broken = e;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  };
  return {
    ...on(pool),
    transaction: async (work) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(work);
        } catch (error) {
          const state = stateOf(error);
          if (attempt >= 3 || state === undefined || !retryStates.has(state)) throw error;
          options.log.warn({ state, attempt }, 'transaction repeated');
        }
      }
    },
    close: () => pool.end(),
  };
};

import pg from 'pg';
import { hasCode } from './errors.ts';

/** In database `postgres`, where nothing else takes advisory locks: 'ushr' in ASCII, and 1. */
const lock = [0x75736872, 1];
const connectLimitMs = 3_000;

export type Ownership = {
  /** Settles when the connection that holds the lock has ended, for any reason. */
  lost: Promise<void>;
  release(): Promise<void>;
};

type Claim =
  | { outcome: 'owned'; ownership: Ownership }
  | { outcome: 'held'; by: string }
  /** It is starting, stopping, or gone. */
  | { outcome: 'not-accepting' };

/**
 * The process that holds this lock, for the life of a connection, owns the database. A running
 * PostgreSQL whose lock is free has lost its Usher.
 */
export const claim = async (port: number, password: string): Promise<Claim> => {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    application_name: `usher, process ${process.pid}`,
    connectionTimeoutMillis: connectLimitMs,
    query_timeout: connectLimitMs,
    keepAlive: true,
  });
  // 'end' reports errors of the idle connection; without a listener they would crash us.
  client.on('error', () => {});
  try {
    await client.connect();
    const sql = 'SELECT pg_try_advisory_lock($1, $2) AS owned';
    const { rows } = await client.query<{ owned: boolean }>(sql, lock);
    if (rows[0]?.owned) return { outcome: 'owned', ownership: hold(client) };
    const by = await holder(client);
    await client.end();
    return { outcome: 'held', by };
  } catch (error) {
    await client.end().catch(() => {
      // It was never connected; report the first error.
    });
    if (isNotAccepting(error)) return { outcome: 'not-accepting' };
    throw error;
  }
};

const hold = (client: pg.Client): Ownership => {
  const lost = new Promise<void>((resolve) => {
    client.once('end', resolve);
  });
  return { lost, release: () => client.end() };
};

const holder = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ application_name: string }>(
    `SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2`,
    lock,
  );
  return rows[0]?.application_name ?? 'another Usher';
};

/** 57P03: starting or stopping; 57P01: stopped during our query; the rest: connection lost. */
const isNotAccepting = (error: unknown): boolean => {
  const codes = ['57P03', '57P01', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'];
  if (hasCode(error, ...codes)) return true;
  return error instanceof Error && /timeout|terminated/i.test(error.message);
};

import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAccounts } from '@usher/stampede/accounts.ts';
import { makeCaller } from '@usher/stampede/caller.ts';
import { makeHttpClient } from '@usher/stampede/http.ts';
import { makeNotes } from '@usher/stampede/notes.ts';
import { makeShowMaker, type ShowMaker } from '@usher/stampede/show.ts';
import { z } from 'zod';
import { openScratchServer, type ScratchServer } from '../../server/src/commands/scratch-server.ts';
import { demoAccounts } from '../../server/src/demo/accounts.ts';
import { checkInvariants } from '../../server/src/invariants.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { type Database, openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeTokenSigner } from '../../server/src/platform/signed-token.ts';
import { until } from '../support/until.ts';
import { type CpuSeconds, readCpu } from './machine.ts';
import { makeRawClient, type RawClient } from './raw-http.ts';

const clock = systemClock;
export const ids = makeIds(clock);
/** The secret of the bench's server only. */
export const benchSecret = 'a secret of the bench and of nothing else';
const tokenLifeMs = 2 * 3_600_000;
/** The default, which is also the number for the bare server. */
export const connectionsUsual = 256;

/** A server under load, with everything that a scenario needs. */
export type TestServer = {
  server: ScratchServer;
  /** Where waiting rooms are kept. */
  store: 'embedded' | 'redis';
  client: RawClient;
  db: Database;
  shows: ShowMaker;
  people: readonly Person[];
  cpu(): CpuSeconds;
  /** Committed transactions since the server was made, without those of an idle server. */
  commits(): Promise<number>;
  /** Transactions that wrote, so far: each of them has waited for the disk. */
  writes(): Promise<number>;
  metric(name: string): Promise<number>;
  violations(): Promise<number>;
  /** Memory of the server's JavaScript including buffers, in bytes, without garbage. */
  heldMemory(): Promise<number>;
  close(): Promise<void>;
};
/** `headers`: the line with the access token, ready to be sent. */
export type Person = { accountId: string; headers: string };

export const openTestServer = async (options: {
  people: number;
  settings?: Readonly<Record<string, string>>;
  cpuProfileDir?: string;
  connectionsMax?: number;
}): Promise<TestServer> => {
  const signal = new AbortController().signal;
  const http = makeHttpClient(16);
  const profiled = options.cpuProfileDir === undefined ? [] : profileArgs(options.cpuProfileDir);
  const nodeArgs = [...collectOnSignal, ...profiled];
  const server = await openScratchServer({
    http,
    clock,
    signal,
    nodeArgs,
    pid: process.pid,
    execPath: process.execPath,
    env: process.env,
    settings: { USHER_SECRET: benchSecret, ...options.settings },
  });
  const url = await server.databaseUrl();
  const db = openDatabase({
    url,
    name: 'bench',
    log: silentLog,
    poolMax: 2,
    statementTimeoutMs: 600_000,
  });
  const client = makeRawClient(server.url, options.connectionsMax ?? connectionsUsual);
  const close = async (): Promise<void> => {
    client.close();
    await db.close();
    await http.close();
    await server.stop();
  };
  try {
    const caller = makeCaller({
      http,
      clock,
      origin: server.url,
      notes: makeNotes(),
      patienceMs: 30_000,
      makeKey: ids.secret,
    });
    const accounts = makeAccounts({ caller, clock, password: '', signal });
    const { email = '', password = '' } =
      demoAccounts.find(({ role }) => role === 'ORGANISER') ?? {};
    const organiser = await accounts.logIn({ email, password, address: null });
    // The demo has sold tickets; rendering them takes most of a core for half a minute.
    await until('the mails of the demo are sent', () => isDemoOver(db), 180_000);
    return {
      server,
      client,
      db,
      close,
      store: options.settings?.['REDIS_URL'] === undefined ? 'embedded' : 'redis',
      shows: makeShowMaker({ caller, organiser, clock, signal }),
      people: await makePeople(db, options.people),
      cpu: () => readCpu(server.pid),
      commits: () => readCommits(db),
      writes: () => readWrites(db),
      metric: (name) => readMetric(client, name),
      violations: async () => (await checkInvariants(db)).violations.length,
      heldMemory: () => readHeldMemory(server.pid, (name) => readMetric(client, name)),
    };
  } catch (error) {
    await close();
    throw error;
  }
};

const collectOnSignal = [
  '--expose-gc',
  '--import',
  'data:text/javascript,process.on("SIGUSR2",()=>gc())',
];
/** Longer than a garbage collection takes. */
const collectedMs = 3000;
const readHeldMemory = async (pid: number, metric: TestServer['metric']): Promise<number> => {
  process.kill(pid, 'SIGUSR2');
  await sleep(collectedMs);
  const names = ['nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes'];
  const [heap = Number.NaN, outside = Number.NaN] = await Promise.all(names.map(metric));
  return heap + outside;
};

const profileArgs = (dir: string): string[] => {
  mkdirSync(dir, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${dir}`, '--cpu-prof-interval=500'];
};

/**
 * Accounts with tokens as the server signs them: tens of thousands of sign-ups would only measure
 * argon2. The passwords are not hashes, so nobody can log in with them.
 */
const makePeople = async (db: Database, count: number): Promise<Person[]> => {
  const tokens = makeTokenSigner({ secret: benchSecret, kind: 'access', schema: z.unknown() });
  const endsAtMs = clock.nowMs() + tokenLifeMs;
  const accountIds = Array.from({ length: count }, () => ids.make('account'));
  for (let from = 0; from < count; from += 10_000)
    await db.query(
      `INSERT INTO identity.accounts (id, email, name, role, locale, password_hash, created_at)
       SELECT id, id || '@bench.invalid', 'bench', 'BUYER', 'en', 'none', clock_timestamp()
       FROM unnest($1::text[]) AS id`,
      [accountIds.slice(from, from + 10_000)],
    );
  return accountIds.map((accountId) => {
    const token = tokens.sign({ a: accountId, r: 'BUYER', s: ids.make('session'), e: endsAtMs });
    return { accountId, headers: `authorization: Bearer ${token}\r\n` };
  });
};

/** The demo's last show is sold while the server already runs, and each order gets a mail. */
export const isDemoOver = async (db: Database): Promise<boolean> => {
  const [row] = await db.query<{ isOver: boolean }>(
    `SELECT EXISTS (SELECT FROM catalogue.seeds)
       AND NOT EXISTS (SELECT FROM platform.waiting_events)
       AND NOT EXISTS (SELECT FROM notifications.mails WHERE state = 'WAITING') AS "isOver"`,
  );
  return row?.isOver === true;
};

const readCommits = async (db: Database): Promise<number> => {
  const [row] = await db.query<{ commits: number }>(
    'SELECT xact_commit AS commits FROM pg_stat_database WHERE datname = current_database()',
  );
  return row?.commits ?? 0;
};

/** From the ids that transactions get with their first change. */
const readWrites = async (db: Database): Promise<number> => {
  const [row] = await db.query<{ writes: number }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS writes',
  );
  if (row === undefined) throw new Error('the server has no transactions');
  return row.writes;
};

/** The sum over all labels of a meter. */
const readMetric = async (client: RawClient, name: string): Promise<number> => {
  const { body } = await client.send('GET', '/metrics', '', null);
  const lines = body.toString().matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
};

import { open as openFile, writeFile } from 'node:fs/promises';
import { type HttpClient, makeHttpClient } from '@usher/stampede/http.ts';
import { help, type LogIn, type Options, parseWords } from '@usher/stampede/options.ts';
import { renderPage } from '@usher/stampede/page.ts';
import type { MakeAccounts } from '@usher/stampede/people.ts';
import { makeProgress } from '@usher/stampede/progress.ts';
import { isBroken, renderReport } from '@usher/stampede/report.ts';
import { runStampede } from '@usher/stampede/run.ts';
import type { Database } from '@usher/stampede/settle.ts';
import { readConfig } from '../config.ts';
import { demoAccounts } from '../demo/accounts.ts';
import { checkInvariants } from '../invariants.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { silentLog } from '../platform/log.ts';
import { openDatabase } from '../platform/postgres/sql.ts';
import { processPort } from '../platform/process.ts';
import { termsOf } from '../services/waiting-room/index.ts';
import type { Command } from './command.ts';
import { readRoomHistory } from './room-history.ts';
import { makeScratchAccounts } from './scratch-accounts.ts';
import { openScratchServer } from './scratch-server.ts';

const clock = systemClock;
const ids = makeIds(clock);
/** Connections, shared by all buyers, who spend most of their time thinking. */
const connectionsMax = 512;
/** Abandoned seats should come back while other buyers are still there. */
const scratchHoldTtlMs = (pace: number): number => Math.max(20_000, Math.round(7 * 60_000 * pace));

/** Default claim window of a server. */
const claimWindowMs = 30_000;
/** So should the passes of people who leave; at most the lifetime of a pass. */
const scratchPassTtlMs = (pace: number): number =>
  Math.min(30 * 60_000, Math.max(20_000, Math.round(10 * 60_000 * pace)));

type Target = {
  url: string;
  isTrusting: boolean;
  databaseUrl: (() => Promise<string>) | null;
  makeAccounts: MakeAccounts | null;
  close(): Promise<void>;
};

/** The given server, or a temporary one. */
const openTarget = async (
  options: Options,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Target> => {
  const { url, databaseUrl, redisUrl } = options;
  if (url !== null)
    return {
      url,
      isTrusting: false,
      makeAccounts: null,
      databaseUrl: databaseUrl === null ? null : async () => databaseUrl,
      close: async () => undefined,
    };
  const { env, execPath, pid } = processPort;
  const secret = ids.secret() + ids.secret();
  const server = await openScratchServer({
    http,
    clock,
    env,
    execPath,
    pid,
    signal,
    settings: {
      HOLD_TTL_MS: String(scratchHoldTtlMs(options.pace)),
      ROOM_PASS_TTL_MS: String(scratchPassTtlMs(options.pace)),
      ROOM_CLAIM_WINDOW_MS: String(claimWindowMs),
      USHER_SECRET: secret,
      // Every buyer calls from a different address, so that rate limits can stay on.
      TRUST_PROXY: '127.0.0.1',
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
    },
  });
  return {
    url: server.url,
    isTrusting: true,
    databaseUrl: server.databaseUrl,
    makeAccounts: async (count) => {
      const db = open(await server.databaseUrl());
      return makeScratchAccounts({ db, secret, clock, ids })(count).finally(db.close);
    },
    close: server.stop,
  };
};

const open = (url: string) =>
  openDatabase({
    url,
    name: 'stampede',
    log: silentLog,
    poolMax: 2,
    statementTimeoutMs: 120_000,
  });

/** One connection per query: the server may have restarted in between. */
const databaseOf = (urlOf: () => Promise<string>): Database => {
  const ask = async <T>(question: (db: ReturnType<typeof openDatabase>) => Promise<T>) => {
    const db = open(await urlOf());
    return question(db).finally(db.close);
  };
  return {
    checkInvariants: () => ask(checkInvariants),
    eventsLeft: () =>
      ask(async (db) => {
        const [row] = await db.query<{ left: number }>(
          'SELECT count(*) AS left FROM platform.waiting_events',
        );
        return row?.left ?? 0;
      }),
  };
};

/** The record of a room, from the journal or from Redis. */
const historyOf =
  (urlOf: () => Promise<string>, redisUrl: string | null) => async (showId: string) => {
    const db = open(await urlOf());
    const defaults = readConfig({});
    if (!defaults.ok) throw new Error('assertion failed: the defaults are a valid configuration');
    const terms = termsOf(defaults.config);
    return readRoomHistory({ db, redisUrl, terms, log: silentLog, showId }).finally(db.close);
  };

const ofDemo = (wanted: 'ORGANISER' | 'OPERATOR'): LogIn => {
  const account = demoAccounts.find(({ role }) => role === wanted);
  if (account === undefined) throw new Error(`assertion failed: the demo has an ${wanted}`);
  return account;
};

const execute = async (options: Options, stopping: AbortController): Promise<number> => {
  const { signal } = stopping;
  const { isJson, htmlPath } = options;
  // Report an unwritable file now, not after the run.
  if (htmlPath !== null) await (await openFile(htmlPath, 'a')).close();
  const http = makeHttpClient(connectionsMax);
  const progress = makeProgress({
    clock,
    isTerminal: processPort.isTerminal && !isJson,
    print: isJson ? processPort.printError : processPort.print,
  });
  if (options.url === null) progress.say('  starting a temporary server');
  let target: Target | null = null;
  try {
    target = await openTarget(options, http, signal);
    const seed = options.seed ?? clock.nowMs() % 0x1_0000_0000;
    const { report, evening } = await runStampede({
      options: { ...options, seed },
      url: target.url,
      organiser: options.organiser ?? ofDemo('ORGANISER'),
      operator: options.operator ?? ofDemo('OPERATOR'),
      isTrusting: target.isTrusting,
      makeAccounts: target.makeAccounts,
      claimWindowMs,
      database: target.databaseUrl === null ? null : databaseOf(target.databaseUrl),
      history: target.databaseUrl === null ? null : historyOf(target.databaseUrl, options.redisUrl),
      http,
      clock,
      makeSecret: ids.secret,
      progress,
      signal,
    });
    await target.close();
    target = null;
    if (htmlPath !== null) await writeFile(htmlPath, renderPage(report, evening, clock.nowMs()));
    processPort.print(isJson ? `${JSON.stringify(report)}\n` : renderReport(report));
    return isBroken(report) ? 3 : 0;
  } finally {
    // Stops people who still shop after a failure.
    stopping.abort();
    await target?.close();
    await http.close();
  }
};

const run = async (argv: string[]): Promise<number> => {
  const words = parseWords(argv);
  if (words.outcome === 'help') {
    processPort.print(help);
    return 0;
  }
  if (words.outcome === 'refused') {
    for (const fault of words.faults) processPort.printError(`${fault}\n`);
    return 2;
  }
  const stopping = new AbortController();
  processPort.onEnd(() => stopping.abort());
  return execute(words.options, stopping);
};

export const stampedeCommand: Command = { help, run };

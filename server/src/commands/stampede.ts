import { demoAccounts } from '../demo/seed.ts';
import { checkInvariants } from '../invariants.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { silentLog } from '../platform/log.ts';
import { openDatabase } from '../platform/postgres/sql.ts';
import { processPort } from '../platform/process.ts';
import { type HttpClient, makeHttpClient } from '../stampede/http.ts';
import { makeProgress } from '../stampede/progress.ts';
import { isBroken, renderReport } from '../stampede/report.ts';
import { runStampede as run } from '../stampede/run.ts';
import { openScratchServer } from '../stampede/scratch-server.ts';
import type { Database } from '../stampede/settle.ts';
import { help, type Options, parseWords } from '../stampede/words.ts';

const clock = systemClock;
/** Shared by all buyers, who spend most of their time thinking. */
const connectionsMax = 512;
/** Seats that a buyer abandons should come back while the others are still there. */
const scratchHoldTtlMs = (pace: number): number => Math.max(20_000, Math.round(7 * 60_000 * pace));

type House = {
  url: string;
  isTrusting: boolean;
  databaseUrl: (() => Promise<string>) | null;
  close(): Promise<void>;
};

/** The server that was named, or one of our own. */
const openHouse = async (
  options: Options,
  http: HttpClient,
  signal: AbortSignal,
): Promise<House> => {
  const { url, databaseUrl } = options;
  if (url !== null)
    return {
      ...{ url, isTrusting: false },
      databaseUrl: databaseUrl === null ? null : async () => databaseUrl,
      close: async () => undefined,
    };
  const { env, execPath, pid } = processPort;
  const server = await openScratchServer({
    ...{ http, clock, env, execPath, pid, signal },
    settings: {
      HOLD_TTL_MS: String(scratchHoldTtlMs(options.pace)),
      // Every buyer calls from an address of their own, so that the rate limits stay on.
      TRUST_PROXY: '127.0.0.1',
    },
  });
  return {
    url: server.url,
    isTrusting: true,
    databaseUrl: server.databaseUrl,
    close: server.stop,
  };
};

/** A connection for each question: the server may have been started anew in between. */
const databaseOf = (urlOf: () => Promise<string>): Database => {
  const ask = async <T>(question: (db: ReturnType<typeof openDatabase>) => Promise<T>) => {
    const db = openDatabase({
      url: await urlOf(),
      name: 'stampede',
      log: silentLog,
      poolMax: 2,
      statementTimeoutMs: 120_000,
    });
    return question(db).finally(db.close);
  };
  return {
    checkInvariants: () => ask(checkInvariants),
    outboxLeft: () =>
      ask(async (db) => {
        const [row] = await db.query<{ left: number }>(
          'SELECT count(*) AS left FROM platform.outbox WHERE published_at IS NULL',
        );
        return row?.left ?? 0;
      }),
  };
};

const demoOrganiser = (): { email: string; password: string } => {
  const account = demoAccounts.find(({ role }) => role === 'ORGANISER');
  if (account === undefined) throw new Error('assertion failed: the demo has an organiser');
  return account;
};

const execute = async (options: Options, stopping: AbortController): Promise<number> => {
  const { signal } = stopping;
  const { isJson } = options;
  const http = makeHttpClient(connectionsMax);
  const progress = makeProgress({
    clock,
    isTerminal: processPort.isTerminal && !isJson,
    print: isJson ? processPort.printError : processPort.print,
  });
  if (options.url === null) progress.say('  starting a server on data of its own');
  let house: House | null = null;
  try {
    house = await openHouse(options, http, signal);
    const seed = options.seed ?? clock.nowMs() % 0x1_0000_0000;
    const report = await run({
      options: { ...options, seed },
      url: house.url,
      organiser: options.organiser ?? demoOrganiser(),
      isTrusting: house.isTrusting,
      database: house.databaseUrl === null ? null : databaseOf(house.databaseUrl),
      ...{ http, clock, ids: makeIds(clock), progress, signal },
    });
    await house.close();
    house = null;
    processPort.print(isJson ? `${JSON.stringify(report)}\n` : renderReport(report));
    return isBroken(report) ? 3 : 0;
  } finally {
    // Whoever still shops after a failure stops here.
    stopping.abort();
    await house?.close();
    await http.close();
  }
};

export const runStampede = async (argv: string[]): Promise<number> => {
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

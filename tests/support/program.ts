import { type App, openApp } from '../../server/src/app.ts';
import { readConfig } from '../../server/src/config.ts';
import { type Clock, systemClock } from '../../server/src/platform/clock.ts';
import { makeLog } from '../../server/src/platform/log.ts';
import type { FailPoint } from '../../server/src/services/payments/index.ts';
import { afterThisFile } from './after-file.ts';
import { makeAsk, sendByFetch, sendByInject } from './ask.ts';
import { makeTestDatabase } from './postgres.ts';
import { makeSaleTools } from './sale.ts';
import { openSandbox, type TestSandbox } from './sandbox.ts';
import { scratchFolder } from './scratch.ts';

export type ProgramOptions = {
  /** The database of an earlier program, for a restart; default: a new one. */
  databaseUrl?: string;
  sandbox?: TestSandbox;
  /** The provider's URL, if it is not the sandbox. */
  tossUrl?: string;
  publicUrl?: string;
  /** Environment variables in addition to those of every test. */
  settings?: Readonly<Record<string, string>>;
  failPoint?: (point: FailPoint) => Promise<void>;
  /** Default: the system's. */
  clock?: Clock;
  /** False: another program works on the same database. Default: true. */
  isAlone?: boolean;
};

const secret = 'the secret of the tests, long enough for every one of them';
const staffPassword = 'the staff of the tests';

/** Webhooks need a URL that is known only when the program listens. */
const listenOnce = (app: App, sandbox: TestSandbox): (() => Promise<string>) => {
  let listening: Promise<string> | null = null;
  const listen = async (): Promise<string> => {
    const url = await app.listen();
    await sandbox.webhooksTo(`${url}/api/v1/webhooks/toss`);
    return url;
  };
  return () => {
    listening ??= listen();
    return listening;
  };
};

/** Creates a staff account and returns its access token. */
export const makeStaff =
  (app: App, enter: (person: { email: string; password: string }) => Promise<string>) =>
  async (role: 'ORGANISER' | 'OPERATOR', name: string): Promise<string> => {
    const email = `${name}@example.com`;
    const account = { email, password: staffPassword, name, role, locale: 'ko' as const };
    await app.services.identity.ensureAccount(account);
    return enter({ email, password: staffPassword });
  };

/** A process of the program, on a database of its own and with the payment sandbox. */
export const openProcess = async (options: ProgramOptions = {}) => {
  const databaseUrl = options.databaseUrl ?? (await makeTestDatabase()).url;
  const sandbox = options.sandbox ?? (await openSandbox());
  const result = readConfig({
    USHER_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    RATE_LIMITS: 'false',
    ...options.settings,
  });
  if (!result.ok) throw new Error(result.faults.join('\n'));
  const { secretKey, clientKey } = sandbox;
  const { USHER_SERVICES: served } = result.config;
  const isPaidHere = served.includes('payments') || served.includes('orders');
  const errors: string[] = [];
  const destination = { write: (line: string) => void errors.push(line) };
  const log = makeLog({ level: 'error', service: 'test', destination });
  const app = await openApp({
    config: result.config,
    clock: options.clock ?? systemClock,
    log,
    secret,
    databaseUrl,
    dataDir: await scratchFolder(),
    // Only its form matters: these tests send nothing there.
    publicUrl: options.publicUrl ?? 'http://usher.test',
    toss: isPaidHere
      ? { url: options.tossUrl ?? sandbox.url, secretKey, clientKey, isSandbox: true }
      : null,
    isAlone: options.isAlone ?? true,
    checkAnswers: true,
    ...(options.failPoint === undefined ? {} : { failPoint: options.failPoint }),
  });
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= app.close();
    return closing;
  };
  afterThisFile(close);
  const listen = listenOnce(app, sandbox);
  return { app, sandbox, databaseUrl, close, listen, errors };
};

/**
 * The whole program in this process; every answer is checked against the contract. No demo data:
 * there are an organiser and an operator; the rest is created through the API. Closed when the test
 * file is done.
 */
export const openProgram = async (options: ProgramOptions = {}) => {
  const { app, sandbox, databaseUrl, close, listen, errors } = await openProcess(options);
  const asker = makeAsk(sendByInject(app.http), () => errors.at(-1) ?? '');
  const tools = makeSaleTools(asker, sandbox);
  const staff = makeStaff(app, tools.enter);
  return {
    app,
    sandbox,
    databaseUrl,
    close,
    listen,
    /** What the program logged as an error, a line of JSON each. */
    errors,
    ...asker,
    ...tools,
    /** The access tokens of staff. */
    organiser: await staff('ORGANISER', 'organiser'),
    rival: await staff('ORGANISER', 'rival'),
    operator: await staff('OPERATOR', 'operator'),
    /** The same over HTTP; the program listens from now on. */
    overHttp: async () => makeAsk(sendByFetch(await listen())),
  };
};
export type Program = Awaited<ReturnType<typeof openProgram>>;

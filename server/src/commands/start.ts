import { parseArgs } from 'node:util';
import { type App, openApp } from '../app.ts';
import { type Settings, serviceNames } from '../config.ts';
import { type DemoLogIn, protectDemoAccounts } from '../demo/accounts.ts';
import { chooseOrigin, isLoopback, tryListening } from '../platform/address.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { type Lifecycle, makeLifecycle } from '../platform/lifecycle.ts';
import { type Log, makeLog } from '../platform/log.ts';
import { openMemoryKeeper } from '../platform/memory.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { stateMachines } from '../state-machines.ts';
import { configOrFaults } from './check-config.ts';
import type { Command } from './command.ts';
import { makeProgress } from './progress.ts';
import { openProvider } from './provider.ts';
import { seedOnce } from './seed.ts';
import { openSurroundings } from './surroundings.ts';

/** Shutting down takes less than this; anything that hangs longer is abandoned. */
const closeMaxMs = 10_000;

const banner = (facts: {
  url: string;
  sandboxUrl: string | null;
  dataDir: string;
  isDemo: boolean;
  logIns: readonly DemoLogIn[];
}) =>
  [
    '',
    `  Usher is open:   ${facts.url}`,
    `  API documents:   ${facts.url}/docs   (${facts.url}/openapi.json)`,
    `  First purchase:  docs/first-purchase.md`,
    ...(facts.sandboxUrl === null
      ? []
      : [`  Payment sandbox: ${facts.sandboxUrl} (no money moves)`]),
    ...(facts.isDemo ? [`  Mails:           ${facts.url}/outbox`] : []),
    `  Data:            ${facts.dataDir}`,
    ...(facts.logIns.length === 0
      ? []
      : [
          '',
          '  Demo accounts:',
          ...facts.logIns.map((a) => `    ${a.role.padEnd(10)} ${a.email}   ${a.password}`),
        ]),
    '',
    '  Ctrl-C stops it; what was sold stays sold.',
    '',
    '',
  ].join('\n');

/** Resolves when the demo is visible; its sold-out show is sold while the server is running. */
const openDemo = async (app: App, sandboxUrl: string, life: Lifecycle, log: Log): Promise<void> => {
  const stopping = new AbortController();
  const shown = Promise.withResolvers<void>();
  const seeding = seedOnce(app, sandboxUrl, stopping.signal, shown.resolve);
  const noted = seeding.catch((error: unknown) => {
    if (!stopping.signal.aborted) log.error({ err: error }, 'demo not fully loaded');
  });
  life.onClose('demo', () => {
    stopping.abort();
    return noted;
  });
  await Promise.race([shown.promise, seeding]);
};

/** Without TLS everything works, and everybody on the way can read it. */
const warnOfPlainHttp = (publicUrl: string, log: Log): void => {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'http:' && !isLoopback(hostname))
    log.warn({ publicUrl }, 'no TLS: passwords and sessions can be read on the network');
};

/** Runs until it is asked to stop; returns the exit code. */
const serve = async (config: Readonly<Settings>, log: Log): Promise<number> => {
  const life = makeLifecycle(log);
  let isEnding = false;
  const ended = new Promise<number>((resolve) => {
    processPort.onEnd((why) => {
      isEnding = true;
      log.info({ why }, 'closing');
      const giveUp = systemClock.sleep(closeMaxMs).then(() => 1);
      void Promise.race([life.close().then(() => 0), giveUp]).then(resolve);
    });
  });
  processPort.onBug((error) => log.error({ err: error }, 'uncaught exception'));
  const opening = async (): Promise<void> => {
    // Before the work of a minute, not after it.
    await tryListening(config.HOST, config.PORT);
    const progress = makeProgress(systemClock, processPort.printError);
    const surroundings = await progress.phase('Database ready', () =>
      openSurroundings(config, log),
    );
    life.onClose('surroundings', surroundings.close);
    const { databaseUrl, dataDir, secret, isEmbedded } = surroundings;
    if (isEnding) return;
    await progress.phase('Migrations applied', () =>
      migrate({ url: databaseUrl, log, machines: stateMachines }),
    );
    const publicUrl = config.PUBLIC_URL ?? chooseOrigin(config.HOST, config.PORT);
    warnOfPlainHttp(publicUrl, log);
    const provider = await openProvider(config, publicUrl, dataDir);
    if (provider !== null) life.onClose('provider', provider.stop);
    const app = await openApp({
      config,
      clock: systemClock,
      log,
      secret,
      databaseUrl,
      dataDir,
      publicUrl,
      toss: provider,
      isAlone: isEmbedded,
    });
    life.onClose('app', app.close);
    const sandboxUrl = provider?.isSandbox ? provider.url : null;
    // The demo is sold through every service.
    const isWhole = serviceNames.every((name) => config.USHER_SERVICES.includes(name));
    const isDemo = isEmbedded && isWhole;
    if (isDemo && sandboxUrl !== null)
      await progress.phase('Demo data ready', () => openDemo(app, sandboxUrl, life, log));
    if (isEnding) return;
    const isReachable = !isLoopback(config.HOST) || !isLoopback(new URL(publicUrl).hostname);
    const logIns = config.USHER_SERVICES.includes('identity')
      ? await protectDemoAccounts(app.services.identity, {
          isReachable,
          isDemo,
          makePassword: makeIds(systemClock).secret,
        })
      : [];
    const url = await app.listen();
    life.onClose('memory', openMemoryKeeper({ clock: systemClock, log }).close);
    progress.end('Ready');
    processPort.print(
      banner({ url: config.PUBLIC_URL ?? url, sandboxUrl, dataDir, isDemo, logIns }),
    );
  };
  try {
    await opening();
  } catch (error) {
    if (!isEnding) {
      await life.close();
      throw error;
    }
  }
  if (isEnding) await life.close();
  return ended;
};

const help = `usher start: run the server; without DATABASE_URL on an embedded database

  --services a,b   serve only these: ${serviceNames.join(', ')}

Settings are environment variables; 'usher check-config' prints them. TERM or Ctrl-C stops it.

Exit codes: 0 stopped as asked, 1 failed, 2 usage error.
`;

const run = async (argv: string[]): Promise<number> => {
  const { values } = parseArgs({ args: argv, options: { services: { type: 'string' } } });
  const { services } = values;
  const config = configOrFaults(services === undefined ? {} : { USHER_SERVICES: services });
  if (config === null) return 1;
  return serve(config, makeLog({ level: config.LOG_LEVEL, service: 'usher' }));
};

export const startCommand: Command = { help, run };

import { parseArgs } from 'node:util';
import { openApp } from '../app.ts';
import { openChildProgram } from '../platform/child-program.ts';
import { systemClock } from '../platform/clock.ts';
import type { Settings } from '../platform/config.ts';
import { makeLifecycle } from '../platform/lifecycle.ts';
import { type Log, makeLog } from '../platform/log.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { configOrFaults } from './check-config.ts';
import { demoAccounts, seedOnce } from './seed.ts';
import { openSurroundings } from './surroundings.ts';

const sandboxProgram = new URL('../../../sandbox/src/main.ts', import.meta.url);
/** Draining takes less than this; what hangs longer is given up. */
const closeMaxMs = 10_000;

/** The real provider when it is configured, else our sandbox as a program of its own. */
const openProvider = async (config: Readonly<Settings>, publicUrl: string, dataDir: string) => {
  if (config.TOSS_URL !== undefined) {
    const { TOSS_SECRET_KEY: secretKey, TOSS_CLIENT_KEY: clientKey } = config;
    if (secretKey === undefined || clientKey === undefined)
      throw new Error('TOSS_URL needs TOSS_SECRET_KEY and TOSS_CLIENT_KEY beside it');
    const isSandbox = clientKey.startsWith('sandbox_');
    return { url: config.TOSS_URL, secretKey, clientKey, isSandbox, stop: async () => undefined };
  }
  const keys = { secretKey: 'sandbox_sk_usher_demo', clientKey: 'sandbox_ck_usher_demo' };
  const sandbox = await openChildProgram(sandboxProgram, [
    '--secret-key',
    keys.secretKey,
    '--client-key',
    keys.clientKey,
    '--webhook-url',
    `${publicUrl}/api/v1/webhooks/toss`,
    '--journal',
    `${dataDir}/sandbox.journal`,
  ]);
  return { ...keys, url: String(sandbox.ready['listening']), isSandbox: true, stop: sandbox.stop };
};

const banner = (facts: {
  url: string;
  sandboxUrl: string | null;
  dataDir: string;
  isDemo: boolean;
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
    ...(facts.isDemo
      ? [
          '',
          '  Demo accounts:',
          ...demoAccounts.map((a) => `    ${a.role.padEnd(10)} ${a.email}   ${a.password}`),
        ]
      : []),
    '',
    '  Ctrl-C ends it; what was sold stays sold.',
    '',
    '',
  ].join('\n');

/** Runs until it is told to end; answers the exit code. */
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
  processPort.onBug((error) => log.error({ err: error }, 'a bug nobody caught'));
  const opening = async (): Promise<void> => {
    const surroundings = await openSurroundings(config, log);
    life.onClose('surroundings', surroundings.close);
    const { databaseUrl, dataDir, secret, isEmbedded } = surroundings;
    if (isEnding) return;
    await migrate({ url: databaseUrl, log });
    const publicUrl = config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`;
    const provider = await openProvider(config, publicUrl, dataDir);
    life.onClose('provider', provider.stop);
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
    if (isEmbedded) await seedOnce(app, log);
    if (isEnding) return;
    const url = await app.listen();
    const sandboxUrl = provider.isSandbox ? provider.url : null;
    processPort.print(banner({ url, sandboxUrl, dataDir, isDemo: isEmbedded }));
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

export const start = async (argv: string[]): Promise<number> => {
  const { values } = parseArgs({ args: argv, options: { services: { type: 'string' } } });
  const { services } = values;
  const config = configOrFaults(services === undefined ? {} : { USHER_SERVICES: services });
  if (config === null) return 1;
  return serve(config, makeLog({ level: config.LOG_LEVEL, service: 'usher' }));
};

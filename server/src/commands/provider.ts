import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Settings } from '../config.ts';
import { openChildProgram } from '../platform/child-program.ts';

const sandboxProgram = new URL('../../../sandbox/src/main.ts', import.meta.url);

export type OpenProvider = {
  url: string;
  secretKey: string;
  clientKey: string;
  isSandbox: boolean;
  stop(): Promise<void>;
};

/**
 * The real provider when it is configured, else our sandbox as a program of its own. Null in a
 * process that serves neither payments nor orders. One that serves orders alone opens the payment
 * window of a provider that it never calls: the client key is enough, and no sandbox is started.
 */
export const openProvider = async (
  config: Readonly<Settings>,
  publicUrl: string,
  dataDir: string,
): Promise<OpenProvider | null> => {
  if (!config.USHER_SERVICES.includes('payments')) {
    const clientKey = config.TOSS_CLIENT_KEY;
    if (!config.USHER_SERVICES.includes('orders') || clientKey === undefined) return null;
    return {
      url: config.TOSS_URL ?? '',
      secretKey: '',
      clientKey,
      isSandbox: clientKey.startsWith('sandbox_') && config.TOSS_URL !== undefined,
      stop: async () => undefined,
    };
  }
  if (config.TOSS_URL !== undefined) {
    const { TOSS_SECRET_KEY: secretKey, TOSS_CLIENT_KEY: clientKey } = config;
    if (secretKey === undefined || clientKey === undefined)
      throw new Error('TOSS_URL requires TOSS_SECRET_KEY and TOSS_CLIENT_KEY');
    const isSandbox = clientKey.startsWith('sandbox_');
    return { url: config.TOSS_URL, secretKey, clientKey, isSandbox, stop: async () => undefined };
  }
  const keys = { secretKey: 'sandbox_sk_usher_demo', clientKey: 'sandbox_ck_usher_demo' };
  const args = [
    '--secret-key',
    keys.secretKey,
    '--client-key',
    keys.clientKey,
    '--webhook-url',
    `${publicUrl}/api/v1/webhooks/toss`,
    // A provider does not forget money when the merchant restarts.
    '--journal',
    join(dataDir, 'sandbox.journal'),
  ];
  const sandbox = await openSandbox(args, join(dataDir, 'sandbox.port'));
  return { ...keys, ...sandbox, isSandbox: true };
};

/** The same port as before, so that addresses given to buyers stay valid after a restart. */
const openSandbox = async (args: readonly string[], portFile: string) => {
  const known = Number(await readFile(portFile, 'utf8').catch(() => '0'));
  const port = (await isFree(known)) ? known : 0;
  const program = await openChildProgram(sandboxProgram, [...args, '--port', String(port)]);
  const url = String(program.ready['listening']);
  await writeFile(portFile, new URL(url).port, { mode: 0o600 });
  return { url, stop: program.stop };
};

/** Whether a port of 127.0.0.1 is free now. */
const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

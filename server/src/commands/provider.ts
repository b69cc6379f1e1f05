import { openChildProgram } from '../platform/child-program.ts';
import type { Settings } from '../platform/config.ts';

const sandboxProgram = new URL('../../../sandbox/src/main.ts', import.meta.url);

/** The real provider when it is configured, else our sandbox as a program of its own. */
export const openProvider = async (
  config: Readonly<Settings>,
  publicUrl: string,
  dataDir: string,
) => {
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
  ]);
  return { ...keys, url: String(sandbox.ready['listening']), isSandbox: true, stop: sandbox.stop };
};

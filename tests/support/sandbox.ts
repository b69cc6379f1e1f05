import { makeSandbox } from '../../sandbox/src/server.ts';
import { type ChildProgram, openChildProgram } from '../../server/src/platform/child-program.ts';
import { afterThisFile } from './after-file.ts';

export type SandboxRule = {
  match?: { call?: string; orderId?: string; paymentKey?: string };
  times?: number;
  phase?: 'before-commit' | 'after-commit';
} & (
  | { action: 'delay'; delayMs: number }
  | { action: 'hang' | 'reset' | 'truncate' }
  | { action: 'answer'; status?: number; code: string }
  | { action: 'html'; status?: number }
);

type Call = { call: string; orderId: string | null; status?: number };

/** The payment sandbox and its levers, wherever it runs. */
const leversOf = (url: string) => {
  const control = async (
    path: string,
    body?: unknown,
    method = body === undefined ? 'GET' : 'POST',
  ): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${url}/__ctl/${path}`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const told = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(`the sandbox answers ${JSON.stringify(told)} to ${path}`);
    return told;
  };
  return {
    url,
    control,
    /** The buyer enters the card; returns the payment's key. */
    authenticate: async (
      attemptId: string,
      amountMinor: number,
      outcome: 'approve' | 'decline' | 'timeout' | 'lost' = 'approve',
    ): Promise<string> => {
      const told = await control('authenticate', {
        orderId: attemptId,
        amount: amountMinor,
        outcome,
      });
      return String(told['paymentKey']);
    },
    rule: (rule: SandboxRule) => control('rules', rule),
    clearRules: () => control('rules', undefined, 'DELETE'),
    webhooksTo: (webhookUrl: string | null) => control('settings', { webhookUrl }, 'PATCH'),
    calls: async (orderId: string): Promise<Call[]> =>
      (await control(`calls?orderId=${orderId}`))['calls'] as Call[],
    /** Money that the provider holds for each attempt: the truth about it. */
    money: async (): Promise<Map<string, number>> => {
      const { orders } = await control('ledger/orders');
      const list = orders as { orderId: string; net: number }[];
      return new Map(list.map(({ orderId, net }) => [orderId, net]));
    },
    assertNoDoubleCharge: () => control('assert-no-double-charge'),
  };
};
export type TestSandbox = ReturnType<typeof leversOf> & {
  secretKey: string;
  clientKey: string;
  stop(): Promise<void>;
};

const keys = { secretKey: 'sandbox_sk_of_a_test', clientKey: 'sandbox_ck_of_a_test' };

/** In this process; closed when the test file is done. */
export const openSandbox = async (): Promise<TestSandbox> => {
  const sandbox = makeSandbox({
    clock: {
      now: Date.now,
      wake: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    },
    random: Math.random,
    ...keys,
    webhookUrl: null,
    journal: null,
    settings: {},
    paymentsMax: 100_000,
  });
  const url = await sandbox.listen(0, '127.0.0.1');
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= sandbox.close();
    return stopping;
  };
  afterThisFile(stop);
  return { ...leversOf(url), ...keys, stop };
};

const program = new URL('../../sandbox/src/main.ts', import.meta.url);

/** A separate program, which outlives the programs that call it. */
export const openSandboxProgram = async (): Promise<TestSandbox & { child: ChildProgram }> => {
  const child = await openChildProgram(program, [
    '--secret-key',
    keys.secretKey,
    '--client-key',
    keys.clientKey,
  ]);
  afterThisFile(child.stop);
  return { ...leversOf(String(child.ready['listening'])), ...keys, stop: child.stop, child };
};

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { whenOver } from './test-bed.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** The program as a child process; killed after the test if it still runs. */
const start = (args: string[], stdin: 'pipe' | 'ignore' = 'pipe'): ChildProcess => {
  const child = spawn(process.execPath, [main, ...args], { stdio: [stdin, 'pipe', 'pipe'] });
  whenOver(() => ended(child, () => child.kill('SIGKILL')));
  return child;
};

const ended = async (child: ChildProcess, kill: () => void): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  kill();
  await exit;
};

const listening = async (child: ChildProcess): Promise<string> => {
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return (JSON.parse(line) as { listening: string }).listening;
};

const textOf = async (stream: NodeJS.ReadableStream): Promise<string> => {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw failure;
  }
};

test('the sandbox prints its address as one line of JSON and accepts its keys there', async () => {
  const child = start(['--secret-key', 'sandbox_sk_mine', '--client-key', 'sandbox_ck_mine']);
  const base = await listening(child);
  expect(base).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const made = await fetch(`${base}/__ctl/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ orderId: 'order-0001', amount: 15_000 }),
  });
  const { paymentKey } = (await made.json()) as { paymentKey: string };
  const confirmed = await fetch(`${base}/v1/payments/confirm`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('sandbox_sk_mine:').toString('base64')}` },
    body: JSON.stringify({ paymentKey, orderId: 'order-0001', amount: 15_000 }),
  });
  expect(await confirmed.json()).toMatchObject({ status: 'DONE', paymentKey });
});

test('the sandbox takes chances and latency from the command line, in real time', async () => {
  const child = start(['--decline-percent', '100', '--latency-ms', '1']);
  const base = await listening(child);
  const made = await fetch(`${base}/__ctl/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ orderId: 'order-0001', amount: 15_000 }),
  });
  const { paymentKey } = (await made.json()) as { paymentKey: string };
  const confirmed = await fetch(`${base}/v1/payments/confirm`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('sandbox_sk_demo:').toString('base64')}` },
    body: JSON.stringify({ paymentKey, orderId: 'order-0001', amount: 15_000 }),
  });
  expect(confirmed.status).toBe(403);
  await confirmed.text();
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'the sandbox ends on %s even if a call hangs',
  async (signal) => {
    const child = start([]);
    const base = await listening(child);
    await fetch(`${base}/__ctl/rules`, { method: 'POST', body: '{"action":"hang"}' });
    const hanging = fetch(`${base}/v1/payments/sbx_any`, {
      headers: { authorization: `Basic ${Buffer.from('sandbox_sk_demo:').toString('base64')}` },
    }).catch(() => 'cut off');
    await until('the call hangs', async () => {
      const { calls } = (await (await fetch(`${base}/__ctl/stats`)).json()) as { calls: number };
      return calls === 1;
    });
    const exit = once(child, 'exit');
    child.kill(signal);
    expect(await exit).toEqual([0, null]);
    expect(await hanging).toBe('cut off');
  },
);

test('the sandbox ends when its input is closed', async () => {
  const child = start([]);
  await listening(child);
  const exit = once(child, 'exit');
  child.stdin!.end();
  expect(await exit).toEqual([0, null]);
});

test('the sandbox ends when the program that started it is killed', async () => {
  const parentProgram = `
    import { spawn } from 'node:child_process';
    const child = spawn(process.execPath, [${JSON.stringify(main)}], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.once('data', () => console.log(child.pid));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', parentProgram], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  whenOver(() => ended(parent, () => parent.kill('SIGKILL')));
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await until('the sandbox has ended', () => !isAlive(pid));
});

test('the sandbox keeps running if its input cannot be closed', async () => {
  const child = start([], 'ignore');
  const base = await listening(child);
  expect((await fetch(`${base}/__ctl/clock`)).status).toBe(200);
  expect(child.exitCode).toBeNull();
});

test.each([
  [['--port', '70000'], '--port'],
  [['--latency-ms', 'soon'], '--latency-ms'],
  [['--colour', 'red'], '--colour'],
  [['--webhook-url', 'https://127.0.0.1/hook'], '--webhook-url'],
])('the sandbox names the faulty option in %j', async (args, name) => {
  const child = start(args, 'ignore');
  const [text, [code]] = await Promise.all([textOf(child.stderr!), once(child, 'exit')]);
  expect(code).toBe(2);
  expect(text).toContain(name);
});

test('the sandbox reports a port that is in use', async () => {
  const first = start([]);
  const { port } = new URL(await listening(first));
  const second = start(['--port', port], 'ignore');
  const [text, [code]] = await Promise.all([textOf(second.stderr!), once(second, 'exit')]);
  expect(code).toBe(1);
  expect(text).toContain(`port ${port} of 127.0.0.1 is taken`);
});

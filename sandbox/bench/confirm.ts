/**
 * What a confirm costs the sandbox: starts it, authenticates a batch, confirms each payment once
 * over kept connections and prints one JSON line. CPU is the sandbox's own, asked of it before and
 * after; a bare node:http server asked the same in the same run shows what the machine is worth
 * at the moment. `--webhooks` also has the sandbox tell a receiver of every payment, `--journal`
 * has it keep one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    confirms: { type: 'string', default: '60000' },
    connections: { type: 'string', default: '32' },
    webhooks: { type: 'boolean', default: false },
    journal: { type: 'boolean', default: false },
  },
});
const confirms = Number(values.confirms);
const connections = Number(values.connections);
const amount = 150_000;

type Program = { base: URL; end: () => void };

const start = async (file: string, args: string[]): Promise<Program> => {
  const path = new URL(file, import.meta.url).pathname;
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { listening } = JSON.parse(line) as { listening: string };
  return { base: new URL(listening), end: () => child.stdin.end() };
};

const ask = async <T>(base: URL, path: string, body?: unknown): Promise<T> => {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return (await (await fetch(new URL(path, base), init)).json()) as T;
};

const confirmText = (base: URL, payment: { orderId: string; paymentKey: string }): Buffer => {
  const credentials = Buffer.from('sandbox_sk_demo:').toString('base64');
  const body = JSON.stringify({ ...payment, amount });
  return Buffer.from(
    `POST /v1/payments/confirm HTTP/1.1\r\nhost: ${base.host}\r\n` +
      `authorization: Basic ${credentials}\r\n` +
      `idempotency-key: confirm:${payment.orderId}:0123456789abcdef\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
};

const authenticate = async (base: URL, count: number, prefix: string): Promise<Buffer[]> => {
  const requests: Buffer[] = [];
  for (let done = 0; done < count; done += 5000) {
    const payments = Array.from({ length: Math.min(5000, count - done) }, (_, at) => ({
      orderId: `${prefix}_01jd8zk3v7q2m4x6t${done + at}`,
      amount,
    }));
    const made = await ask<{ payments: { orderId: string; paymentKey: string }[] }>(
      base,
      '/__ctl/authenticate',
      { payments },
    );
    requests.push(...made.payments.map((payment) => confirmText(base, payment)));
  }
  return requests;
};

/** Sends what `next` gives, one at a time on one connection, until it gives nothing more. */
const worker = (base: URL, next: () => Buffer | undefined, latenciesMs: number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(base.port), base.hostname);
    let answer = '';
    let askedAt = 0;
    const send = (): void => {
      const request = next();
      if (request === undefined) {
        socket.end();
        resolve();
        return;
      }
      answer = '';
      askedAt = performance.now();
      socket.write(request);
    };
    socket.setEncoding('latin1').on('error', reject).once('connect', send);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      const head = answer.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1]);
      if (head < 0 || answer.length < head + 4 + length) return;
      if (!answer.startsWith('HTTP/1.1 200')) reject(new Error(answer));
      latenciesMs.push(performance.now() - askedAt);
      send();
    });
  });

const measure = async (base: URL, requests: Buffer[], settled: () => Promise<void>) => {
  type Stats = { cpuMicros: number; rssBytes: number };
  const before = await ask<Stats>(base, '/__ctl/stats');
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  let at = 0;
  const next = (): Buffer | undefined => requests[at++];
  await Promise.all(Array.from({ length: connections }, () => worker(base, next, latenciesMs)));
  const elapsedMs = performance.now() - startedAt;
  await settled();
  const after = await ask<Stats>(base, '/__ctl/stats');
  latenciesMs.sort((a, b) => a - b);
  const ms = (share: number): number =>
    Number(latenciesMs[Math.floor(requests.length * share)]!.toFixed(2));
  return {
    perS: Math.round((requests.length / elapsedMs) * 1000),
    cpuMicros: Number(((after.cpuMicros - before.cpuMicros) / requests.length).toFixed(1)),
    p50Ms: ms(0.5),
    p99Ms: ms(0.99),
    rssMb: Math.round(after.rssBytes / 1e6),
  };
};

let received = 0;
let wanted = Number.POSITIVE_INFINITY;
let reached = (): void => {};
const receiver = createServer((req, res) => {
  req.resume().on('end', () => {
    res.end('ok');
    received += 1;
    if (received >= wanted) reached();
  });
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
const { port } = receiver.address() as AddressInfo;

/** Resolves when the receiver has had `count` webhooks since the last time. */
const heard = async (count: number): Promise<void> => {
  if (!values.webhooks) return;
  if (received < count) {
    await new Promise<void>((resolve) => {
      wanted = count;
      reached = resolve;
    });
  }
  received = 0;
  wanted = Number.POSITIVE_INFINITY;
};

const bare = await start('./bare.ts', []);
const bareRequests = Array.from({ length: confirms }, (_, at) =>
  confirmText(bare.base, { orderId: `ord_01jd8zk3v7q2m4x6t${at}`, paymentKey: 'sbx_'.repeat(7) }),
);
await measure(bare.base, bareRequests.slice(0, 5000), async () => {});
const least = await measure(bare.base, bareRequests, async () => {});
bare.end();

const hook = values.webhooks ? ['--webhook-url', `http://127.0.0.1:${port}/hook`] : [];
const folder = mkdtempSync(join(tmpdir(), 'sandbox-bench-'));
const kept = values.journal ? ['--journal', join(folder, 'journal')] : [];
const sandbox = await start('../src/main.ts', [...hook, ...kept]);
const warm = await authenticate(sandbox.base, 5000, 'warm');
await measure(sandbox.base, warm, () => heard(5000));
const requests = await authenticate(sandbox.base, confirms, 'ord');
const confirm = await measure(sandbox.base, requests, () => heard(confirms));
sandbox.end();
receiver.close();
receiver.closeAllConnections();
rmSync(folder, { recursive: true });
const ratio = Number((confirm.cpuMicros / least.cpuMicros).toFixed(2));
process.stdout.write(`${JSON.stringify({ ...values, confirms, confirm, bare: least, ratio })}\n`);

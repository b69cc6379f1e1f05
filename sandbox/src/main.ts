import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeSandbox, type Sandbox, type SandboxOptions } from './server.ts';

const usage = `usage: node sandbox/src/main.ts [options]
  --port N                   0 (the default) takes a free one
  --host H                   default 127.0.0.1
  --secret-key K             default sandbox_sk_demo
  --client-key K             default sandbox_ck_demo
  --webhook-url URL          http: only; without it no webhooks are sent
  --latency-ms N             added to every API call
  --decline-percent N        chance of a decline at confirm
  --timeout-percent N        chance that confirm never answers (half of them charged)
  --webhook-duplicate-percent N
  --payments-max N           default 500000
  --journal FILE             keeps payments, money and answers over a restart; one process a file
Prints {"listening": "http://HOST:PORT"} when ready. Ends on TERM, INT, when its input pipe is
closed, or when the process that started it is gone.
`;

const options = {
  port: { type: 'string', default: '0' },
  host: { type: 'string', default: '127.0.0.1' },
  'secret-key': { type: 'string', default: 'sandbox_sk_demo' },
  'client-key': { type: 'string', default: 'sandbox_ck_demo' },
  'webhook-url': { type: 'string' },
  'latency-ms': { type: 'string', default: '0' },
  'decline-percent': { type: 'string', default: '0' },
  'timeout-percent': { type: 'string', default: '0' },
  'webhook-duplicate-percent': { type: 'string', default: '0' },
  'payments-max': { type: 'string', default: '500000' },
  journal: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const refuse = (why: string): never => {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(2);
};

const parse = () => {
  try {
    return parseArgs({ options }).values;
  } catch (failure) {
    return refuse((failure as Error).message);
  }
};
const values = parse();

const numberOf = (name: keyof typeof values, max: number): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  return refuse(`--${name} must be a whole number from 0 to ${max}`);
};

const webhookUrl = (): string | null => {
  const text = values['webhook-url'];
  if (text === undefined) return null;
  if (URL.canParse(text) && new URL(text).protocol === 'http:') return text;
  return refuse('--webhook-url must be an http: address');
};

if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const make = (): Sandbox => {
  const { journal = null } = values;
  const settings = {
    latencyMs: numberOf('latency-ms', 600_000),
    declinePercent: numberOf('decline-percent', 100),
    timeoutPercent: numberOf('timeout-percent', 100),
    webhookDuplicatePercent: numberOf('webhook-duplicate-percent', 100),
  };
  const options: SandboxOptions = {
    clock: {
      now: Date.now,
      wake: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    },
    random: Math.random,
    secretKey: values['secret-key'],
    clientKey: values['client-key'],
    webhookUrl: webhookUrl(),
    settings,
    paymentsMax: numberOf('payments-max', 10_000_000),
    journal,
  };
  try {
    return makeSandbox(options);
  } catch (failure) {
    if (journal === null) throw failure;
    process.stderr.write(`cannot use the journal ${journal}: ${(failure as Error).message}\n`);
    process.exit(1);
  }
};
const sandbox = make();

let isEnding = false;
const end = (): void => {
  if (isEnding) return;
  isEnding = true;
  sandbox.close().then(
    () => process.exit(0),
    (failure: unknown) => {
      process.stderr.write(`${failure}\n`);
      process.exit(1);
    },
  );
};

process.on('SIGTERM', end);
process.on('SIGINT', end);
// A closed pipe means that the process at its other end is gone. A terminal or /dev/null means
// nothing of the kind, so those are not watched.
const input = fstatSync(0);
if (input.isFIFO() || input.isSocket()) {
  process.stdin.on('end', end).on('close', end).on('error', end).resume();
}
// A killed parent does not close its own input if that was passed on; its child is then reparented.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) end();
}, 500).unref();

try {
  const listening = await sandbox.listen(numberOf('port', 65_535), values.host);
  process.stdout.write(`${JSON.stringify({ listening })}\n`);
} catch (failure) {
  const { code, message } = failure as NodeJS.ErrnoException;
  process.stderr.write(
    code === 'EADDRINUSE'
      ? `port ${values.port} of ${values.host} is taken: choose another with --port, or 0\n`
      : `cannot listen on port ${values.port} of ${values.host}: ${message}\n`,
  );
  process.exit(1);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeApi } from './api.ts';
import { makeCalls } from './calls.ts';
import { makeCheckout } from './checkout.ts';
import { makeControl } from './control.ts';
import { makeFaults } from './faults.ts';
import { makeIdempotency } from './idempotency.ts';
import { type Journal, makeJournal } from './journal.ts';
import { makeLedger } from './ledger.ts';
import { makePayments } from './payments.ts';
import { makePost } from './post.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { makeTime, type TimeBase } from './time.ts';
import { makeWebhooks, type Post } from './webhooks.ts';

export type SandboxOptions = {
  clock: TimeBase;
  /** A number in [0, 1), like Math.random; a seeded one makes a run repeatable. */
  random: () => number;
  secretKey: string;
  clientKey: string;
  webhookUrl: string | null;
  settings: Partial<Settings>;
  /** More payments than this are refused with 503 SANDBOX_FULL; 2.4 kB each with their keys. */
  paymentsMax: number;
  /** The file that outlives the process; null keeps everything in memory only. */
  journal: string | null;
};

export type Sandbox = ReturnType<typeof makeSandbox>;

const apiBodyMaxBytes = 64 * 1024;
/** A batch of 10,000 authentications is about 2 MB. */
const controlBodyMaxBytes = 16 * 1024 * 1024;

/** The whole sandbox around one HTTP server, not yet listening. */
export const makeSandbox = (options: SandboxOptions) => {
  const { clock, random, secretKey, clientKey, paymentsMax } = options;
  let base = '';
  const baseUrl = (): string => base;
  const settings: Settings = { ...defaultSettings, ...options.settings };
  const webhookTarget = { url: options.webhookUrl === null ? null : new URL(options.webhookUrl) };
  const time = makeTime(clock);
  const sender = makePost(() => webhookTarget.url);
  const journal = makeJournal();
  const post = afterWriting(journal, sender.post);
  const webhooks = makeWebhooks({ post, time, random, settings, baseUrl });
  const ledger = makeLedger({ random, written: journal.entry });
  const payments = makePayments({
    nowMs: time.nowMs,
    random,
    ledger,
    paymentsMax,
    touched: journal.payment,
    changed: (payment) => {
      journal.payment(payment);
      if (webhookTarget.url !== null) webhooks.changed(payment);
    },
  });
  const idempotency = makeIdempotency({
    nowMs: time.nowMs,
    keysMax: 2 * paymentsMax,
    answered: journal.answer,
  });
  const faults = makeFaults();
  const calls = makeCalls({ callsMax: 200_000 });
  const stores = { payments, ledger, idempotency, faults, calls, time, settings, journal };
  if (options.journal !== null) journal.open(options.journal, stores);
  const api = makeApi({ ...stores, secretKey, baseUrl });
  const checkout = makeCheckout({ payments, settings, random, clientKey, journal });
  const control = makeControl({ ...stores, webhooks, webhookTarget, random });

  const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    const url = req.url ?? '/';
    const isControl = url.startsWith('/__ctl');
    readBody(req, res, isControl ? controlBodyMaxBytes : apiBodyMaxBytes, (text) => {
      if (isControl) control.handle(req, res, url, text);
      else if (url.startsWith('/v1/') && !url.endsWith('/checkout'))
        api.handle(req, res, url, text);
      else checkout.handle(req, res, url, text);
    });
  });

  return {
    /** Resolves with the address when connections are accepted; rejects if the port is in use. */
    listen: (port: number, host: string): Promise<string> =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const { port: taken } = server.address() as AddressInfo;
          base = `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
          resolve(base);
        });
      }),
    /** Closes every connection, even those that hang, and every timer. */
    close: (): Promise<void> =>
      new Promise((resolve) => {
        time.close();
        sender.close();
        server.close(() => resolve(journal.close()));
        server.closeAllConnections();
      }),
    /** Moves the sandbox's time, as `POST /__ctl/clock/advance` does. */
    advance: control.advance,
    /** Resolves when every webhook that is due has been answered. */
    whenWebhooksIdle: webhooks.whenIdle,
  };
};

/** A webhook reports a change as an answer does, so it too waits until the change is stored. */
const afterWriting =
  (journal: Journal, post: Post): Post =>
  (headers, body, answered) => {
    let isStopped = false;
    let stop = (): void => {
      isStopped = true;
    };
    journal.whenWritten(() => {
      if (!isStopped) stop = post(headers, body, answered);
    });
    return () => stop();
  };

const readBody = (
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
  done: (text: string) => void,
): void => {
  if (req.method === 'GET') {
    done('');
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  });
  req.on('end', () => {
    if (bytes > maxBytes) {
      res.writeHead(413, { 'Content-Type': 'text/plain' }).end('body too large\n');
      return;
    }
    done(chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString());
  });
};

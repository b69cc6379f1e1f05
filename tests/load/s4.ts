import { makeRandom } from '@usher/domain/random.ts';
import type { Sale } from '@usher/stampede/crowd.ts';
import { latencyOf, makeHistogram } from '@usher/stampede/histogram.ts';
import { type Measured, measure, measureIdle, rounded } from './measure.ts';
import { findSaturation, type Load, type OpEnd, runAtRate } from './open-loop.ts';
import { makeRawClient, type RawClient } from './raw-http.ts';
import { codeOf, holdSeats, nextKey } from './s3.ts';
import type { Person, TestServer } from './test-server.ts';

/** The time for a purchase: three requests, one of which calls the provider. */
const purchaseMs = 1000;

export type S4Size = {
  shows: number;
  houseSeats: number;
  fromPerS: number;
  toPerS: number;
  stepSeconds: number;
  oneByOneSeconds: number;
};
export const s4Size: S4Size = {
  shows: 20,
  houseSeats: 20_000,
  fromPerS: 100,
  toPerS: 12_800,
  stepSeconds: 5,
  oneByOneSeconds: 8,
};
/** hold, order, pay; the payment window is the sandbox's. */
export const requestsPerPurchase = 3;
/** Transactions of a purchase: held, placed, begun, sent, answered, settled; see booking.md. */
const stepsPerPurchase = 6;
/** How the sandbox answers in this scenario. */
const sandboxSettings = {
  latencyMs: 5,
  declinePercent: 2,
  timeoutPercent: 1,
  webhookDuplicatePercent: 5,
};
const seed = 4;
/** Of saturation: the load at which an operator would run a sale. */
const calmShare = 0.6;

const orderParts = /"checkout":\{"attemptId":"(att_[\w-]+)".*?"amount":\{"amount":(\d+)/;

/** The payment window of many buyers: all cards entered within a turn go in one call. */
const makeWindow = (client: RawClient) => {
  type Typed = { orderId: string; amount: number; resolve: (paymentKey: string) => void };
  let typed: Typed[] = [];
  const flush = async (): Promise<void> => {
    const batch = typed;
    typed = [];
    const payments = batch.map(({ orderId, amount }) => ({ orderId, amount }));
    const body = JSON.stringify({ payments });
    const answer = await client.send('POST', '/__ctl/authenticate', '', body);
    const made = JSON.parse(answer.body.toString()).payments as { paymentKey?: string }[];
    for (const [i, { resolve }] of batch.entries()) resolve(made[i]?.paymentKey ?? 'none');
  };
  return (orderId: string, amount: number): Promise<string> =>
    new Promise((resolve, reject) => {
      typed.push({ orderId, amount, resolve });
      if (typed.length === 1)
        setImmediate(() => {
          flush().catch(reject);
        });
    });
};

type Order = { attemptId: string; amount: number; sandboxOrigin: string };

const placeOrder = async (
  target: TestServer,
  person: Person,
  holdId: string,
): Promise<Order | { code: string }> => {
  const headers = `${person.headers}idempotency-key: ${nextKey()}\r\n`;
  const body = `{"holdId":"${holdId}"}`;
  const answer = await target.client.send('POST', '/api/v1/orders', headers, body);
  if (answer.status !== 201) return { code: codeOf(answer.body) };
  const text = answer.body.toString();
  const [, attemptId = '', amount = ''] = orderParts.exec(text) ?? [];
  const sandboxOrigin = /"checkoutUrl":"(http:\/\/[^/]+)/.exec(text)?.[1] ?? '';
  return { attemptId, amount: Number(amount), sandboxOrigin };
};

const pay = async (
  target: TestServer,
  person: Person,
  { attemptId, amount }: Order,
  paymentKey: string,
): Promise<OpEnd> => {
  const path = `/api/v1/payments/${attemptId}/confirm`;
  const headers = `${person.headers}idempotency-key: ${nextKey()}\r\n`;
  const body = `{"paymentKey":"${paymentKey}","amount":${amount}}`;
  const answer = await target.client.send('POST', path, headers, body);
  if (answer.status === 200) return { kind: 'done' };
  if (answer.status === 202) return { kind: 'open', reason: 'not known after 8 s' };
  const code = codeOf(answer.body);
  const isNo = code === 'PAYMENT_DECLINED';
  return isNo ? { kind: 'refused', reason: code } : { kind: 'error', reason: code };
};

/** Whole purchases of different seats, and how long each step took. */
const makePurchases = async (target: TestServer, sales: readonly Sale[]) => {
  const random = makeRandom(seed);
  const cursors = sales.map(() => 0);
  const steps = { hold: makeHistogram(), order: makeHistogram(), pay: makeHistogram() };
  let started = 0;
  const next = () => {
    const nth = started++;
    const person = target.people[nth % target.people.length];
    const at = (nth + Math.floor(nth / target.people.length)) % sales.length;
    const sale = sales[at];
    if (person === undefined || sale === undefined) throw new Error('nobody is there');
    const first = cursors[at] ?? 0;
    const count = 1 + random.below(4);
    cursors[at] = first + count;
    const seats = Array.from({ length: count }, (_, i) => first + i);
    return { person, sale, seats, isFull: first + count > sale.seatCount };
  };

  const orderNext = async (): Promise<{ person: Person; order: Order } | OpEnd> => {
    const { person, sale, seats, isFull } = next();
    if (isFull) return { kind: 'error', reason: 'the houses are full' };
    const startMs = performance.now();
    const held = await holdSeats(target, person, sale.performanceId, seats);
    if (held.outcome === 'refused') return { kind: 'error', reason: held.code };
    const heldMs = performance.now();
    steps.hold.record(heldMs - startMs);
    const order = await placeOrder(target, person, held.holdId);
    if ('code' in order) return { kind: 'error', reason: order.code };
    steps.order.record(performance.now() - heldMs);
    return { person, order };
  };

  const first = await orderNext();
  if (!('order' in first)) throw new Error('the first order did not work');
  const sandbox = makeRawClient(first.order.sandboxOrigin, 16);
  const settings = JSON.stringify(sandboxSettings);
  const changed = await sandbox.send('PATCH', '/__ctl/settings', '', settings);
  if (changed.status !== 200) throw new Error(`the sandbox refused: ${changed.body}`);
  const window = makeWindow(sandbox);

  const op = async (): Promise<OpEnd> => {
    const ordered = await orderNext();
    if (!('order' in ordered)) return ordered;
    const { person, order } = ordered;
    const paymentKey = await window(order.attemptId, order.amount);
    const startMs = performance.now();
    const end = await pay(target, person, order, paymentKey);
    if (end.kind === 'done') steps.pay.record(performance.now() - startMs);
    return end;
  };
  return { op, steps, sandbox };
};

export type Purchases = Awaited<ReturnType<typeof makePurchases>>;

const openSale = async (target: TestServer, size: S4Size): Promise<Purchases> => {
  const venue = await target.shows.makeVenue(size.houseSeats);
  const sales: Sale[] = [];
  for (let made = 0; made < size.shows; made++) sales.push(await target.shows.makeSale(venue));
  return makePurchases(target, sales);
};

const runAtLoad = async (
  target: TestServer,
  size: S4Size,
  { op }: Purchases,
  idle: number,
  say: (line: string) => void,
): Promise<{ measured: Measured; tried: Load[]; calm: Load }> => {
  await runAtRate({ perS: size.fromPerS, seconds: 3, op });
  const tryRate = async (perS: number) => {
    const load = await runAtRate({ perS, seconds: size.stepSeconds, op, soonMs: purchaseMs });
    const p99 = load.latency.quantileMs(0.99).toFixed(0);
    say(`S4: ${perS}/s offered, ${load.donePerS.toFixed(0)}/s paid, p99 ${p99} ms`);
    return load;
  };
  const { bestPerS, tried } = await findSaturation({
    fromPerS: size.fromPerS,
    toPerS: size.toPerS,
    tryRate,
  });
  const best = Math.max(bestPerS, size.fromPerS / 4);
  const seconds = 2 * size.stepSeconds;
  const measured = await measure(target, idle, () => runAtRate({ perS: best, seconds, op }));
  const calm = await runAtRate({ perS: calmShare * best, seconds, op });
  return { measured, tried, calm };
};

/** One purchase after the other: every step is a batch of one, with or without group commit. */
const runOneByOne = async (target: TestServer, size: S4Size, { op }: Purchases, idle: number) =>
  measure(target, idle, async () => {
    const load: Load = {
      offeredPerS: 0,
      seconds: size.oneByOneSeconds,
      donePerS: 0,
      keptUp: 1,
      done: 0,
      refused: {},
      open: {},
      errors: {},
      latency: makeHistogram(),
    };
    const untilMs = performance.now() + size.oneByOneSeconds * 1000;
    while (performance.now() < untilMs) {
      const startMs = performance.now();
      const end = await op();
      if (end.kind !== 'done') continue;
      load.done += 1;
      load.latency.record(performance.now() - startMs);
    }
    load.donePerS = load.done / size.oneByOneSeconds;
    return load;
  });

export const runS4 = async (target: TestServer, size: S4Size, say: (line: string) => void) => {
  const purchases = await openSale(target, size);
  // Before the load: after it mails are sent for a long time, at a commit or two each.
  const idle = await measureIdle(target, 5);
  const oneByOne = await runOneByOne(target, size, purchases, idle);
  const { measured, tried, calm } = await runAtLoad(target, size, purchases, idle, say);
  const book = await purchases.sandbox.send('GET', '/__ctl/assert-no-double-charge', '', null);
  purchases.sandbox.close();
  const { steps } = purchases;
  const batches = await target.metric('usher_batch_size_count');
  const calls = await target.metric('usher_batch_size_sum');
  return {
    scenario: 'S4',
    store: 'embedded',
    ...measured,
    requestsPerOp: requestsPerPurchase,
    dbCommitsPerStep: rounded(measured.dbCommitsPerOp / stepsPerPurchase, 4),
    stepsMs: {
      hold: latencyOf(steps.hold),
      order: latencyOf(steps.order),
      pay: latencyOf(steps.pay),
    },
    oneByOne: {
      throughputPerS: oneByOne.throughputPerS,
      dbCommitsPerOp: oneByOne.dbCommitsPerOp,
      p50Ms: oneByOne.p50Ms,
      cpuMicrosPerOp: oneByOne.cpuMicrosPerOp,
    },
    meanBatch: rounded(calls / Math.max(1, batches), 2),
    isChargedOnce: book.status === 200,
    atSixtyPercent: {
      offeredPerS: rounded(calm.offeredPerS, 1),
      donePerS: rounded(calm.donePerS, 1),
      ...latencyOf(calm.latency),
    },
    steps: tried.map(({ offeredPerS, donePerS }) => ({ offeredPerS, donePerS })),
    invariantViolations: await target.violations(),
  };
};

/** The same with group commit switched off: each call is a statement and a commit of its own. */
export const runS4Ungrouped = async (
  target: TestServer,
  size: S4Size,
  say: (line: string) => void,
) => {
  const purchases = await openSale(target, size);
  const idle = await measureIdle(target, 5);
  const { measured } = await runAtLoad(target, size, purchases, idle, say);
  purchases.sandbox.close();
  return { ...measured, invariantViolations: await target.violations() };
};

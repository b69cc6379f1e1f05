import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '@usher/tests/support/until.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeIdempotency } from './idempotency.ts';
import { makeJournal } from './journal.ts';
import { makeLedger } from './ledger.ts';
import { makePayments } from './payments.ts';
import { type Bed, bedStartsAtMs, startSandbox, type Told, whenOver } from './test-bed.ts';
import { makeTime } from './time.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const hourMs = 3_600_000;

let file: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-journal-'));
  file = join(folder, 'sandbox.journal');
  whenOver(async () => rmSync(folder, { recursive: true }));
});

const contents = (): string => readFileSync(file, 'utf8');

describe('a process that is killed', () => {
  const authorization = `Basic ${Buffer.from('sandbox_sk_demo:').toString('base64')}`;

  const start = async (port = '0') => {
    const child = spawn(process.execPath, [main, '--journal', file, '--port', port], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    whenOver(() => kill(child));
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const base = (JSON.parse(line) as { listening: string }).listening;
    return { child, base, port: new URL(base).port };
  };

  const kill = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };

  const ask = async (base: string, path: string, body?: object, key?: string) => {
    const answer = await fetch(`${base}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  const authenticate = async (base: string, orderId: string): Promise<string> =>
    String(
      (await ask(base, '/__ctl/authenticate', { orderId, amount: 15_000 })).body['paymentKey'],
    );

  test.each([{ action: 'reset' }, { action: 'delay', delayMs: 20_000 }])(
    'between charge and answer ($action) still has the charge and the answer',
    async (rule) => {
      const first = await start();
      const paymentKey = await authenticate(first.base, 'order-0001');
      await ask(first.base, '/__ctl/rules', { phase: 'after-commit', times: 1, ...rule });
      const confirm = { paymentKey, orderId: 'order-0001', amount: 15_000 };
      const cutOff = ask(first.base, '/v1/payments/confirm', confirm, 'key-1').catch(
        () => 'cut off',
      );
      const ledger = await until('the money has moved', async () => {
        const { body } = await ask(first.base, '/__ctl/ledger');
        return body['size'] === 1 ? body : null;
      });
      await kill(first.child);
      expect(await cutOff).toBe('cut off');

      const { base } = await start(first.port);
      expect(base).toBe(first.base);
      const query = await ask(base, '/v1/payments/orders/order-0001');
      expect(query).toMatchObject({ status: 200, body: { status: 'DONE', paymentKey } });
      const replay = await ask(base, '/v1/payments/confirm', confirm, 'key-1');
      expect(replay).toEqual(query);
      expect((await ask(base, '/__ctl/ledger')).body).toEqual(ledger);
      const other = await ask(base, '/v1/payments/confirm', confirm, 'key-2');
      expect(other.body['code']).toBe('ALREADY_PROCESSED_PAYMENT');
    },
  );

  test('in the middle of a crowd has lost nothing that it reported', async () => {
    const first = await start();
    const orders = Array.from({ length: 200 }, (_, at) => `order-${1000 + at}`);
    const told = new Map<string, unknown>();
    const gone = once(first.child, 'exit');
    const pay = async (orderId: string, at: number): Promise<void> => {
      const paymentKey = await authenticate(first.base, orderId);
      const confirm = { paymentKey, orderId, amount: 15_000 };
      // However fast the machine is: some calls are sent after the process has ended.
      if (at >= 150) await gone;
      const { body } = await ask(first.base, '/v1/payments/confirm', confirm, orderId);
      told.set(orderId, body);
      if (told.size === 50) first.child.kill('SIGKILL');
    };
    const outcomes = await Promise.allSettled(orders.map(pay));
    expect(outcomes.filter(({ status }) => status === 'rejected')).not.toEqual([]);

    const { base } = await start(first.port);
    expect(told.size).toBeGreaterThanOrEqual(50);
    for (const [orderId, body] of told) {
      expect((await ask(base, `/v1/payments/orders/${orderId}`)).body).toEqual(body);
    }
    const { body } = await ask(base, '/__ctl/ledger');
    const captured = new Set((body['entries'] as { orderId: string }[]).map((it) => it.orderId));
    expect([...told.keys()].filter((orderId) => !captured.has(orderId))).toEqual([]);
  });
});

/** A sandbox on the journal, and its complete state, to compare with another's. */
const open = (at = bedStartsAtMs): Promise<Bed> =>
  startSandbox({ journal: file, clock: { now: () => at, wake: () => () => {} } });

const truth = async (bed: Bed, paymentKeys: string[]): Promise<unknown> => {
  const payments: Told['body'][] = [];
  for (const key of paymentKeys) {
    const { body } = await bed.api(`/v1/payments/${key}`);
    payments.push(JSON.parse(JSON.stringify(body).replaceAll(bed.base, '')));
  }
  const { idempotencyKeys, payments: size } = (await bed.control('stats')).body;
  return { payments, idempotencyKeys, size, ledger: await bed.ledger() };
};

/** One payment in each state. */
const everyKind = async (bed: Bed): Promise<string[]> => {
  const refunded = await bed.paid('order-refunded');
  await bed.cancel(refunded, { cancelAmount: 4_000 }, { 'idempotency-key': 'refund-1' });
  const declined = await bed.authenticate('order-declined', 15_000, { outcome: 'decline' });
  await bed.confirm(declined, 'order-declined', 15_000, { 'idempotency-key': 'declined-1' });
  const account = await bed.paid('order-account', 15_000, { method: 'VIRTUAL_ACCOUNT' });
  await bed.control('deposit', { orderId: 'order-account' });
  await bed.control('reverse-deposit', { orderId: 'order-account' });
  const failing = await bed.authenticate('order-failing', 15_000, { outcome: 'PROVIDER_ERROR' });
  await bed.confirm(failing, 'order-failing');
  return [refunded, declined, account, failing, await bed.authenticate('order-waiting')];
};

describe('a start on a journal', () => {
  test('restores every payment, entry and stored answer of the previous run', async () => {
    const first = await open();
    const keys = await everyKind(first);
    const before = await truth(first, keys);
    expect(before).toMatchObject({ idempotencyKeys: 2, size: 5 });
    const second = await open();
    expect(await truth(second, keys)).toEqual(before);
    const again = { cancelAmount: 4_000 };
    const replay = await second.cancel(keys[0]!, again, { 'idempotency-key': 'refund-1' });
    expect(replay.body).toMatchObject({ status: 'PARTIAL_CANCELED', balanceAmount: 11_000 });
    // The failure was for one call, and that call was before the restart.
    expect((await second.confirm(keys[3]!, 'order-failing')).status).toBe(200);
    expect((await second.confirm(keys[4]!, 'order-waiting')).status).toBe(200);
    expect(await second.ledger()).toHaveLength(6);
  });

  test('continues counting where the previous run stopped', async () => {
    const paymentKey = await (await open()).paid('order-0001');
    const second = await open();
    expect(await second.paid('order-0002')).not.toBe(paymentKey);
    expect(await second.ledger()).toMatchObject([{ seq: 0 }, { seq: 1 }]);
    const refused = await second.control('authenticate', { orderId: 'order-0001', amount: 1000 });
    expect(refused.body['code']).toBe('DUPLICATED_ORDER_ID');
  });

  test('changes nothing, and neither does the next start', async () => {
    const first = await open();
    const keys = await everyKind(first);
    const before = await truth(first, keys);
    await open();
    const rewritten = contents();
    const third = await open();
    expect(contents()).toBe(rewritten);
    expect(await truth(third, keys)).toEqual(before);
  });

  test('cuts off a torn last line, whose change no caller has seen', async () => {
    const first = await open();
    const keys = await everyKind(first);
    const before = await truth(first, keys);
    const lines = contents().split('\n');
    const torn = lines.find((line) => line.includes('capture'))!;
    appendFileSync(file, torn.slice(0, -20));
    const second = await open();
    expect(await truth(second, keys)).toEqual(before);
    expect(contents().endsWith('}\n')).toBe(true);
    await second.paid('order-0002');
    expect(await (await open()).ledger()).toHaveLength(5);
  });

  test('refuses a journal that is broken in the middle, and leaves it unchanged', async () => {
    await (await open()).paid('order-0001');
    const broken = `${contents()}{"payments":[\n`;
    writeFileSync(file, broken);
    await expect(open()).rejects.toThrow(/line \d+ cannot be read/);
    expect(contents()).toBe(broken);
  });

  test('lets payments expire whose time ran out while it was not running', async () => {
    const paymentKey = await (await open()).authenticate('order-0001');
    const later = await open(bedStartsAtMs + hourMs);
    const { body } = await later.api(`/v1/payments/${paymentKey}`);
    expect(body).toMatchObject({ status: 'EXPIRED' });
  });

  test('deletes after a day what ended without money, but never what took money', async () => {
    const first = await open();
    const [refunded, declined, account, failing] = await everyKind(first);
    await first.cancel(refunded!);
    const dayMs = 24 * hourMs;
    // An authenticated payment's deadline is ten minutes after it was created.
    const soon = await open(bedStartsAtMs + dayMs + 10 * 60_000 - 1);
    expect((await soon.api(`/v1/payments/${declined}`)).status).toBe(200);
    expect((await soon.api(`/v1/payments/${failing}`)).body['status']).toBe('EXPIRED');
    const later = await open(bedStartsAtMs + dayMs + 10 * 60_000);
    expect((await later.api(`/v1/payments/${declined}`)).status).toBe(404);
    expect((await later.api(`/v1/payments/${failing}`)).status).toBe(404);
    const months = await open(bedStartsAtMs + 90 * dayMs);
    const { body } = await months.api(`/v1/payments/${refunded}`);
    expect(body).toMatchObject({ status: 'CANCELED', balanceAmount: 0 });
    expect((await months.api(`/v1/payments/${account}`)).body['status']).toBe('EXPIRED');
    expect((await months.control('stats')).body).toMatchObject({ payments: 2, idempotencyKeys: 0 });
    expect(await months.ledger()).toHaveLength(5);
  });

  test('never starts its clock before the last entry, so the ledger stays in order', async () => {
    const first = await open();
    first.advance(48 * hourMs);
    await first.paid('order-0001');
    const second = await open();
    await second.paid('order-0002');
    const [one, two] = (await second.ledger()) as unknown as { atMs: number }[];
    expect(two!.atMs).toBe(one!.atMs);
  });

  test('finds nothing after a reset', async () => {
    const first = await open();
    await first.paid('order-0001');
    await first.control('reset', {});
    expect(contents()).toBe('');
    await first.authenticate('order-0002');
    const second = await open();
    expect((await second.control('stats')).body).toMatchObject({ payments: 1, ledgerEntries: 0 });
  });
});

test('responds only after a change is in the file', async () => {
  const journal = makeJournal();
  const time = makeTime({ now: () => bedStartsAtMs, wake: () => () => {} });
  const { nowMs } = time;
  const ledger = makeLedger({ random: () => 0.5, written: journal.entry });
  const changes = { changed: journal.payment, touched: journal.payment };
  const payments = makePayments({ nowMs, random: () => 0.5, ledger, paymentsMax: 10, ...changes });
  const idempotency = makeIdempotency({ nowMs, keysMax: 10, answered: journal.answer });
  journal.open(file, { payments, ledger, idempotency, time });
  payments.openAuthenticated({
    orderId: 'order-0001',
    orderName: 'seats',
    amount: 15_000,
    currency: 'KRW',
    method: 'CARD',
    outcome: 'approve',
    taxFreeAmount: 0,
    isPartialCancelable: true,
    customerKey: null,
    customerName: null,
  });
  let seen: string | null = null;
  journal.whenWritten(() => {
    seen = contents();
  });
  expect([seen, contents()]).toEqual([null, '']);
  journal.close();
  expect(seen).toContain('order-0001');
});

test('writes one line per turn of the event loop, however many changes there are', async () => {
  const bed = await open();
  const payments = Array.from({ length: 500 }, (_, at) => ({
    orderId: `order-${at}`,
    amount: 100,
  }));
  await bed.control('authenticate', { payments });
  const [line, rest] = contents().split('\n');
  expect((JSON.parse(line!) as { payments: unknown[] }).payments).toHaveLength(500);
  expect(rest).toBe('');
});

test('reports a journal that cannot be written, with its path', async () => {
  const child = spawn(process.execPath, [main, '--journal', join(file, 'in-a-file')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(text).toContain(`cannot use the journal ${join(file, 'in-a-file')}`);
});

test('writes nothing and waits for nothing without a journal', async () => {
  const bed = await startSandbox();
  await bed.paid('order-0001');
  expect(await bed.ledger()).toHaveLength(1);
  expect(await (await startSandbox()).ledger()).toEqual([]);
});

import { confirmPayment } from '@usher/contract/payments.ts';
import { readSeats, releaseHold, takeHold, watchSeats } from '@usher/contract/seats.ts';
import { decodeSeatBits, seatState } from '@usher/domain/seat-bits.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import { money, openAftermath, settled, violationsIn } from '../support/aftermath.ts';
import { jsonOf, makeAsk, pathOf, sendByFetch } from '../support/ask.ts';
import { watch } from '../support/event-stream.ts';
import { openRaw } from '../support/raw-http.ts';
import { makeSaleTools } from '../support/sale.ts';
import { openSandboxProgram, type TestSandbox } from '../support/sandbox.ts';
import { gatherCrowd, makeDoor, type Told } from '../support/stubborn-crowd.ts';
import { until } from '../support/until.ts';
import {
  embeddedUrl,
  finish,
  type Installation,
  killAll,
  makeInstallation,
  type Running,
  startIn,
  terminate,
} from '../support/usher-process.ts';

const kills = 5;
const paidBetween = 30;
const rows = 15;
const seatsInRow = 20;

let sandbox: TestSandbox;
let installation: Installation;
beforeAll(async () => {
  sandbox = await openSandboxProgram();
  // Both sides soon give up a call without an answer and query its outcome.
  await sandbox.control('settings', { hangMs: 3000 }, 'PATCH');
  installation = await makeInstallation({
    TOSS_URL: sandbox.url,
    TOSS_SECRET_KEY: sandbox.secretKey,
    TOSS_CLIENT_KEY: sandbox.clientKey,
    HOLD_TTL_MS: '5000',
    HOLD_TOTAL_MAX_MS: '10000',
    PAYMENT_WAIT_MS: '1000',
    PAYMENT_TIMEOUT_MS: '2000',
  });
  await sandbox.webhooksTo(`${installation.url}/api/v1/webhooks/toss`);
});

/** The demo's organiser: the embedded program comes with one. */
const demoOrganiser = { email: 'organiser@example.com', password: 'usher-demo-2026' };

/** The database's view of the purchases that buyers know about. */
const compareWith = async (db: Database, told: readonly Told[]) => {
  const found = await db.query<{ id: string; state: string; seats: number[] }>(
    `SELECT o.id, o.state, coalesce((SELECT array_agg(t.seat_no ORDER BY t.seat_no)
       FROM tickets.tickets t WHERE t.order_id = o.id AND t.state = 'LIVE'), '{}') AS seats
     FROM orders.orders o WHERE o.id = ANY ($1)`,
    [told.map(({ orderId }) => orderId)],
  );
  const byId = new Map(found.map((order) => [order.id, order]));
  return told.map((each) => ({ ...each, order: byId.get(each.orderId) }));
};

/** Creates a sale in the running program, as the demo's organiser. */
const openSale = async (performances: number) => {
  const send = sendByFetch(installation.url);
  const tools = makeSaleTools(makeAsk(send), sandbox);
  const organiser = await tools.enter(demoOrganiser);
  const sale = await tools.newSale(organiser, { rows, seatsInRow, performances });
  return { ...sale, send, tools };
};
type OpenSale = Awaited<ReturnType<typeof openSale>>;

const gather = async ({ send, performanceIds, seatCount }: OpenSale) => {
  const door = makeDoor();
  door.open();
  const crowd = await gatherCrowd({
    send,
    door,
    sandbox,
    performanceIds,
    seatCount,
    buyers: 60,
  });
  const morePaid = (count: number) => {
    const wanted = crowd.paid() + count;
    return until(`${wanted} orders were paid`, () => crowd.paid() >= wanted, 120_000);
  };
  /** Kills in mid-purchase; the crowd waits for the restart. */
  const killAndStart = async (running: Running): Promise<Running> => {
    door.shut();
    await killAll(installation, running);
    const next = await startIn(installation);
    door.open();
    return next;
  };
  return { ...crowd, morePaid, killAndStart };
};

/** Each purchase ended as its buyer was told; if the outcome was unknown, either is right. */
const expectAsTold = async (db: Database, told: readonly Told[]): Promise<void> => {
  const purchases = await compareWith(db, told);
  const endsOf = (end: Told['end']) => purchases.filter((each) => each.end === end);
  for (const { order, seatNos, orderId } of endsOf('PAID'))
    expect([orderId, order?.state, order?.seats]).toEqual([orderId, 'PAID', seatNos]);
  for (const { order, orderId } of endsOf('DECLINED'))
    expect([orderId, order?.state, order?.seats]).toEqual([orderId, 'FAILED', []]);
  for (const { order, orderId } of endsOf('ABANDONED'))
    expect([orderId, order?.state]).toEqual([orderId, 'EXPIRED']);
  const unknown = endsOf('UNKNOWN').map(({ order }) => order?.state);
  expect(unknown.length).toBeGreaterThan(0);
  expect(unknown.filter((state) => state !== 'PAID' && state !== 'FAILED')).toEqual([]);
};

/** Every seat of the sale is either free or has its ticket. */
const expectSeatsWhole = async (db: Database, sale: OpenSale): Promise<void> => {
  for (const performanceId of sale.performanceIds) {
    const { bytes } = await sale.tools.ask(readSeats, { params: { performanceId } });
    const states = [...decodeSeatBits(bytes, sale.seatCount)];
    const count = (wanted: number) => states.filter((state) => state === wanted).length;
    const [ticketed] = await db.query<{ count: number }>(
      `SELECT count(*) FROM tickets.tickets WHERE performance_id = $1 AND state = 'LIVE'`,
      [performanceId],
    );
    expect([count(seatState.SOLD), count(seatState.FREE)]).toEqual([
      ticketed?.count,
      sale.seatCount - (ticketed?.count ?? 0),
    ]);
  }
};

test('a second start on the same data is refused, with the folder and a remedy', async () => {
  const first = await startIn(installation);
  const { code, said } = await finish(['start'], { ...installation.settings, PORT: '0' });
  expect(code).toBe(1);
  expect(said).toContain(`the data folder ${installation.dataDir} is in use by a running Usher`);
  expect(said).toContain('USHER_DATA_DIR');
  const { tools, performanceId } = await openSale(1);
  const buyer = await tools.newBuyer();
  await tools.buy(buyer.token, performanceId, [0]);
  expect(await terminate(first)).toBe(0);
}, 600_000);

describe('TERM under load', () => {
  /** Takes and releases a seat until nothing answers any more; returns the holds it was given. */
  const takeUntilRefused = async ({ tools, performanceId }: OpenSale, seat: number) => {
    const { token: as, accountId } = await tools.newBuyer();
    const given = { as, params: { performanceId }, body: { seats: [seat] } };
    const holds: string[] = [];
    const answers: number[] = [];
    const live = async (): Promise<void> => {
      for (;;) {
        try {
          const held = await tools.ask(takeHold, given);
          answers.push(held.status);
          if (held.status !== 201) return;
          const holdId = String(jsonOf(held)['id']);
          holds.push(holdId);
          answers.push((await tools.ask(releaseHold, { as, params: { holdId } })).status);
        } catch {
          // The server accepts no more connections.
          return;
        }
      }
    };
    return { accountId, holds, answers, ended: live() };
  };

  test('exits with 0: requests in progress are answered, nothing is done silently', async () => {
    // The provider timeout is that of production, not a shorter one for the test.
    const patience = { PAYMENT_WAIT_MS: '8000', PAYMENT_TIMEOUT_MS: '20000' };
    let running = await startIn({
      ...installation,
      settings: { ...installation.settings, ...patience },
    });
    const sale = await openSale(1);
    const { tools, performanceId } = sale;
    const { token: as } = await tools.newBuyer();
    const { order, checkout } = await tools.order(as, performanceId, [0]);
    const { attemptId, amount } = checkout;
    const match = { call: 'confirm', orderId: attemptId };
    await sandbox.rule({ match, action: 'delay', delayMs: 2000 });
    const paymentKey = await sandbox.authenticate(attemptId, amount.amount);
    const path = pathOf(watchSeats, { params: { performanceId } });
    const viewer = await watch(`${installation.url}${path}`);
    const unused = await openRaw(installation.url);
    const loads = await Promise.all([20, 40, 60].map((seat) => takeUntilRefused(sale, seat)));
    await until('all clients are running', () => loads.every(({ holds }) => holds.length > 0));

    const body = { paymentKey, amount: amount.amount };
    const confirmed = tools.ask(confirmPayment, { as, params: { attemptId }, body });
    await until('the provider is called', async () => (await sandbox.calls(attemptId)).length > 0);
    expect(await terminate(running)).toBe(0);

    const reply = await confirmed;
    expect([reply.status, jsonOf(reply)]).toEqual([200, { orderId: order.id, orderState: 'PAID' }]);
    await until('the viewer was disconnected', viewer.hasEnded);
    unused.destroy();
    await Promise.all(loads.map(({ ended }) => ended));
    const answers = new Set(loads.flatMap((load) => load.answers));
    expect([...answers].filter((status) => status !== 201 && status !== 204)).toEqual([]);

    running = await startIn(installation);
    const db = openAftermath(await embeddedUrl(installation));
    for (const { accountId, holds } of loads) {
      const found = await db.query<{ id: string }>(
        'SELECT id FROM seats.holds WHERE buyer_id = $1 ORDER BY id',
        [accountId],
      );
      expect(found.map(({ id }) => id)).toEqual([...holds].sort());
    }
    await db.close();
    expect(await terminate(running)).toBe(0);
  }, 600_000);
});

describe('kill -9 of program and database in the middle of a crowd', () => {
  test('five times loses and duplicates nothing', async () => {
    let running = await startIn(installation);
    const sale = await openSale(8);
    const crowd = await gather(sale);
    for (let kill = 1; kill <= kills; kill++) {
      await crowd.morePaid(paidBetween);
      running = await crowd.killAndStart(running);
    }
    await crowd.morePaid(paidBetween);
    await crowd.disperse();
    // The kills hit calls in progress, and no buyer got an unexpected answer.
    expect(crowd.troubles.get('no answer') ?? 0).toBeGreaterThan(0);
    expect(crowd.unexpected).toEqual([]);

    const db = openAftermath(await embeddedUrl(installation));
    await settled(db, 120_000);
    expect(await violationsIn(db)).toEqual([]);
    await expectAsTold(db, crowd.told);
    await expectSeatsWhole(db, sale);
    const { ours, theirs } = await money(db, sandbox);
    expect(ours).toEqual(theirs);
    expect((await sandbox.assertNoDoubleCharge())['ok']).toBe(true);
    expect(await db.query('SELECT * FROM platform.dead_letters')).toEqual([]);
    await db.close();
    expect(await terminate(running)).toBe(0);
  }, 600_000);

  test('loses confirmed purchases if commits are asynchronous (guard off)', async () => {
    const first = await startIn(installation);
    const superuser = new URL(await embeddedUrl(installation));
    superuser.username = 'postgres';
    const planted = openAftermath(superuser.href);
    // Commits are confirmed at once and written later, as faster databases do.
    for (const setting of ['synchronous_commit = off', "wal_writer_delay = '10s'"])
      await planted.query(`ALTER SYSTEM SET ${setting}`);
    await planted.query("ALTER SYSTEM SET wal_writer_flush_after = '1GB'");
    // Both write all commits so far to the disk: vacuum with its own, the other before each page.
    for (const setting of ['autovacuum = off', 'bgwriter_lru_maxpages = 0'])
      await planted.query(`ALTER SYSTEM SET ${setting}`);
    await planted.close();
    await terminate(first);
    let running = await startIn(installation);
    const crowd = await gather(await openSale(8));
    await crowd.morePaid(2 * paidBetween);
    const toldBefore = crowd.told.map((each) => ({ ...each }));
    running = await crowd.killAndStart(running);
    await crowd.disperse();
    const db = openAftermath(await embeddedUrl(installation));
    const lost = (await compareWith(db, toldBefore)).filter(({ end, order }) => {
      return order === undefined || (end === 'PAID' && order.state !== 'PAID');
    });
    // An order of a lost hold fails, which is an answer that no buyer should get.
    expect([...lost, ...crowd.unexpected]).not.toEqual([]);
    await db.close();
    await terminate(running);
  }, 600_000);
});

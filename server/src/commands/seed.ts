import { roomSettings } from '@usher/contract/waiting-room.ts';
import { type App, openApp } from '../app.ts';
import { serviceNames } from '../config.ts';
import { type GiveRoom, type SellAll, seedDemo } from '../demo/seed.ts';
import { chooseOrigin } from '../platform/address.ts';
import { systemClock } from '../platform/clock.ts';
import { makeIds } from '../platform/ids.ts';
import { makeLog } from '../platform/log.ts';
import { migrate } from '../platform/postgres/migrate.ts';
import { processPort } from '../platform/process.ts';
import { stateMachines } from '../state-machines.ts';
import { configOrFaults } from './check-config.ts';
import { type Command, refuseWords } from './command.ts';
import { openProvider } from './provider.ts';
import { openSurroundings } from './surroundings.ts';

const ids = makeIds(systemClock);
const seatsPerBuyer = 4;
/** Concurrent purchases of the demo's audience. */
const buyersAtOnce = 32;

/** One purchase by the audience, like any buyer's; already made if its hold has ended. */
const buy = async (
  app: App,
  sandboxUrl: string,
  buyerId: string,
  performanceId: string,
  seatNos: readonly number[],
): Promise<void> => {
  const parts = ['demo', performanceId, String(seatNos[0])];
  const holdId = ids.fromParts('hold', ...parts);
  const orderId = ids.fromParts('order', ...parts);
  const { seats, orders, payments } = app.services;
  const who = { buyerId, requestId: 'demo' };
  const held = await seats.take({
    ...who,
    performanceId,
    holdId,
    wish: { kind: 'seats', seatNos },
  });
  if (held.outcome !== 'held' && held.outcome !== 'repeated') return;
  const placed = await orders.place({ ...who, orderId, holdId });
  if (placed.outcome !== 'placed' || placed.order.state !== 'PENDING') return;
  const { amount } = placed.order.total;
  const { attemptId } = placed.checkout;
  const response = await fetch(`${sandboxUrl}/__ctl/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId: attemptId, amount }),
  });
  if (!response.ok) throw new Error(`the payment sandbox returned ${response.status}`);
  const { paymentKey } = (await response.json()) as { paymentKey: string };
  const paid = await payments.confirm({ ...who, attemptId, amountMinor: amount, paymentKey });
  if (paid.outcome !== 'paid') throw new Error(`a purchase of the demo ended as ${paid.outcome}`);
};

/** Sells out performances through ordinary purchases, to an audience created for it. */
const makeSellAll =
  (app: App, sandboxUrl: string, stopped: AbortSignal): SellAll =>
  async (performances) => {
    const seatsMax = Math.max(0, ...performances.map(({ seatCount }) => seatCount));
    const buyerIds: string[] = [];
    for (let i = 0; i < Math.ceil(seatsMax / seatsPerBuyer); i++)
      buyerIds.push(
        await app.services.identity.ensureAccount({
          // Mail to `.invalid` can never be delivered (RFC 2606).
          email: `audience-${i + 1}@usher.invalid`,
          password: ids.secret(),
          name: `관객 ${i + 1}`,
          role: 'BUYER',
          locale: 'ko',
        }),
      );
    const purchases = performances.flatMap(({ performanceId, seatCount }) =>
      buyerIds.map((buyerId, i) => ({
        buyerId,
        performanceId,
        seatNos: Array.from({ length: seatsPerBuyer }, (_, k) => i * seatsPerBuyer + k).filter(
          (seatNo) => seatNo < seatCount,
        ),
      })),
    );
    const queue = purchases.filter(({ seatNos }) => seatNos.length > 0).values();
    const work = async (): Promise<void> => {
      for (const { buyerId, performanceId, seatNos } of queue) {
        // Not finished: the next start continues it.
        stopped.throwIfAborted();
        await buy(app, sandboxUrl, buyerId, performanceId, seatNos);
      }
    };
    await Promise.all(Array.from({ length: buyersAtOnce }, work));
  };

/** Idempotent: run again after an interruption, it leaves the room unchanged. */
const makeGiveRoom =
  (app: App): GiveRoom =>
  async (showId, opensAtMs) => {
    const wish = {
      showId,
      accountId: null,
      reason: null,
      requestId: 'demo',
      key: `demo ${showId}`,
    };
    const opensAt = new Date(opensAtMs).toISOString();
    const { outcome } = await app.services.levers.put(wish, null, roomSettings.parse({ opensAt }));
    if (outcome !== 'created' && outcome !== 'conflict')
      throw new Error(`the demo’s waiting room is ${outcome}`);
  };

/**
 * Loads the demo into the database, once; a database that already has it is not changed. `onShown`
 * is called when everything is visible; the sold-out show of the demo is sold after that.
 */
export const seedOnce = async (
  app: App,
  sandboxUrl: string,
  stopped: AbortSignal,
  onShown: () => void,
): Promise<void> => {
  const { identity, venues, catalogue } = app.services;
  const sellAll = makeSellAll(app, sandboxUrl, stopped);
  await seedDemo({
    identity,
    venues,
    catalogue,
    giveRoom: makeGiveRoom(app),
    sellAll: (performances) => {
      onShown();
      return sellAll(performances);
    },
    nowMs: systemClock.nowMs(),
  });
  onShown();
};

const help = `usher seed: load the demo into an empty database

Creates invented shows, accounts with published passwords, and a sold-out show. Not in production.

Exit codes: 0 the demo is loaded, 1 failed, 2 usage error.
`;

const run = async (argv: string[]): Promise<number> => {
  refuseWords(argv);
  // The demo is made and sold through every service.
  const config = configOrFaults({ USHER_SERVICES: serviceNames.join(',') });
  if (config === null) return 1;
  if (config.USHER_ENV === 'production')
    throw new Error('usher seed creates invented shows; it does not run in production');
  const log = makeLog({ level: config.LOG_LEVEL, service: 'usher' });
  const surroundings = await openSurroundings(config, log);
  const { databaseUrl, dataDir, secret, isEmbedded } = surroundings;
  const publicUrl = config.PUBLIC_URL ?? chooseOrigin(config.HOST, config.PORT);
  try {
    await migrate({ url: databaseUrl, log, machines: stateMachines });
    const toss = await openProvider(config, publicUrl, dataDir);
    if (!toss?.isSandbox)
      throw new Error('usher seed pays through the payment sandbox; unset TOSS_URL');
    const app = await openApp({
      config,
      clock: systemClock,
      log,
      secret,
      databaseUrl,
      dataDir,
      publicUrl,
      toss,
      isAlone: isEmbedded,
    });
    await seedOnce(app, toss.url, new AbortController().signal, () => undefined);
    await app.close();
    await toss.stop();
  } finally {
    await surroundings.close();
  }
  processPort.print('the demo is loaded\n');
  return 0;
};

export const seedCommand: Command = { help, run };
